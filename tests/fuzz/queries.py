"""Query strings: every kind of search parameter with every modifier and prefix, result parameters, page links."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from app.server.search.kinds import KINDS
from app.server.server import FhirServer
from tests.fuzz import values

MODIFIERS: Final = (
    "", "", "", "", ":exact", ":contains", ":missing", ":not", ":text", ":in", ":not-in", ":below", ":above",
    ":identifier", ":of-type", ":iterate", ":Patient", ":Observation", ":nothing", ":", "::", ":not:not",
)  # fmt: skip
GENERAL: Final = (
    "_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_text", "_content", "_list", "_query",
    "_filter",
    "_type", "_has", "_nothing",
)  # fmt: skip
RESULTS: Final = (
    "_sort", "_count", "_include", "_revinclude", "_summary", "_elements", "_total", "_contained", "_containedType",
    "_format", "_pretty", "_page", "_offset", "_score", "_since", "_at", "_list", "start", "end", "_graph", "mode",
)  # fmt: skip
GENERAL_RESULTS: Final = ("_format", "_pretty", "_summary", "_elements")
_PLAIN: Final[dict[str, Sequence[str]]] = {
    "_count": ("0", "1", "2", "5", "1000", "1001", "-1", "00", "9" * 30, "1.0", "a"),
    "_summary": ("true", "text", "data", "count", "false", "maybe"),
    "_total": ("none", "estimate", "accurate", "exact"),
    "_pretty": ("true", "false", "1"),
    "_format": ("json", "xml", "application/fhir+xml", "application/fhir json", "ttl", "html", "*/*"),
    "_elements": ("id", "status,code", "Observation.note,Patient.name", "nothing", "meta", ",", "_id", "Observation."),
    "_since": values.DATES,
    "_at": values.DATES,
    "start": values.DATES,
    "end": values.DATES,
    "max": ("1", "3", "0", "-1", "9" * 30),
    "count": ("1", "0", "-1", "9" * 30),
    "offset": ("0", "5", "-1"),
    "mode": ("create", "update", "delete", "profile"),
    "url": ("urn:eigen", "http://hl7.org/fhir/ValueSet/administrative-gender", "x|y|z", ""),
    "system": ("urn:eigen", "http://hl7.org/fhir/administrative-gender", ""),
    "code": ("male", "eigen tekst", ""),
    "filter": ("ma", *values.TEXTS[:12]),
    "_type": ("Observation", "Goal,Observation", "Patient", "Nothing", ","),
    "_contained": ("true", "false", "both"),
}


class Queries:
    """Draws query strings. ``names``: ids and other values that stand for something in the database; ``pages``: cursors
    that were given out, more of them as time goes by.
    """

    def __init__(self, draw: random.Random, server: FhirServer, names: Sequence[str], pages: Sequence[bytes]) -> None:
        self._draw = draw
        self._server = server
        self._names = names
        self._types = sorted(server.registry.stored)
        self._pages = pages

    def query(self, resource_type: str) -> bytes:
        """A few parameters, most of which the type has."""
        parts = [self._part(resource_type) for _ in range(self._draw.choice((0, 1, 1, 1, 1, 1, 2, 2, 3)))]
        if self._draw.random() < 0.02:
            parts *= 40
        joined = (b"&&" if self._draw.random() < 0.05 else b"&").join(parts)
        return joined + self._draw.choice(values.RAW) if self._draw.random() < 0.03 else joined

    def other(self, names: Sequence[str]) -> bytes:
        """Parameters of what is no search, mostly these."""
        draw = self._draw
        parts = [
            values.written(name, draw) + b"=" + values.written(self._result(name, "Observation"), draw)
            for name in draw.choices(names, k=draw.choice((0, 0, 1, 1, 2)))
        ]
        return b"&".join(parts) if draw.random() < 0.9 else self.query("Observation")

    def _part(self, resource_type: str) -> bytes:
        draw = self._draw
        if draw.random() < 0.35:
            name = draw.choice(RESULTS)
            value = self._result(name, resource_type)
        else:
            name = self._name(resource_type, 0)
            value = self._value(name, resource_type)
        return values.written(name, draw).replace(b"%3A", b":") + (
            b"=" + values.written(value, draw) if draw.random() < 0.97 else b""
        )

    def _codes(self, resource_type: str) -> list[str]:
        if resource_type not in self._server.registry.stored:
            resource_type = self._draw.choice(self._types)
        return [*self._server.registry.offered(resource_type)] or ["_id"]

    def _name(self, resource_type: str, depth: int) -> str:
        draw = self._draw
        general = 0.15 if resource_type in self._server.registry.stored else 0.85
        code = draw.choice(GENERAL) if draw.random() < general else draw.choice(self._codes(resource_type))
        way = draw.random()
        if way < 0.12 and depth < 4:
            target = draw.choice(self._types)
            typed = f":{target}" if draw.random() < 0.6 else ""
            return f"{self._link(resource_type)}{typed}.{self._name(target, depth + 1)}"
        if way < 0.2 and depth < 4:
            source = draw.choice(self._types)
            return f"_has:{source}:{self._link(source)}:{self._name(source, depth + 1)}"
        if way < 0.21:
            return draw.choice(values.TEXTS) + draw.choice(("", ".", ":", ".name", "._has:", ":_has"))
        return code + self._modifier(resource_type, code)

    def _modifier(self, resource_type: str, code: str) -> str:
        """Mostly one that the parameter takes."""
        way = self._draw.random()
        if way < 0.5 or resource_type not in self._server.registry.stored:
            return ""
        param = self._server.registry.offered(resource_type).get(code)
        if way < 0.7 or param is None:
            return self._draw.choice(MODIFIERS)
        return f":{self._draw.choice(sorted({'missing', *KINDS[param.kind].modifiers(param)}))}"

    def _link(self, resource_type: str) -> str:
        """A reference parameter of the type, mostly."""
        if self._draw.random() < 0.1 or resource_type not in self._server.registry.stored:
            return self._draw.choice(self._codes(resource_type))
        params = self._server.registry.offered(resource_type).values()
        return self._draw.choice([each.code for each in params if each.kind == "reference"] or ["subject"])

    def _value(self, name: str, resource_type: str) -> str:
        """One that the parameter may take, or any."""
        draw = self._draw
        way = draw.random()
        if way < 0.2:
            return draw.choice(self._names)
        if name.endswith(":missing") and way < 0.8:
            return draw.choice(("true", "false"))
        if way < 0.6 and resource_type in self._server.registry.stored:
            param = self._server.registry.offered(resource_type).get(name.partition(":")[0])
            listed: Sequence[str] = values.OF_KIND.get(param.kind if param else "", values.TEXTS)
            return (
                f"{draw.choice(values.PREFIXES)}{draw.choice(listed)}"
                if listed is not values.TEXTS
                else draw.choice(listed)
            )
        several = [values.text(draw) for _ in range(draw.choice((1, 1, 1, 2, 3)))]
        return draw.choice((",", "$", "|")).join(several)

    def _result(self, name: str, resource_type: str) -> str:
        draw = self._draw
        if draw.random() < 0.15:
            return values.text(draw)
        if name in _PLAIN:
            return draw.choice(_PLAIN[name])
        if name == "_sort":
            keys = [
                draw.choice((*self._codes(resource_type), "_id", "_lastUpdated")) for _ in range(draw.randint(1, 3))
            ]
            return ",".join(f"{draw.choice(('', '-'))}{key}" for key in keys)
        if name in ("_include", "_revinclude"):
            source = resource_type if draw.random() < 0.5 else draw.choice(self._types)
            return draw.choice(
                ("*", f"{source}:*", f"{source}:{self._link(source)}", f"{source}:{self._link(source)}:Patient")
            )
        if name == "_page":
            return self._cursor()
        return draw.choice((*self._types, self._names[0]))

    def _cursor(self) -> str:
        """One that was given out, at times changed."""
        if not self._pages:
            return "AAAA"
        cursor = self._draw.choice(self._pages).decode()
        if self._draw.random() < 0.6:
            return cursor
        place = self._draw.randrange(len(cursor))
        return self._draw.choice((cursor[:place], cursor[:place] + "A" + cursor[place + 1 :], cursor + "A", cursor * 2))

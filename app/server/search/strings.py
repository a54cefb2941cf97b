"""String parameters: starts with, whatever the case or accents. https://hl7.org/fhir/R4/search.html#string"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from app.server.search.build import Build, Find, Match, Row, any_of, attribute_at
from app.server.search.escaping import unescape
from app.server.search.kind import Fill, Found, Kind, Language, Order
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.terms import fold, prefix_end

HEAD: Final = 64
"""Characters of a folded string that its index is ordered by."""
_HUMAN_NAME: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")


def strings(found: Found) -> list[str]:
    """The strings among the values that a parameter's path found; every part of a name or address counts."""
    result: list[str] = []
    for kind, value in found:
        if isinstance(value, str):
            result.append(value)
        elif isinstance(value, dict):
            for member in _HUMAN_NAME if kind == "HumanName" else _ADDRESS if kind == "Address" else ():
                part = value.get(member)
                if isinstance(part, str):
                    result.append(part)
                elif isinstance(part, list):
                    result += [each for each in part if isinstance(each, str)]
    return result


@dataclass(frozen=True, slots=True)
class StringValue:
    """The text to look for as it was written, and folded."""

    text: str
    folded: str

    @classmethod
    def of(cls, text: str) -> StringValue:
        return cls(text, fold(text))

    @property
    def head(self) -> str:
        return self.folded[:HEAD]

    @property
    def head_end(self) -> str:
        return prefix_end(self.head)

    @property
    def folded_end(self) -> str:
        return prefix_end(self.folded)

    @property
    def shape(self) -> object:
        return len(self.folded) > HEAD


def fill(param: Param, _: Language) -> Fill:
    """Adds a row per string."""
    number = param.number

    def filled(rows: Rows, found: Found) -> None:
        for place, exact in enumerate(dict.fromkeys(strings(found))):
            folded = fold(exact)
            rows.texts.append((number, folded[:HEAD], place, folded, exact))

    return filled


def read(_: Language, param: Param, modifier: str, text: str) -> StringValue:  # noqa: ARG001 - as every kind reads
    """The text as it is."""
    return StringValue.of(unescape(text))


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the first characters of the folded string, which the index is ordered by; ``contains`` looks at all."""
    parts = []
    for index, value in enumerate(condition.values):
        folded = partial(build.bind, partial(attribute_at, find, index, "folded"))
        head = partial(build.bind, partial(attribute_at, find, index, "head"))
        if condition.modifier == "contains":
            part = f"{'strpos' if build.dialect == 'postgresql' else 'instr'}(x.folded, {folded()}) > 0"
        elif condition.modifier == "exact":
            part = f"x.head = {head()} AND x.exact = {build.bind(partial(attribute_at, find, index, 'text'))}"
        else:
            end = build.bind(partial(attribute_at, find, index, "head_end"))
            part = f"x.head >= {head()} AND x.head < {end}"
            if value.shape:
                end = build.bind(partial(attribute_at, find, index, "folded_end"))
                part += f" AND x.folded >= {folded()} AND x.folded < {end}"
        parts.append(f"({part})")
    return Match("text x", f"{row.key('x', *condition.param.numbers)} AND {any_of(parts)}")


def order(row: Row, param: Param) -> Order:
    """Without case and accents."""
    return Order("x.folded", "text x", row.key("x", *param.numbers), "text", "''")


_MODIFIERS: Final = frozenset({"exact", "contains"})
KIND: Final = Kind(fill, read, match, order, lambda _: _MODIFIERS)

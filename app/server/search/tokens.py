"""Token parameters: codes with their systems, identifiers, booleans. https://hl7.org/fhir/R4/search.html#token"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.errors import Invalid
from app.server.search.build import Build, Find, Match, Row, any_of, attribute_at
from app.server.search.kind import Fill, Kind, Language, Order
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.terms import NO_SYSTEM, Term, hash_token, term

_HL7: Final = "http://hl7.org/fhir/"


@dataclass(frozen=True, slots=True)
class TokenValue:
    """A token: ``hash`` where the one token that it means is known, else any ``code`` of whatever system, or any code
    of ``system``.
    """

    system: str | None
    code: str | None
    hash: int | None = None

    @property
    def shape(self) -> object:
        return "hash" if self.hash is not None else "code" if self.system is None else "system"


def terms(found: list[tuple[str, Any]]) -> list[Term]:
    """The tokens among the values that a parameter's path found, of any type that a token search may ask for."""
    result: list[Term] = []
    for kind, value in found:
        if kind == "CodeableConcept":
            result += [
                term(coding.get("system", NO_SYSTEM), coding["code"])
                for coding in value.get("coding", ())
                if "code" in coding
            ]
        elif kind == "Coding":
            if "code" in value:
                result.append(term(value.get("system", NO_SYSTEM), value["code"]))
        elif kind in ("Identifier", "ContactPoint"):
            if "value" in value:
                # A phone number or e-mail address has a use and a kind, no system that is an address.
                result.append(
                    term(value.get("system", NO_SYSTEM) if kind == "Identifier" else NO_SYSTEM, value["value"])
                )
        elif isinstance(value, bool):
            result.append(term(NO_SYSTEM, "true" if value else "false"))
        elif isinstance(value, str):
            result.append(term(NO_SYSTEM, value))
    return result


def fill(param: Param, _: Language) -> Fill:
    """Adds a row per token, and one across patients for an identifying parameter."""
    number, identifying = param.number, param.identifying

    def filled(rows: Rows, found: list[tuple[str, Any]]) -> None:
        made = terms(found)
        if len(made) > 1:
            made = list(dict.fromkeys(made))
        rows.tokens += [(number, each[0]) for each in made]
        rows.terms.update(made)
        if identifying:
            rows.lookups += [(number, each[0]) for each in made]

    return filled


def read(_: Language, param: Param, modifier: str, text: str) -> TokenValue:  # noqa: ARG001 - as every kind reads
    """``code``, ``system|code``, ``|code`` or ``system|``."""
    system, bar, code = text.replace("\\|", "\0").partition("|")
    system, code = system.replace("\0", "|"), code.replace("\0", "|")
    if not bar:
        return TokenValue(None, system, hash_token("", system) if param.plain else None)
    if not code:
        if not system:
            raise Invalid("'|' alone names neither a system nor a code.", "value")
        return TokenValue(system, None)
    # An element of type code has the system of its value set; its values are stored without one.
    stored = "" if param.plain and system.startswith(_HL7) else system
    return TokenValue(system, code, hash_token(stored, code))


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """Token rows carry their resource's sort date, so that one is looked up by its whole key."""
    parts = []
    known = []
    for index, value in enumerate(condition.values):
        if value.shape == "hash":
            known.append(build.bind(partial(attribute_at, find, index, "hash")))
        else:
            name = value.shape
            asked = build.bind(partial(attribute_at, find, index, name))
            parts.append(
                f"x.value IN (SELECT m.value FROM term m WHERE m.patient = {row.patient} AND m.{name} = {asked})"
            )
    if known:
        parts.append(f"x.value IN ({', '.join(known)})")
    return Match("token x", f"{row.key('x', condition.param.number)} AND {any_of(parts)}", exact=True)


def order(row: Row, param: Param) -> Order:
    """By code, whatever its system."""
    return Order(
        "m.code",
        "token x JOIN term m ON m.patient = x.patient AND m.value = x.value",
        row.key("x", param.number),
        "text",
        "''",
    )


KIND: Final = Kind(frozenset({"not"}), fill, read, match, order)

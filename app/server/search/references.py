"""Reference parameters: what a resource points at. https://hl7.org/fhir/R4/search.html#reference"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.errors import Invalid
from app.fhir.resource import parse_reference
from app.server.search.build import Build, Find, Match, Row, any_of, attribute_at
from app.server.search.kind import Fill, Kind, Language, Order
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows

ELSEWHERE: Final = 0
"""The type number of a target that is kept as it was written: another server's, or no address at all."""


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """``types``: those that the id may be of; none for a URL that is kept as it was written."""

    types: tuple[str, ...]
    id: str

    @property
    def shape(self) -> object:
        return self.types


def fill(param: Param, language: Language) -> Fill:
    """Adds a row per target."""
    number, base, numbers = param.number, language.base, language.registry.definitions.type_numbers

    def filled(rows: Rows, found: list[tuple[str, Any]]) -> None:
        made: dict[tuple[int, int, str], None] = {}
        for kind, value in found:
            text = value.get("reference") if kind == "Reference" else value
            if not isinstance(text, str) or text.startswith("#"):
                continue
            literal = parse_reference(text)
            if literal is not None and literal.base in ("", base) and literal.type in numbers:
                made[number, numbers[literal.type], literal.id] = None
            else:
                made[number, ELSEWHERE, text] = None
        rows.links += made

    return filled


def read(language: Language, param: Param, modifier: str, text: str) -> ReferenceValue:
    """``id``, ``Type/id`` or a URL; a type as modifier says which one the id is of."""
    literal = parse_reference(text)
    if literal is not None and literal.base in ("", language.base):
        if modifier and literal.type != modifier:
            raise Invalid(f"names a {literal.type} where its modifier says {modifier}.", "value")
        return ReferenceValue((literal.type,), literal.id)
    if "/" in text or ":" in text:
        return ReferenceValue((), text)
    # A parameter without targets points at anything.
    targets = param.definition.targets or tuple(sorted(language.registry.definitions.resource_types))
    return ReferenceValue((modifier,) if modifier else targets, text)


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the target's type and id."""
    parts = []
    for index, value in enumerate(condition.values):
        numbers = ", ".join(str(build.registry.number(each)) for each in value.types) or str(ELSEWHERE)
        target = build.bind(partial(attribute_at, find, index, "id"))
        parts.append(f"(x.target_type IN ({numbers}) AND x.target_id = {target})")
    return Match("link x", f"{row.key('x', condition.param.number)} AND {any_of(parts)}")


def order(row: Row, param: Param) -> Order:
    """By the target's id."""
    return Order("x.target_id", "link x", row.key("x", param.number), "text", "''")


KIND: Final = Kind(frozenset(), fill, read, match, order)
"""A resource type is a modifier too; see ``parse``."""

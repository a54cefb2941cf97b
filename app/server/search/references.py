"""Reference parameters: what a resource points at. https://hl7.org/fhir/R4/search.html#reference"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.errors import Invalid
from app.fhir.resource import parse_reference
from app.server.search import tokens
from app.server.search.build import Build, Find, Match, Row, any_of, attribute_at
from app.server.search.escaping import unescape
from app.server.search.kind import Fill, Found, Kind, Language, Order
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.terms import key_text

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
    """Adds a row per target, and one per identifier that is referred by."""
    number, base, numbers = param.number, language.base, language.registry.definitions.type_numbers
    types = frozenset(param.definition.targets)

    def filled(rows: Rows, found: Found) -> None:
        made: dict[tuple[int, int, str], None] = {}
        for kind, value in found:
            if kind == "Reference":
                text = value.get("reference")
                if text is not None and not text.startswith("#"):
                    made[(number, *targets_of(text, numbers, base))] = None
                if "identifier" in value:
                    _fill_identifier(rows, number, value)
            elif isinstance(value, str):
                # A canonical that names a version is found without it too.
                for form in (value, value.partition("|")[0]):
                    if form and not form.startswith("#"):
                        made[(number, *targets_of(form, numbers, base))] = None
            elif kind in types and "id" in value:
                # The resource itself: a Bundle's document or message.
                made[number, numbers[kind], value["id"]] = None
        rows.links += made

    return filled


def fill_identifiers(params: Sequence[Param]) -> Fill:
    """Adds the identifiers only: what owner parameters refer to by its id is known from where the resource is."""

    def filled(rows: Rows, found: Found) -> None:
        for kind, value in found:
            if kind == "Reference" and "identifier" in value:
                for param in params:
                    _fill_identifier(rows, param.number, value)

    return filled


def _fill_identifier(rows: Rows, number: int, reference: dict[str, Any]) -> None:
    for made in tokens.terms([("Identifier", reference["identifier"])]):
        rows.tokens.append((number + tokens.IDENTIFIER_ROWS, made[0]))
        rows.terms.add(made)


def targets_of(text: str, numbers: Mapping[str, int], base: str) -> tuple[int, str]:
    """Type number and id that a reference's text names; ``ELSEWHERE`` and the text for what is not on this server."""
    literal = parse_reference(text)
    if literal is not None and literal.base in ("", base) and literal.type in numbers:
        return numbers[literal.type], literal.id
    return ELSEWHERE, key_text(text)


def read(language: Language, param: Param, modifier: str, text: str) -> ReferenceValue | tokens.TokenValue:
    """``id``, ``Type/id`` or a URL; a type as modifier says which one the id is of."""
    if modifier == "identifier":
        return tokens.read_token(param, text)
    text = unescape(text)
    literal = parse_reference(text)
    known = language.registry.definitions.type_numbers
    if literal is not None and literal.base in ("", language.base) and literal.type in known:
        if modifier and literal.type != modifier:
            raise Invalid(f"names a {literal.type} where its modifier says {modifier}.", "value")
        return ReferenceValue((literal.type,), literal.id)
    if "/" in text or ":" in text:
        return ReferenceValue((), key_text(text))
    # A parameter without targets points at anything.
    targets = param.definition.targets or tuple(sorted(language.registry.definitions.resource_types))
    return ReferenceValue((modifier,) if modifier else targets, text)


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the target's type and id, or by the identifier that is referred by."""
    if condition.modifier == "identifier":
        return tokens.match_rows(build, row, condition, find, offset=tokens.IDENTIFIER_ROWS)
    parts = []
    for index, value in enumerate(condition.values):
        numbers = ", ".join(str(build.registry.number(each)) for each in value.types) or str(ELSEWHERE)
        target = build.bind(partial(attribute_at, find, index, "id"))
        parts.append(f"(x.target_type IN ({numbers}) AND x.target_id = {target})")
    return Match("link x", f"{row.key('x', condition.param.number)} AND {any_of(parts)}")


def order(row: Row, param: Param) -> Order:
    """By the target's id."""
    return Order("x.target_id", "link x", row.key("x", param.number), "text", "''")


_MODIFIERS: Final = frozenset({"identifier"})
KIND: Final = Kind(fill, read, match, order, lambda _: _MODIFIERS)
"""A resource type is a modifier too; see ``criteria``."""

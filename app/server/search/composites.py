"""Composite parameters: values that must stand together, ``code$value``. https://hl7.org/fhir/R4/search.html#combining

Where a resource has one of each, they are what its parameters find, all at once, and need no rows of their own. Where
they stand in an element that repeats, each such element gives rows of ``pair``: the first value's hash and what the
others are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.errors import Invalid
from app.fhir.paths import Walker, compile_walker
from app.fhir.resource import Resource
from app.server.search import dates, numbers, quantities, references, strings, tokens
from app.server.search.build import Ask, Build, Find, Get, Match, Row, any_of, attribute_of, value_at
from app.server.search.escaping import split
from app.server.search.kind import Fill, Found, Kind, Language, Walk
from app.server.search.numbers import NO_UNIT, NumberValue
from app.server.search.quantities import QuantityValue
from app.server.search.query import AllOf, AnyOf, Condition, Criterion
from app.server.search.references import ELSEWHERE, ReferenceValue
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.spans import compare
from app.server.search.terms import hash_token
from app.server.search.tokens import TokenValue, is_token

PARTS: Final[Mapping[str, Kind]] = {
    "token": tokens.KIND,
    "date": dates.KIND,
    "string": strings.KIND,
    "reference": references.KIND,
    "quantity": quantities.KIND,
    "number": numbers.KIND,
}
"""The kinds that a composite's components may be of."""

_TOKEN: Final = 1
_QUANTITY: Final = 2
_REFERENCE: Final = 3
_STRETCH: Final = 4
"""What the rest of a ``pair`` row is (its ``kind``): the hash of a token as unit, a unit and a span, the hash of a
target as unit, or two numbers as low and high."""

Rest = tuple[int, int, float, float]
"""Kind, unit, low, high."""


@dataclass(frozen=True, slots=True)
class CompositeValue:
    """A value per component."""

    parts: tuple[Any, ...]

    @property
    def shape(self) -> object:
        return tuple(each.shape for each in self.parts)


def _walk(param: Param) -> Walk:
    """The elements in which every component has a value: what each of them found."""
    roots = param.walker
    walkers = {
        kind: [compile_walker(expression, kind, param.definitions) for _, expression in param.definition.components]
        for kind in roots.kinds
    }

    def walk(resource: Resource) -> Found:
        found: Found = []
        for kind, element in roots.walk(resource):
            parts = [_within(each, element, resource) for each in walkers[kind]]
            if all(parts):
                found.append((kind, parts))
        return found

    return walk


def _within(walker: Walker, element: dict[str, Any], resource: Resource) -> Found:
    return walker.walk(resource if walker.whole_resource else element)


def _fill(param: Param, language: Language) -> Fill:
    """Adds a row per token of the first component and value of the others."""
    number, rest_of = param.number, _rest_of(param, language)

    def filled(rows: Rows, found: Found) -> None:
        made: dict[tuple[int, int, int, int, float, float], None] = {}
        for _, (first, *others) in found:
            terms = tokens.terms(first)
            rows.terms.update(terms)
            for rest in rest_of(others, rows):
                for each in terms:
                    made[(number, each[0], *rest)] = None
        rows.pairs += made

    return filled


def _rest_of(param: Param, language: Language) -> Callable[[list[Found], Rows], list[Rest]]:
    """How the values of the second component, or of the second and the third, are kept."""
    kinds = [each.kind for each in param.components[1:]]
    numbers_of_types, base = language.registry.definitions.type_numbers, language.base

    def stretch(found: list[Found], _: Rows) -> list[Rest]:
        first, last = found
        return [(_STRETCH, NO_UNIT, float(low), float(high)) for _, low in first for _, high in last]

    def by_token(found: list[Found], rows: Rows) -> list[Rest]:
        made = tokens.terms(found[0])
        rows.terms.update(made)
        return [(_TOKEN, each[0], 0.0, 0.0) for each in made]

    def by_quantity(found: list[Found], _: Rows) -> list[Rest]:
        return [(_QUANTITY, *each) for kind, value in found[0] for each in quantities.unit_spans(kind, value)]

    def by_reference(found: list[Found], _: Rows) -> list[Rest]:
        texts = [value.get("reference", "#") for _, value in found[0]]
        targets = [references.targets_of(each, numbers_of_types, base) for each in texts if each[:1] != "#"]
        return [(_REFERENCE, hash_token(str(type_number), id), 0.0, 0.0) for type_number, id in targets]

    if kinds == ["number", "number"]:
        return stretch
    (kind,) = kinds
    return {"token": by_token, "quantity": by_quantity, "reference": by_reference}[kind]


def _read(language: Language, param: Param, modifier: str, text: str) -> CompositeValue:
    """A value per component, with ``$`` between."""
    texts = split(text, "$")
    if len(texts) != len(param.components) or not all(texts):
        raise Invalid(f"is written as {'$'.join(each.code for each in param.components)}.", "value")
    parts = zip(param.components, texts, strict=True)
    return CompositeValue(tuple(PARTS[each.kind].read(language, each, modifier, text) for each, text in parts))


def criterion(param: Param, values: tuple[CompositeValue, ...]) -> Criterion:
    """What a composite asks: several conditions of one resource, or one on its rows, or either."""
    if param.parts:
        return AnyOf(tuple(criterion(each, values) for each in param.parts))
    if not param.joint:
        return Condition(param, "", values)
    alternatives = [
        AllOf(tuple(Condition(each, "", (part,)) for each, part in zip(param.components, value.parts, strict=True)))
        for value in values
    ]
    return alternatives[0] if len(alternatives) == 1 else AnyOf(tuple(alternatives))


def _match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the rows of ``pair``."""
    parts = []
    for index, value in enumerate(condition.values):
        first, *others = (partial(_part_at, find, index, place) for place in range(len(value.parts)))
        token = is_token(build, row, "x.value", value.parts[0], first)
        parts.append(f"({token} AND {_is_rest(build, row, value.parts[1:], others)})")
    return Match("pair x", f"{row.key('x', condition.param.number)} AND {any_of(parts)}")


def _is_rest(build: Build, row: Row, values: tuple[Any, ...], gets: Sequence[Get]) -> str:
    match values:
        case (TokenValue(),):
            return f"x.kind = {_TOKEN} AND {is_token(build, row, 'x.unit', values[0], gets[0])}"
        case (QuantityValue(),):
            return f"x.kind = {_QUANTITY} AND {quantities.is_quantity(build, values[0], gets[0])}"
        case (ReferenceValue(),):
            types = [str(build.registry.number(each)) for each in values[0].types] or [str(ELSEWHERE)]
            hashes = ", ".join(build.bind(partial(_target_hash, gets[0], each)) for each in types)
            return f"x.kind = {_REFERENCE} AND x.unit IN ({hashes})"
        case (NumberValue(), NumberValue()):
            low = compare(build.bind, values[0].prefix, gets[0], "x.low", "x.low")
            high = compare(build.bind, values[1].prefix, gets[1], "x.high", "x.high")
            return f"x.kind = {_STRETCH} AND {low} AND {high}"
    raise TypeError([type(each) for each in values])


def _part_at(find: Find, index: int, place: int, ask: Ask) -> Any:
    return value_at(find, index, ask).parts[place]


def _target_hash(get: Get, type_number: str, ask: Ask) -> int:
    return hash_token(type_number, attribute_of(get, "id", ask))


KIND: Final = Kind(_fill, _read, _match, walk=_walk)

"""The rules of one object in one direction, made of a table's rows and of what the definitions say by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from app.fhir.definitions import Element
from app.fhir.stu3.conversions import REFERENCE, Converter, Direction, Values, pairs_of, put
from app.fhir.stu3.primitives import unlinked
from app.fhir.stu3.sides import Side
from app.fhir.stu3.special import TOGETHER
from app.fhir.stu3.tables import Row
from app.fhir.stu3.ways import BY_TYPES, WAYS, OneWay, Way

Fits = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """Members of the source that are, together, members of the target. ``apply`` makes the latter of the former;
    ``exact``: nothing is ever lost by it, so that nobody needs to look. ``modifies``: what it finds no place for
    changes what the rest means.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    apply: Callable[[Values], Values]
    exact: bool
    modifies: bool = False

    @property
    def several(self) -> bool:
        """Whether it takes several members together."""
        return len(self.source) > 1


def rules_of(
    rows: Iterable[Row], apart: AbstractSet[str], paths: tuple[str, str], there: Direction, back: Direction
) -> Iterator[tuple[Rule, Rule]]:
    """The rules of two paths (STU3, R4), each there (to R4) and back: first those of the table, then those that follow
    for members of the same name whose shape differs, unless they are to stand ``apart``. Raises ``KeyError`` for a
    member that does not exist.
    """
    stu3, r4 = paths
    ours, theirs = there.source.elements(stu3), there.target.elements(r4)
    ruled: set[str] = set(apart)
    for row in rows:
        for each in _single(row, ours, theirs):
            yield _pair(each, ours, theirs, there, back)
            ruled.update(each.stu3)
    for name, element in ours.items():
        other = theirs.get(name)
        if name in ruled or other is None or name in ("extension", "modifierExtension"):
            continue
        if not (same_shape(there.source, element, there.target, other)):
            yield _pair(Row((name,), (name,)), ours, theirs, there, back)


def _single(row: Row, ours: Mapping[str, Element], theirs: Mapping[str, Element]) -> Iterator[Row]:
    """A row of a choice, ``occurrence[x]``, for each type that both have; others as they are."""
    name, other = row.stu3[0], row.r4[0] if row.r4 else ""
    if not name.endswith("[x]"):
        yield row
        return
    here, there = name.removesuffix("[x]"), other.removesuffix("[x]")
    for each, element in ours.items():
        kind = each.removeprefix(here)
        if element.choice == here and there + kind in theirs:
            yield Row((each,), (there + kind,), row.how, row.options)


def same_shape(source: Side, element: Element, target: Side, other: Element) -> bool:
    """Whether a member can be taken over in both directions as it is, but for what is within it."""
    return (
        element.many == other.many
        and (element.type == other.type or ("." in element.type and "." in other.type))
        and _no_narrower(source, element, target, other)
        and _no_narrower(target, other, source, element)
    )


def _no_narrower(source: Side, element: Element, target: Side, other: Element) -> bool:
    if other.binding is not None and other.binding in target.definitions.codes:
        codes = source.definitions.codes.get(element.binding or "")
        if codes is None or not codes <= target.definitions.codes[other.binding]:
            return False
    if other.targets:
        named = {source.name_elsewhere(each) for each in element.targets}
        return bool(named) and named <= set(other.targets)
    return True


def _pair(
    row: Row, ours: Mapping[str, Element], theirs: Mapping[str, Element], there: Direction, back: Direction
) -> tuple[Rule, Rule]:
    if row.how in TOGETHER:
        forward, backward = TOGETHER[row.how]
        modifies = bool(row.options.get("modifies"))
        return (
            Rule(row.stu3, row.r4, lambda values: forward(values, there), exact=False, modifies=modifies),
            Rule(row.r4, row.stu3, lambda values: backward(values, back), exact=False, modifies=modifies),
        )
    (name,), (other,) = row.stu3, row.r4
    element, counterpart = ours[name], theirs[other]
    forth, again = _ways(row, element, counterpart)
    fit, fit_back = _fits(there.target, counterpart, row), _fits(back.target, element, row)
    convert, convert_back = _content(there, element, counterpart), _content(back, element, counterpart)
    exact = not row.how and not row.options and element.type == counterpart.type
    return (
        Rule(
            (name,),
            (other,),
            _one((name, element), (other, counterpart), there, fit, partial(_then, forth, convert, there.element)),
            exact=exact and fit is None and not (element.many and not counterpart.many),
        ),
        Rule(
            (other,),
            (name,),
            _one((other, counterpart), (name, element), back, fit_back, partial(_after, again, convert_back)),
            exact=exact and fit_back is None and not (counterpart.many and not element.many),
        ),
    )


def _then(
    way: OneWay | None, convert: Converter | None, beside_of: Converter, pair: tuple[Any, Any]
) -> tuple[Any, Any] | None:
    """To R4: shaped first, then what is within it translated."""
    found = pair if way is None else way(pair)
    if found is None:
        return None
    value, beside = found
    if beside is not None and pair[1] is None:  # it stood within the value
        beside = beside_of(beside)
    return (value if convert is None or value is None else convert(value)), beside


def _after(way: OneWay | None, convert: Converter | None, pair: tuple[Any, Any]) -> tuple[Any, Any] | None:
    """To STU3: the other way round."""
    if convert is not None and pair[0] is not None:
        pair = (convert(pair[0]), pair[1])
    return pair if way is None else way(pair)


def _one(
    here: tuple[str, Element],
    there: tuple[str, Element],
    direction: Direction,
    fits: Fits | None,
    change: Callable[[tuple[Any, Any]], tuple[Any, Any] | None],
) -> Callable[[Values], Values]:
    (name, element), (other, counterpart) = here, there
    beside_of = direction.element
    demanded = counterpart.type == element.type == REFERENCE and counterpart.min > 0
    instead = unlinked(direction) if demanded else None

    def apply(values: Values) -> Values:
        made = []
        for value, beside in pairs_of(values, name, many=element.many):
            found = change((value, None if beside is None else beside_of(beside)))
            if found is None:
                continue
            if fits is None or found[0] is None or fits(found[0]):
                made.append(found)
            elif instead is not None:
                made.append((instead(value), found[1]))
        result: Values = {}
        put(result, other, made, many=counterpart.many)
        return result

    return apply


def _ways(row: Row, element: Element, counterpart: Element) -> tuple[OneWay | None, OneWay | None]:
    codes, others = row.options.get("codes"), row.options.get("back", {})
    how = row.how or BY_TYPES.get((element.type, counterpart.type), "")
    if not how and (codes is not None or others):
        return _coded(codes or {}, others)
    if not how:
        return None, None
    way: Way = WAYS[how](row.options)
    return way


def _coded(codes: Mapping[str, str], others: Mapping[str, str]) -> tuple[OneWay, OneWay]:
    """Codes with another name in R4; of several for one, the first is meant on the way back, where ``others`` are
    those of R4 that none of STU3 becomes.
    """
    back = {**others, **{r4: stu3 for stu3, r4 in reversed(tuple(codes.items()))}}
    return (
        lambda pair: (codes.get(pair[0], pair[0]), pair[1]),
        lambda pair: (back.get(pair[0], pair[0]), pair[1]),
    )


def _content(direction: Direction, element: Element, counterpart: Element) -> Converter | None:
    """What translates what is within a value: by the type of R4, in whose shape it then stands; between two backbones
    by both.
    """
    if "." in counterpart.type:
        if "." in element.type:
            here, there = (element.type, counterpart.type)
            return direction.objects(*((here, there) if direction.source.version < "4" else (there, here)))
        return _members(direction, counterpart.type)
    if counterpart.is_primitive:
        return None
    return direction.datatype(counterpart.type)


def _members(direction: Direction, path: str) -> Converter:
    """Each member of a backbone that only R4 has, by its type."""
    r4 = direction.target if direction.target.version == "4.0" else direction.source
    elements = r4.elements(path)

    def convert(given: Values) -> Values:
        made = {}
        for name, value in given.items():
            element = elements.get(name)
            if element is None or element.is_primitive or "." in element.type:
                made[name] = value
            else:
                change = direction.datatype(element.type)
                made[name] = [change(each) for each in value] if element.many else change(value)
        return made

    return convert


_NUMBERS: Final[Mapping[str, Fits]] = {
    "positiveInt": lambda value: isinstance(value, int) and value > 0,
    "unsignedInt": lambda value: isinstance(value, int) and value >= 0,
    "integer": lambda value: isinstance(value, int),
    "decimal": lambda value: isinstance(value, int | Decimal),
}


def _fits(side: Side, element: Element, row: Row) -> Fits | None:
    """Whether a value may stand in an element: a code of its value set, a reference to what it may be to. Of a backbone
    that is made for one member, whether that may stand there.
    """
    member = row.options.get("member")
    if "." in element.type and member is not None:
        within = _fits(side, side.elements(element.type)[member], Row((), ()))
        return None if within is None else lambda value: member not in value or within(value[member])
    if element.type == REFERENCE and element.targets:
        allowed = frozenset(element.targets)
        return lambda value: _kind_of(value.get("reference")) in allowed or not _kind_of(value.get("reference"))
    codes = side.definitions.codes.get(element.binding) if element.binding else None
    if codes is not None:
        if element.type == "CodeableConcept":
            return lambda value: any(each.get("code") in codes for each in value.get("coding", ()))
        return lambda value: value in codes
    return _NUMBERS.get(element.type)


def _kind_of(reference: Any) -> str:
    """The type in a literal reference; empty where it is no ``Type/id``."""
    if not isinstance(reference, str) or reference.startswith(("#", "urn:")):
        return ""
    head, _, _ = reference.partition("/_history/")
    kind = head.rpartition("/")[0].rpartition("/")[2]
    return kind if kind[:1].isupper() else ""

"""Which entries of different sources are likely the same, by the rules of ``likeness.yaml``.

https://hl7.org/fhir/R4/datatypes.html#Coding
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.bgz.overview.table import Rule, Whole
from app.bgz.summary.gathering import Entry
from app.bgz.telling.values import Find, elements, value_of
from app.errors import Invalid
from app.fhir.dates import OPEN_END, OPEN_START, bounds
from app.fhir.resource import Resource

MOST_LINKS: Final = 10
"""Others that one entry is linked with."""
_MINUTE: Final = 60_000_000
_TO_THE_MINUTE: Final = len("2026-11-20T08:00")
Code = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """Two entries, by their places, and why they are likely the same."""

    one: int
    other: int
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is compared. ``start`` and ``end`` in µs, None where it does not say; ``minute``: None where it is not known
    to the minute.
    """

    codes: frozenset[Code]
    start: int | None
    end: int | None
    minute: int | None
    value: Any

    def shares(self, other: Facts, rule: Rule) -> bool:
        """Whether both have what the rule asks, and the same."""
        if rule.code and self.codes.isdisjoint(other.codes):
            return False
        if rule.period and not _overlap(self, other):
            return False
        if rule.minute and (self.minute is None or self.minute != other.minute):
            return False
        return not rule.value or (self.value is not None and self.value == other.value)


def links(whole: Whole, entries: Sequence[Entry], find: Find) -> list[Link]:
    """The links between entries of one list, each pair once. Of one source nothing is linked: there two are two."""
    facts = [facts_of(whole, each.resource, find) for each in entries]
    by_code: dict[Code, list[int]] = {}
    for place, each in enumerate(facts):
        for code in each.codes:
            by_code.setdefault(code, []).append(place)
    found: dict[tuple[int, int], Link] = {}
    counts = [0] * len(entries)
    for places in by_code.values():
        for one, other in _pairs(places, entries):
            if (one, other) in found or MOST_LINKS in (counts[one], counts[other]):
                continue
            rule = next((each for each in whole.rules if facts[one].shares(facts[other], each)), None)
            if rule is not None:
                found[one, other] = Link(one, other, rule.reason)
                counts[one] += 1
                counts[other] += 1
    return [found[pair] for pair in sorted(found)]


def _pairs(places: Sequence[int], entries: Sequence[Entry]) -> Iterator[tuple[int, int]]:
    """Every two of different sources."""
    sources = {entries[each].origin.key for each in places}
    if len(sources) < 2:
        return
    for at, one in enumerate(places):
        for other in places[at + 1 :]:
            if entries[one].origin.key != entries[other].origin.key:
                yield one, other


def facts_of(whole: Whole, resource: Resource, find: Find) -> Facts:
    """What is compared of a resource."""
    codings = [
        (each.get("system", ""), each.get("code", ""))
        for path in whole.codes
        for concept in elements(resource, path, find)
        if isinstance(concept, dict)
        for each in concept.get("coding", ())
    ]
    codes = frozenset(
        (system, code) for system, code in codings if system and code and system in (whole.systems or (system,))
    )
    start = next((each for each in (_time(resource, path, find, end=False) for path in whole.start) if each), None)
    end = next((each for each in (_time(resource, path, find, end=True) for path in whole.end) if each), None)
    minute = None
    if start is not None and len(start) >= _TO_THE_MINUTE:
        minute = _bounds(start)[0] // _MINUTE
    return Facts(
        codes,
        None if start is None else _bounds(start)[0],
        None if end is None else _bounds(end)[1],
        minute,
        _value(resource),
    )


def _time(resource: Resource, path: str, find: Find, *, end: bool) -> str:
    """The moment at a path as FHIR writes it; of a Period its beginning or end."""
    for each in elements(resource, path, find):
        text = each.get("end" if end else "start", "") if isinstance(each, dict) else each
        if isinstance(text, str) and text:
            return text
    return ""


def _bounds(text: str) -> tuple[int, int]:
    try:
        return bounds(text)
    except Invalid:
        return OPEN_START, OPEN_END


def _overlap(one: Facts, other: Facts) -> bool:
    """Whether both say when, and the periods have a moment in common."""
    if any(each.start is None and each.end is None for each in (one, other)):
        return False
    first = (OPEN_START if one.start is None else one.start, OPEN_END if one.end is None else one.end)
    second = (OPEN_START if other.start is None else other.start, OPEN_END if other.end is None else other.end)
    return first[0] < second[1] and second[0] < first[1]


def _value(resource: Mapping[str, Any]) -> Any:
    """The value so that equal ones are equal: 5.10 mmol/L is 5.1 mmol/L. None where there is none."""
    own = _same(value_of(resource))
    parts = frozenset(
        (frozenset(_codes(each.get("code", {}))), _same(value_of(each))) for each in resource.get("component", ())
    )
    return None if own is None and not parts else (own, parts)


def _same(value: Any) -> Any:
    match value:
        case {"value": int() | Decimal() as number}:
            unit = value.get("code") or value.get("unit", "")
            return value.get("comparator", ""), Decimal(number).normalize(), unit
        case {"coding": list()}:
            return frozenset(_codes(value))
        case {"text": str() as text}:
            return text
        case str() | bool() | int() | Decimal():
            return value
    return None


def _codes(concept: Mapping[str, Any]) -> Iterator[Code]:
    for each in concept.get("coding", ()):
        yield each.get("system", ""), each.get("code", "")

"""The least, the most and the longest that a value may be.
https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.minValue_x_
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, Literal

from app.errors import Invalid
from app.fhir import ucum
from app.fhir.dates import bounds
from app.fhir.profiles.elements import Item
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import Node
from app.fhir.profiles.values import Test

_SIDES: Final[tuple[tuple[str, Literal[-1, 1], str, str], ...]] = (
    ("minValue", -1, "min-value", "less than the least"),
    ("maxValue", 1, "max-value", "more than the most"),
)


def limits_of(node: Node) -> Iterator[Test]:
    """The tests of one element's limits."""
    for rule in node.rules:
        for prefix, side, key, words in _SIDES:
            for name, limit in rule.definition.items():
                if name.startswith(prefix):
                    yield _limited(limit, side, key=key, words=words, profile=rule.profile)
        if "maxLength" in rule.definition:
            yield _no_longer(rule.definition["maxLength"], rule.profile)


def _limited(limit: Any, side: Literal[-1, 1], *, key: str, words: str, profile: str) -> Test:
    def test(item: Item, place: Place, run: Run) -> None:
        if _compared(item.value, limit) == side:
            text = f"The value is {words} that the profile allows."
            run.add(place, text, code="value", rule=key, profile=profile)

    return test


def _no_longer(most: int, profile: str) -> Test:
    def test(item: Item, place: Place, run: Run) -> None:
        if isinstance(item.value, str) and len(item.value) > most:
            text = f"The text is longer than {most} characters."
            run.add(place, text, code="too-long", rule="max-length", profile=profile)

    return test


def _compared(value: Any, limit: Any) -> int:
    """-1 when the value is surely below the limit, 1 when above it; 0 also when the two cannot be compared."""
    if isinstance(value, dict) and isinstance(limit, dict):
        return _quantities(value, limit)
    if isinstance(value, str) and isinstance(limit, str):
        return _moments(value, limit)
    if isinstance(value, int | Decimal) and isinstance(limit, int | Decimal):
        return (value > limit) - (value < limit)
    return 0


def _quantities(value: dict[str, Any], limit: dict[str, Any]) -> int:
    ours, theirs = value.get("value"), limit.get("value")
    if not isinstance(ours, int | Decimal) or not isinstance(theirs, int | Decimal):
        return 0
    units = value.get("code"), limit.get("code")
    if units[1] is None or units[0] == units[1]:
        return (ours > theirs) - (ours < theirs)
    pair = [ucum.canonical(Decimal(each), str(code)) for each, code in zip((ours, theirs), units, strict=True)]
    if pair[0] is None or pair[1] is None or pair[0][1] != pair[1][1]:
        return 0
    return (pair[0][0] > pair[1][0]) - (pair[0][0] < pair[1][0])


def _moments(value: str, limit: str) -> int:
    """Dates and times by the time that they surely span."""
    try:
        (begins, ends), (least, most) = bounds(value), bounds(limit)
    except Invalid:
        return 0
    return 1 if begins >= most else -1 if ends <= least else 0

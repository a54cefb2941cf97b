"""A test of one value of an element: it looks, and notes in the run what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from app.fhir.profiles.elements import Item
from app.fhir.profiles.matching import fitting, fixed
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import Node
from app.fhir.resource import encode

Test = Callable[[Item, Place, Run], None]
MOST_SHOWN: Final = 300
"""Characters of what a profile wants that a text repeats."""


def shown(wanted: object) -> str:
    """What a profile wants, as JSON."""
    text = encode(wanted).decode()
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def values_of(node: Node) -> Iterator[Test]:
    """The tests of one element's fixed values and patterns."""
    for rule in node.rules:
        for name, wanted in rule.definition.items():
            if name.startswith("fixed"):
                yield _fixed(wanted, rule.profile)
            elif name.startswith("pattern"):
                yield _patterned(wanted, rule.profile)


def _fixed(wanted: object, profile: str) -> Test:
    fits = fixed(wanted)

    def test(item: Item, place: Place, run: Run) -> None:
        if item.value is not None and not fits(item.value):
            text = f"The profile fixes this value to {shown(wanted)}, and it is another one."
            run.add(place, text, code="value", rule="fixed", profile=profile)

    return test


def _patterned(wanted: object, profile: str) -> Test:
    fits = fitting(wanted)

    def test(item: Item, place: Place, run: Run) -> None:
        if item.value is not None and not fits(item.value):
            text = f"The profile has the pattern {shown(wanted)} here, and not everything of it is there."
            run.add(place, text, code="value", rule="pattern", profile=profile)

    return test

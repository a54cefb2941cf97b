"""The values of a sliced element, each given to its slice. https://hl7.org/fhir/R4/profiling.html#slicing"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from app.fhir.profiles.discriminators import Matches
from app.fhir.profiles.elements import Item
from app.fhir.profiles.run import Place, Run

DEFAULT: Final = "@default"
"""The slice that takes what no other slice of a closed slicing takes."""

Found = Sequence[tuple[Item, Place]]


class Rules(Protocol):
    """What a slice asks, besides how often it is there."""

    def check_item(self, item: Item, place: Place, run: Run) -> None:
        """Hold a value against it."""

    def check_slices(self, found: Found, around: Place, run: Run) -> None:
        """Hold the values of the slice against the slices within it."""


@dataclass(frozen=True, slots=True)
class Slice:
    """``matches`` None: nothing tells which values are of the slice, so none is given to it."""

    name: str
    matches: Matches | None
    least: int
    least_by: str
    most: int | None
    most_by: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class Slicing:
    """``closed`` has the profile that says that there are no values but those of the slices, ``ordered`` the one that
    says that they come in the order of the slices; ``at_end``: others come after them.
    """

    name: str
    slices: tuple[Slice, ...]
    closed: str | None
    ordered: str | None
    at_end: str | None

    def check(self, found: Found, around: Place, run: Run) -> None:
        """Give each value to its slice, and note what is not as the slices say."""
        given: dict[str, list[tuple[Item, Place]]] = {each.name: [] for each in self.slices}
        order: list[int | None] = []
        told: list[Place] = []
        untold = 0  # which may be of any: what they refer to is not known
        for item, place in found:
            before = run.unresolved
            number = self._number(item, place, run)
            if run.unresolved > before and (number is None or self.slices[number].name == DEFAULT):
                untold += 1
                continue
            order.append(number)
            told.append(place)
            if number is not None:
                given[self.slices[number].name].append((item, place))
            elif self.closed is not None:
                text = "The profile allows no values here but those of its slices, and this is of none."
                run.add(place, text, code="structure", rule="slice-closed", profile=self.closed)
        self._check_order(told, order, run)
        for each in self.slices:
            self._check_slice(each, given[each.name], untold, around, run)

    def _number(self, item: Item, place: Place, run: Run) -> int | None:
        default = None
        for number, each in enumerate(self.slices):
            if each.name == DEFAULT:
                default = number
            elif each.matches is not None and each.matches(item, place, run):
                return number
        return default

    def _check_order(self, places: Sequence[Place], order: Sequence[int | None], run: Run) -> None:
        furthest = -1
        outside = False
        for place, number in zip(places, order, strict=True):
            if number is None:
                outside = True
                continue
            if self.ordered is not None and number < furthest:
                text = f"The slice {self.slices[number].name} stands after one that the profile has behind it."
                run.add(place, text, code="structure", rule="slice-order", profile=self.ordered)
            elif self.at_end is not None and outside:
                text = "The profile has the values of its slices before all others."
                run.add(place, text, code="structure", rule="slice-order", profile=self.at_end)
            furthest = max(furthest, number)

    def _check_slice(self, each: Slice, own: Found, untold: int, around: Place, run: Run) -> None:
        place: Place = (around, self.name, None)
        if len(own) + untold < each.least and each.matches is not None:
            text = f"The slice {each.name} is to be there at least {times(each.least)}, and is {there(len(own))}."
            run.add(place, text, code="required", rule="slice-min", profile=each.least_by)
        if each.most is not None and len(own) > each.most:
            text = f"The slice {each.name} may be there at most {times(each.most)}, and is {there(len(own))}."
            run.add(own[each.most][1], text, code="structure", rule="slice-max", profile=each.most_by)
        for item, place in own:
            each.rules.check_item(item, place, run)
        each.rules.check_slices(own, around, run)


def there(number: int) -> str:
    """How often something is there, in words."""
    return f"there {times(number)}" if number else "not there"


def times(number: int) -> str:
    """How often, in words."""
    return {0: "never", 1: "once"}.get(number, f"{number} times")

"""Our snapshots of HL7's profiles beside those that HL7 publishes: 442 profiles, and every difference explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from app.fhir.definitions import load
from app.fhir.profiles.snapshot import with_snapshot
from app.fhir.validation import validate
from tests.profiles.snapshots import Difference, differences, hl7_library, profiles

_PROFILES: Final = 442


def _profiles_of(each: Difference) -> set[str]:
    return {profile for _, listed, _ in each.theirs for profile in listed} if each.what == "type" else set()


def _codes(kinds: Any) -> set[str]:
    return {code for code, _, _ in kinds}


EXPLAINED: Final[Mapping[str, tuple[int, Callable[[Difference], bool]]]] = {
    "FHIR's tables do not say that a Quantity is a SimpleQuantity or a MoneyQuantity": (
        32,
        lambda each: any(name.endswith(("/SimpleQuantity", "/MoneyQuantity")) for name in _profiles_of(each)),
    ),
    "types without a code, which FHIR does not know": (
        6,
        lambda each: each.what == "type" and "" in _codes(each.theirs),
    ),
    "valueQuantity in a differential is a slice of value[x]: other types stay allowed unless value[x] says otherwise": (
        20,
        lambda each: each.what == "type" and each.element.endswith("[x]") and len(each.ours) > len(each.theirs) == 1,
    ),
    "the same within slices of bp, whose snapshot has value[x] itself in the place of its slice": (
        30,
        lambda each: each.profile == "bp" and "component:" in each.element and each.what in {"more", "missing"},
    ),
    "unfolded although nothing is said within": (
        8,
        lambda each: each.profile == "elementdefinition-de" and each.what == "missing",
    ),
    "left out of the snapshot, for all that the type has them": (
        15,
        lambda each: each.profile in {"catalog", "familymemberhistory-genetic"} and each.what == "more",
    ),
    "slices may be there once of what may not be there": (
        4,
        lambda each: each.profile == "codesystem-history" and each.what == "max",
    ),
    "a contentReference to a slice, which is none to an element of the type": (
        1,
        lambda each: each.what == "contentReference",
    ),
}
"""Why ours differs, how often, and how to tell."""


def test_every_difference_from_the_snapshots_that_hl7_publishes_is_explained(fhir_definitions: Path) -> None:
    found: Counter[str] = Counter()
    unexplained = []
    compared = 0
    for profile in profiles(fhir_definitions):
        compared += 1
        for each in differences(profile, fhir_definitions):
            reason = next((reason for reason, (_, holds) in EXPLAINED.items() if holds(each)), None)
            if reason is None:
                unexplained.append(each)
            else:
                found[reason] += 1
    assert unexplained == []
    assert found == {reason: count for reason, (count, _) in EXPLAINED.items()}
    assert compared == _PROFILES


def test_our_snapshots_of_hl7s_profiles_are_valid(fhir_definitions: Path) -> None:
    wrong = {}
    for profile in profiles(fhir_definitions):
        made = with_snapshot(profile, hl7_library(fhir_definitions), load("4.0.1"))
        problems = {each.rule for each in validate(made, load("4.0.1")) if each.severity == "error"}
        known = {each.rule for each in validate(profile, load("4.0.1")) if each.severity == "error"}
        if problems - known:
            wrong[profile["id"]] = problems
    assert wrong == {"codesystem-history": {"eld-2"}}  # whose slices are asked for where none may be

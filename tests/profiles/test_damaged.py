"""Copies of Nictiz's examples, each with one rule of a profile broken: every one is refused, and for that."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from app.errors import Issue
from app.fhir.definitions import load
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.validation import validate
from tests.conftest import CLOSING_LINE
from tests.profiles.broken_constraints import BROKEN, Broken
from tests.profiles.damage import Damage, Damaging
from tests.profiles.official import VERSIONS, examples, library, profiles

LEAST: Final = {"4.0.1": 800, "3.0.1": 900}
"""Copies."""
KINDS: Final = {
    "4.0.1": frozenset(
        {
            *("min", "max", "type", "pattern", "binding", "slice-min", "slice-max", "min-value", "max-value"),
            *("extension-url", "extension-context", "reference-type", "target-profile", "profile-type"),
        }
    ),
    "3.0.1": frozenset(
        {
            *("min", "max", "type", "fixed", "binding", "slice-min", "slice-max", "min-value", "max-value"),
            *("extension-url", "extension-context", "reference-type", "target-profile", "profile-type"),
        }
    ),
}
"""Rules that are broken in what Nictiz has; all rules, and those of slicing in all forms, in ``test_rules.py``."""
_ANOTHER: Final = "http://nictiz.nl/fhir/StructureDefinition/zib-BloodPressure"


def _errors(found: list[Issue]) -> list[Issue]:
    return [each for each in found if each.severity == "error"]


def _other_type(resource: Resource) -> Iterator[Damage]:
    """A claim to follow a profile of another type."""
    if resource["resourceType"] != "Observation":
        damaged = copy.deepcopy(resource)
        number = len(damaged["meta"]["profile"])
        damaged["meta"]["profile"].append(_ANOTHER)
        path = f"{resource['resourceType']}.meta.profile[{number}]"
        yield Damage("profile-type", path, _ANOTHER, resource["resourceType"], damaged)


def _damaged(fhir_definitions: Path, version: str) -> Iterator[tuple[str, Damage]]:
    """Of each rule of each element that a profile has, the first copy that is valid FHIR, with its example."""
    held, given, definitions = profiles(fhir_definitions, version), examples(fhir_definitions, version), load(version)
    everything = library(fhir_definitions, *VERSIONS)
    damaging = Damaging(definitions, everything, LibraryTerminology(everything, definitions))
    seen = set()
    for name, resource in given.by_name.items():
        if _errors(held.claimed(resource, given.by_reference.get)):
            continue
        for canonical in resource.get("meta", {}).get("profile", ()):
            if not held.knows(canonical):
                continue
            every = (
                *damaging.damages(resource, canonical),
                *damaging.of_targets(resource, canonical, given.by_reference),
                *_other_type(resource),
            )
            for each in every:
                key = (each.rule, each.profile, each.element)
                if key not in seen and not _errors(validate(each.resource, definitions)):
                    seen.add(key)
                    yield name, each


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_copy_with_one_rule_broken_is_refused_for_that_rule(
    fhir_definitions: Path, version: str, record_property: Callable[[str, object], None]
) -> None:
    held, known = profiles(fhir_definitions, version), examples(fhir_definitions, version).by_reference
    counts: Counter[str] = Counter()
    alone = 0
    for name, damage in _damaged(fhir_definitions, version):
        found = {(each.rule, each.expression[0], each.profile) for each in _refused(held.claimed, damage, known)}
        wanted = (damage.rule, damage.path, damage.profile)
        assert wanted in found, f"{name}: {wanted} of {damage.element} was not found, but {found}"
        others = {each for each in found if each[:2] != wanted[:2]}
        assert {rule for rule, _, _ in others} <= damage.implied, f"{name}: with {wanted} also {others}"
        counts[damage.rule] += 1
        alone += not others
    assert counts.keys() >= KINDS[version]
    assert counts.total() >= LEAST[version]
    listed = ", ".join(f"{rule} {count}" for rule, count in sorted(counts.items()))
    record_property(
        CLOSING_LINE,
        f"profiles: {counts.total()} damaged copies of examples of FHIR {version} refused with the right path and rule "
        f"({alone} for nothing else, the others also for what that implies): {listed}",
    )


def _refused(
    check: Callable[[Resource, Callable[[str], Resource | None]], list[Issue]],
    damage: Damage,
    known: Mapping[str, Resource],
) -> list[Issue]:
    return _errors(check(damage.resource, lambda literal: damage.targets.get(literal) or known.get(literal)))


@pytest.mark.parametrize(
    "broken",
    [pytest.param(each, id=f"{each.version}-{each.profile.rpartition('/')[2]}-{each.key}") for each in BROKEN],
)
def test_a_copy_with_one_constraint_broken_is_refused_for_it(fhir_definitions: Path, broken: Broken) -> None:
    given, held = examples(fhir_definitions, broken.version), profiles(fhir_definitions, broken.version)
    resource = copy.deepcopy(given.by_name[broken.example])
    assert _errors(held.claimed(resource, given.by_reference.get)) == []
    broken.edit(resource)
    assert _errors(validate(resource, load(broken.version))) == []
    found = _errors(held.claimed(resource, given.by_reference.get))
    others = [each for each in found if each.rule not in broken.implied]
    assert [(each.rule, each.expression, each.profile) for each in others] == [
        (broken.key, (broken.path,), broken.profile)
    ]

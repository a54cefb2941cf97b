"""Profiles of both FHIR versions together: one canonical says something else in each, and they are not mixed up."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from app.errors import Issue
from app.fhir.definitions import load
from app.fhir.packages import Artifact, Library
from app.fhir.profiles import Profiles
from app.fhir.profiles.tree import tree_of
from app.fhir.terminology.conceptmap import read_concept_map
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.terminology.membership import Membership
from tests.conftest import CLOSING_LINE
from tests.profiles.official import VERSIONS, artifacts, examples, library, nictiz_artifacts, profiles, profiles_of

PACKAGES: Final = {"4.0.1": "Nictiz-R4-zib2020", "3.0.1": "Nictiz-STU3-Zib2017"}
SHARED: Final = {"StructureDefinition": 50, "ConceptMap": 6, "NamingSystem": 4, "ValueSet": 1}
_ZIB: Final = "http://nictiz.nl/fhir/StructureDefinition/"


@functools.cache
def _shared(fhir_definitions: Path) -> Mapping[str, frozenset[str]]:
    """By resource type, the canonicals that are in both packages."""
    found: dict[str, list[set[str]]] = defaultdict(list)
    for name in PACKAGES.values():
        own: dict[str, set[str]] = defaultdict(set)
        for each in artifacts(fhir_definitions, name):
            own[each.kind].add(each.url)
        for kind, urls in own.items():
            found[kind].append(urls)
    both = {kind: frozenset(urls[0] & urls[1]) for kind, urls in found.items() if len(urls) == 2}
    return {kind: urls for kind, urls in both.items() if urls}


def _own(fhir_definitions: Path, version: str, kind: str, canonical: str) -> Artifact:
    """What the package of a FHIR version has under a canonical."""
    held = artifacts(fhir_definitions, PACKAGES[version])
    return next(each for each in held if (each.kind, each.url) == (kind, canonical))


class _Watched(Library):
    """A library that knows which FHIR versions were asked for."""

    def __init__(self, held: Library) -> None:
        self._held = held
        self.asked: set[str] = set()

    def find(self, fhir_version: str, kind: str, canonical: str) -> Artifact | None:
        self.asked.add(fhir_version)
        return self._held.find(fhir_version, kind, canonical)

    def versions(self, fhir_version: str, kind: str, canonical: str) -> Any:
        self.asked.add(fhir_version)
        return self._held.versions(fhir_version, kind, canonical)

    def of_kind(self, fhir_version: str, kind: str) -> Any:
        self.asked.add(fhir_version)
        return self._held.of_kind(fhir_version, kind)


def _verdicts(held: Profiles, fhir_definitions: Path, version: str) -> dict[str, list[Issue]]:
    given = examples(fhir_definitions, version)
    return {name: held.claimed(each, given.by_reference.get) for name, each in given.by_name.items()}


def test_fifty_structure_definitions_have_a_canonical_that_both_packages_have(fhir_definitions: Path) -> None:
    assert {kind: len(urls) for kind, urls in _shared(fhir_definitions).items()} == SHARED


@pytest.mark.parametrize("order", [VERSIONS, VERSIONS[::-1]], ids=["R4 first", "STU3 first"])
def test_a_canonical_means_what_the_package_of_the_fhir_version_has(
    fhir_definitions: Path, order: tuple[str, ...]
) -> None:
    both = library(fhir_definitions, *order)
    for kind, urls in _shared(fhir_definitions).items():
        for url in urls:
            contents = set()
            for version in VERSIONS:
                found = both.find(version, kind, url)
                assert found is not None
                assert found.resource() == _own(fhir_definitions, version, kind, url).resource()
                contents.add(found.content)
            assert len(contents) == 2, f"{url} is the same in both, so that this shows nothing"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_shared_profile_is_made_of_what_its_own_fhir_version_has(fhir_definitions: Path, version: str) -> None:
    both, alone = library(fhir_definitions, *VERSIONS), library(fhir_definitions, version)
    other = next(each for each in VERSIONS if each != version)
    types = 0
    for url in _shared(fhir_definitions)["StructureDefinition"]:
        tree = tree_of(url, both, load(version))
        assert tree == tree_of(url, alone, load(version))
        elsewhere = tree_of(url, both, load(other))
        assert tree.root != elsewhere.root
        types += tree.type != elsewhere.type
    assert types > 0  # zib-NursingIntervention is a CarePlan in one and a Procedure in the other


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_of_the_other_fhir_version_is_asked_for(fhir_definitions: Path, version: str) -> None:
    watched = _Watched(library(fhir_definitions, *VERSIONS))
    held = profiles_of(watched, version)
    shared = _shared(fhir_definitions)["StructureDefinition"]
    given = examples(fhir_definitions, version)
    checked = 0
    for each in given.by_name.values():
        found = [held.definition(canonical) for canonical in each.get("meta", {}).get("profile", ())]
        chains = {step["url"] for one in found if one is not None for step in one[0].chain}
        if not shared.isdisjoint(chains):
            held.claimed(each, given.by_reference.get)
            checked += 1
    assert checked >= 5
    assert watched.asked == {version}


@pytest.mark.parametrize("order", [VERSIONS, VERSIONS[::-1]], ids=["R4 first", "STU3 first"])
@pytest.mark.parametrize("version", VERSIONS)
def test_verdicts_are_those_with_one_fhir_version_alone(
    fhir_definitions: Path,
    version: str,
    order: tuple[str, ...],
    record_property: Callable[[str, object], None],
) -> None:
    together = _verdicts(profiles_of(library(fhir_definitions, *order), version), fhir_definitions, version)
    assert together == _verdicts(profiles_of(library(fhir_definitions, version), version), fhir_definitions, version)
    counts = ", ".join(f"{count} {kind}" for kind, count in SHARED.items())
    record_property(
        CLOSING_LINE,
        f"profiles: {len(together)} examples of FHIR {version} have the same verdicts with both packages installed, "
        f"{' before '.join(order)}, which share {counts}",
    )


def test_the_nursing_intervention_of_one_is_none_of_the_other(fhir_definitions: Path) -> None:
    url = f"{_ZIB}zib-NursingIntervention"
    types = {version: profiles(fhir_definitions, version).type_of(url) for version in VERSIONS}
    assert types == {"4.0.1": "CarePlan", "3.0.1": "Procedure"}
    for version, kind in types.items():
        held = profiles(fhir_definitions, version)
        for other in types.values():
            rules = [each.rule for each in held.check({"resourceType": other}, url)]
            assert ("profile-type" in rules) is (other != kind)


def test_terminology_is_that_of_the_fhir_version(fhir_definitions: Path) -> None:
    both = library(fhir_definitions, *VERSIONS)
    made: dict[str, list[object]] = {"ValueSet": [], "ConceptMap": []}
    for version in VERSIONS:
        terminology = LibraryTerminology(both, load(version))
        alone = LibraryTerminology(library(fhir_definitions, version), load(version))
        for url in _shared(fhir_definitions)["ValueSet"]:
            membership: Membership = terminology.membership(url)
            assert membership == alone.membership(url)
            made["ValueSet"].append(terminology.value_set(url))
        for url in _shared(fhir_definitions)["ConceptMap"]:
            found = both.find(version, "ConceptMap", url)
            assert found is not None
            made["ConceptMap"].append(read_concept_map(found.resource()))
    for pair in made.values():
        assert pair[0] != pair[1]


def test_a_package_of_one_fhir_version_is_nothing_to_the_other(fhir_definitions: Path) -> None:
    for version in VERSIONS:
        other = next(each for each in VERSIONS if each != version)
        held = profiles_of(Library(nictiz_artifacts(fhir_definitions, version)), other)
        for url in _shared(fhir_definitions)["StructureDefinition"]:
            assert not held.knows(url)

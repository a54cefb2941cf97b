"""Our examples follow the profiles that they claim; our near-misses are refused by the rule that they break."""

from __future__ import annotations

import tarfile
from collections import Counter
from pathlib import Path

import pytest

from app.config import CANONICAL_BASE
from app.fhir.packages import Artifact, Library
from app.fhir.profiles import Profiles
from app.fhir.resource import decode, encode
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.validation import validate
from app.server.packages.built_in import built_in
from tests.medmij_profiles.package import BASE, NearMiss, definitions, examples, near_misses, profiles

NOT_HELD = {("extension-unknown", "http://hl7.org/fhir/StructureDefinition/goal-relationship")}
"""What cannot be looked at with our own package alone: HL7's extension, without HL7's package."""


@pytest.mark.parametrize("reference", examples())
def test_an_example_follows_its_profiles(reference: str) -> None:
    example = examples()[reference]
    found = profiles().claimed(example, examples().get)
    assert {(each.rule, each.profile) for each in found} <= NOT_HELD


@pytest.mark.parametrize(("name", "near_miss"), near_misses(), ids=[name for name, _ in near_misses()])
def test_a_near_miss_is_refused_by_its_rule_in_its_place(name: str, near_miss: NearMiss) -> None:
    assert validate(near_miss.resource, definitions()) == []
    found = profiles().check(near_miss.resource, near_miss.profile, examples().get)
    refusing = [each for each in found if each.severity == "error"]
    assert (near_miss.rule, (near_miss.path,)) in [(each.rule, each.expression) for each in refusing]
    for each in refusing:
        assert each.profile is not None
        assert each.profile.startswith(BASE)
        assert profiles().knows(each.profile)


@pytest.mark.parametrize("profile", [url for _, url in profiles().every()])
def test_a_profile_has_good_and_bad_instances(profile: str) -> None:
    claimed = Counter(url for each in examples().values() for url in each.get("meta", {}).get("profile", ()))
    missed = Counter(each.profile for _, each in near_misses())
    assert claimed[profile] >= 2
    assert missed[profile] >= 5


def test_near_misses_break_rules_of_every_kind() -> None:
    rules = {each.rule for _, each in near_misses()}
    assert rules >= {
        "min",
        "max",
        "type",
        "fixed",
        "pattern",
        "binding",
        "slice-min",
        "slice-max",
        "slice-closed",
        "slice-order",
        "extension-context",
        "reference-type",
        "target-profile",
        "min-value",
        "max-value",
        "max-length",
    }


def test_every_rule_of_ours_is_broken_by_a_near_miss() -> None:
    keys = {
        constraint["key"]
        for _, canonical in profiles().every()
        if (found := profiles().definition(canonical)) is not None
        for resource in found[0].chain
        for element in resource["differential"]["element"]
        for constraint in element.get("constraint", ())
        if constraint["severity"] == "error"
    }
    assert keys - {each.rule for _, each in near_misses()} == set()


def test_hl7_s_extension_between_goals_is_used_as_hl7_has_it(fhir_definitions: Path) -> None:
    with tarfile.open(fhir_definitions / "hl7.fhir.core-4.0.1.tar.gz") as package:
        member = package.extractfile("package/StructureDefinition-goal-relationship.json")
        assert member is not None
        definition = decode(member.read())
    artifact = Artifact.of(definition, fhir_version="4.0.1", package="hl7.fhir.r4.core#4.0.1")
    held = Library([*built_in(CANONICAL_BASE), artifact])
    both = Profiles(definitions(), held, LibraryTerminology(held, definitions()))
    goal = examples()["Goal/doel-kleinkinderen"]
    assert [each for each in both.claimed(goal, examples().get) if each.rule == "extension-unknown"] == []
    assert [each for each in both.claimed(goal, examples().get) if each.severity == "error"] == []
    broken = decode(encode(goal))
    del broken["extension"][1]["extension"][1]
    assert "error" in {each.severity for each in both.claimed(broken, examples().get)}

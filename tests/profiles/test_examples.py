"""Nictiz's examples against their own profiles: every verdict that is not valid is explained in ``verdicts.yaml``."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app.errors import Issue
from app.fhir.definitions import load
from app.fhir.validation import validate
from tests.conftest import CLOSING_LINE
from tests.profiles.official import VERSIONS, examples, profiles

Verdict = tuple[str, str, str, str]
"""Example, severity, rule, path."""

COUNTS: Final = {"4.0.1": 271, "3.0.1": 215}
"""208 of zib2017 and 7 of the questionnaires."""
KINDS: Final = frozenset({"example", "profile", "limit"})
MOST_LIMITS: Final = 0.02
_UNHELD: Final = re.compile(r"not held here, or not wholly: (.+)\.$")


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(Path(__file__).with_name("verdicts.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return read


def _issues(fhir_definitions: Path, version: str) -> Iterator[tuple[str, Issue]]:
    """Base validation's and that of the profiles, with the names of the examples."""
    held, given = profiles(fhir_definitions, version), examples(fhir_definitions, version)
    for name, resource in given.by_name.items():
        for issue in validate(resource, load(version)):
            yield name, issue
        for issue in held.claimed(resource, given.by_reference.get):
            yield name, issue


def _is_undecided(issue: Issue) -> bool:
    return issue.rule == "binding" and issue.severity == "information"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_verdict_that_is_not_valid_is_explained(
    fhir_definitions: Path, version: str, table: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    explained: dict[Verdict, str] = {}
    for row in table["verdicts"][version]:
        assert row["kind"] in KINDS
        assert row["why"].strip()
        for path in row["paths"]:
            verdict = (row["example"], row["severity"], row["rule"], path)
            assert explained.setdefault(verdict, row["kind"]) is row["kind"], f"{verdict} is listed twice"
    found = Counter(
        (name, issue.severity, issue.rule, *issue.expression)
        for name, issue in _issues(fhir_definitions, version)
        if not _is_undecided(issue)
    )
    assert found == dict.fromkeys(explained, 1)
    named = {kind: {name for (name, *_), each in explained.items() if each == kind} for kind in KINDS}
    assert len(named["limit"]) <= MOST_LIMITS * COUNTS[version]
    record_property(CLOSING_LINE, _summary(version, named))


def _summary(version: str, named: dict[str, set[str]]) -> str:
    remarked = set().union(*named.values())
    return (
        f"profiles: {COUNTS[version]} examples of FHIR {version}, {COUNTS[version] - len(remarked)} valid, "
        f"{len(named['example'])} fall short of their profile, {len(named['profile'])} of a profile that contradicts "
        f"itself, {len(named['limit'])} not looked at wholly; each explained in verdicts.yaml"
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_codes_of_which_nothing_can_be_told_are_counted_by_their_system(
    fhir_definitions: Path, version: str, table: dict[str, Any]
) -> None:
    elements: Counter[str] = Counter()
    named: dict[str, set[str]] = defaultdict(set)
    for name, issue in _issues(fhir_definitions, version):
        if _is_undecided(issue):
            unheld = _UNHELD.search(issue.diagnostics)
            assert unheld is not None
            for system in unheld[1].split(", "):
                elements[system] += 1
                named[system].add(name)
    assert {each: [count, len(named[each])] for each, count in elements.items()} == table["undecided"][version]


@pytest.mark.parametrize("version", VERSIONS)
def test_all_examples_are_there_and_claim_a_profile(
    fhir_definitions: Path, version: str, table: dict[str, Any]
) -> None:
    given = examples(fhir_definitions, version).by_name
    assert len(given) == COUNTS[version]
    unclaimed = [name for name, resource in given.items() if not resource.get("meta", {}).get("profile")]
    assert unclaimed == table["unclaimed"][version]


def test_examples_that_misspell_their_profile_follow_the_one_that_they_mean(fhir_definitions: Path) -> None:
    given, held = examples(fhir_definitions, "4.0.1"), profiles(fhir_definitions, "4.0.1")
    meant = "http://nictiz.nl/fhir/StructureDefinition/nl-core-LivingSituation.HomeAdaption"
    for name, resource in given.by_name.items():
        if "HouseAdaption" in name:
            found = held.check(resource, meant, given.by_reference.get)
            assert [each for each in found if each.severity != "information"] == []

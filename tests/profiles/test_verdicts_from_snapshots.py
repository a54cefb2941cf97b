"""A profile's snapshot by itself gives the verdicts of its chain of differentials: nothing is lost or added in it.
https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from app.config import CANONICAL_BASE
from app.errors import Issue
from app.fhir import xml
from app.fhir.definitions import load
from app.fhir.profiles import Profiles
from app.fhir.profiles.snapshot import with_snapshot
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from app.server.packages.built_in import resources
from tests.fhir.examples import nictiz
from tests.medmij_profiles.package import examples, near_misses
from tests.profiles.snapshots import library_of, profiles

_KINDS: Final = ("StructureDefinition", "ValueSet", "CodeSystem")
_MIME_TYPES: Final = "Consent.source.contentType"
"""Bound by FHIR itself to what no list has; a snapshot repeats it, and the engine says that it cannot tell."""

Verdict = set[tuple[str, str | None, tuple[str, ...]]]


def _both(definitions: Iterable[Resource]) -> tuple[Profiles, Profiles]:
    """The same profiles, from their differentials and from their snapshots."""
    found = list(definitions)
    library = library_of(*found)
    whole = []
    for each in found:
        if each["resourceType"] == "StructureDefinition" and each.get("derivation") == "constraint":
            made = with_snapshot(each, library, load("4.0.1"))
            del made["differential"]
            whole.append(made)
        else:
            whole.append(each)
    first, second = (
        Profiles(load("4.0.1"), each, LibraryTerminology(each, load("4.0.1"))) for each in (library, library_of(*whole))
    )
    return first, second


def _verdict(issues: Iterable[Issue]) -> Verdict:
    return {(each.severity, each.rule, each.expression) for each in issues if each.expression != (_MIME_TYPES,)}


def test_our_examples_and_near_misses_are_judged_alike() -> None:
    chains, snapshots = _both(each for _, each in resources(CANONICAL_BASE) if "url" in each)
    held = examples()
    for each in held.values():
        assert _verdict(snapshots.claimed(each, held.get)) == _verdict(chains.claimed(each, held.get))
    for _, near_miss in near_misses():
        refused = _verdict(snapshots.check(near_miss.resource, near_miss.profile, held.get))
        assert ("error", near_miss.rule, (near_miss.path,)) in refused
        assert refused == _verdict(chains.check(near_miss.resource, near_miss.profile, held.get))


def test_every_example_of_zib2020_is_judged_alike(fhir_definitions: Path) -> None:
    packaged = [
        xml.from_xml(path.read_bytes(), load("4.0.1"))
        for path in sorted((fhir_definitions / "Nictiz-R4-zib2020" / "resources").rglob("*.xml"))
    ]
    known = [each for each in packaged if each["resourceType"] in _KINDS and "url" in each]
    chains, snapshots = _both([*known, *profiles(fhir_definitions)])
    tried = [xml.from_xml(data, load("4.0.1")) for _, data in nictiz(fhir_definitions, "4.0.1")]
    assert len(tried) == 271
    found = [(each["id"], _verdict(chains.claimed(each)), _verdict(snapshots.claimed(each))) for each in tried]
    assert [name for name, first, second in found if first != second] == []
    assert any(first for _, first, _ in found)

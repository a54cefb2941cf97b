"""The value sets and concept maps of both of Nictiz's packages, against a slow second opinion that reads the files.

https://hl7.org/fhir/R4/valueset.html, https://hl7.org/fhir/R4/conceptmap.html
"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.fhir.definitions import load, package
from app.fhir.packages import Artifact, Library
from app.fhir.terminology.composing import selection_of
from app.fhir.terminology.conceptmap import Asked, translate
from app.fhir.terminology.library import LibraryTerminology, Packaged
from app.fhir.terminology.selection import NotHeld
from tests.terminology.official import NUMBERS, R4, STU3, library, second_opinion

BACK = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}
VERSIONS = pytest.mark.parametrize("version", [R4, STU3])


@VERSIONS
def test_every_value_set_holds_what_its_definition_says_or_names_the_system_that_is_not_held(
    fhir_definitions: Path, version: str
) -> None:
    terminology = LibraryTerminology(library(fhir_definitions, version), load(version))
    opinion = second_opinion(fhir_definitions, version)
    assert len(opinion.value_sets) == NUMBERS[version][0]
    whole = 0
    for url in opinion.value_sets:
        codes, lacking = opinion.of_value_set(url)
        membership = terminology.membership(url)
        assert membership.concepts == codes, url
        assert membership.undecided == lacking, url
        assert set(membership.lacking) == lacking, url
        assert (membership.missing, membership.doubtful, membership.excluded) == ((), frozenset(), frozenset()), url
        selection = selection_of(terminology, url)
        assert selection.known is not bool(lacking), url
        assert {each.canonical for each in selection.lacking if isinstance(each, NotHeld)} >= lacking, url
        whole += selection.known
    # So many could be listed when this was written; a change of the packages may change it.
    assert whole == {R4: 188, STU3: 182}[version]


@VERSIONS
def test_what_a_value_set_has_is_in_it_and_nothing_else_is_in_one_that_is_known_wholly(
    fhir_definitions: Path, version: str
) -> None:
    terminology = LibraryTerminology(library(fhir_definitions, version), load(version))
    opinion = second_opinion(fhir_definitions, version)
    everything = {key for url in opinion.value_sets for key in opinion.of_value_set(url)[0]}
    for url in opinion.value_sets:
        codes, lacking = opinion.of_value_set(url)
        membership = terminology.membership(url)
        for system, code in everything:
            wanted = "in" if (system, code) in codes else "unknown" if system in lacking else "out"
            assert membership.verdict(system, code) == wanted, (url, system, code)


@VERSIONS
def test_every_element_of_every_concept_map_is_translated_forth_and_back(fhir_definitions: Path, version: str) -> None:
    packaged = Packaged(library(fhir_definitions, version), version)
    opinion = second_opinion(fhir_definitions, version)
    assert len(opinion.concept_maps) == NUMBERS[version][1] == len(list(packaged.concept_maps()))
    rows = list(opinion.rows())
    assert rows
    for row in rows:
        concept_map = packaged.concept_map(row.map)
        assert concept_map is not None
        forth = translate(concept_map, Asked(row.source, row.code, into=row.target or None), packaged.concept_map)
        wanted = {
            (each.equivalence, each.to or None)
            for each in rows
            if (each.map, each.source, each.target, each.code) == (row.map, row.source, row.target, row.code)
        }
        assert {(each.equivalence, each.code) for each in forth.matches} == wanted, row
        if not row.to:
            continue
        back = translate(concept_map, Asked(row.target, row.to, into=row.source, reverse=True), packaged.concept_map)
        wanted_back = {
            (BACK.get(each.equivalence, each.equivalence), each.code)
            for each in rows
            if (each.map, each.source, each.target, each.to) == (row.map, row.source, row.target, row.to)
            and each.equivalence not in ("unmatched", "disjoint")
        }
        assert {(each.equivalence, each.code) for each in back.matches} == wanted_back, row


def test_neither_package_answers_for_the_other(fhir_definitions: Path) -> None:
    both = library(fhir_definitions, R4, STU3)
    for version, other in ((R4, STU3), (STU3, R4)):
        alone = LibraryTerminology(library(fhir_definitions, version), load(version))
        together = LibraryTerminology(both, load(version))
        for url in second_opinion(fhir_definitions, version).value_sets:
            assert together.membership(url) == alone.membership(url)
        for url in second_opinion(fhir_definitions, other).value_sets:
            if url not in second_opinion(fhir_definitions, version).value_sets:
                assert together.membership(url).missing == (url,)


def test_no_value_set_uses_another_name_of_a_code_system(fhir_definitions: Path) -> None:
    """A NamingSystem can say that an OID and a URL are one system: no value set of either package needs to know."""
    for version in (R4, STU3):
        held = library(fhir_definitions, version)
        oids = {
            f"urn:oid:{each['value']}"
            for one in held.of_kind(version, "NamingSystem")
            for each in one.resource()["uniqueId"]
            if each["type"] == "oid"
        }
        assert oids
        named = {
            part.get("system")
            for one in held.of_kind(version, "ValueSet")
            for part in one.resource().get("compose", {}).get("include", ())
        }
        assert not oids & named


def test_an_empty_library_has_the_value_sets_that_fhir_requires() -> None:
    for version in (R4, STU3):
        terminology = LibraryTerminology(Library(), load(version))
        url = "http://hl7.org/fhir/ValueSet/observation-status"
        for canonical in (url, f"{url}|{version}"):
            found = terminology.membership(canonical)
            assert found.verdict("http://hl7.org/fhir/observation-status", "final") == "in"
            assert found.verdict(None, "final") == "in"
            assert found.verdict(None, "never") == "out"
        assert terminology.membership(f"{url}|9.9.9").missing == (f"{url}|9.9.9",)
        assert terminology.holds_system("http://hl7.org/fhir/observation-status")
        assert not terminology.holds_system("http://snomed.info/sct")


@VERSIONS
def test_hl7s_own_package_holds_the_codes_that_are_built_in(fhir_definitions: Path, version: str) -> None:
    """Two ways to the same: value sets composed from the package, and the tables that were generated from it."""
    source = package.read(fhir_definitions / f"hl7.fhir.core-{version}.tar.gz").resources
    artifacts = [
        Artifact.of(each, fhir_version=version, package="hl7#1")
        for kind in ("ValueSet", "CodeSystem")
        for each in source[kind].values()
    ]
    definitions = load(version)
    terminology = LibraryTerminology(Library(artifacts), definitions)
    assert len(definitions.concepts) >= 200
    for url, concepts in definitions.concepts.items():
        membership = terminology.membership(url)
        assert (membership.concepts, membership.lacking) == (concepts, ()), url
    for url in source["ValueSet"]:
        membership = terminology.membership(url)
        assert url not in membership.missing, url
        assert membership.lacking or not (membership.undecided or membership.doubtful), url

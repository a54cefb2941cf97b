"""``package.json``: FHIR versions, and which versions of a dependency will do."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import Invalid
from app.fhir.packages.manifest import Missing, is_named, manifest, meets, missing


@pytest.mark.parametrize(
    ("said", "fhir_version"),
    [
        ({"fhirVersions": ["4.0.1"]}, "4.0.1"),
        ({"fhirVersions": ["4.0.0"]}, "4.0.1"),
        ({"fhirVersions": ["3.0.2"]}, "3.0.1"),
        ({"fhirVersions": "3.0.1"}, "3.0.1"),
        ({"fhirVersions": ["4.0.1", "4.3.0"]}, "4.0.1"),
        ({"fhir-version-list": ["4.0.1"]}, "4.0.1"),
        ({"dependencies": {"hl7.fhir.r3.core": "3.0.2"}}, "3.0.1"),
        ({"dependencies": {"hl7.fhir.r4.core": "4.0.1"}}, "4.0.1"),
        ({"dependencies": {"hl7.fhir.core": "3.0.1"}}, "3.0.1"),
        ({"dependencies": {"example.base": "1.0.0"}}, ""),
        ({}, ""),
    ],
)
def test_the_fhir_version_is_what_the_manifest_says_or_what_it_builds_upon(
    said: dict[str, Any], fhir_version: str
) -> None:
    assert manifest({"name": "example.proef", "version": "1", **said}).fhir_version == fhir_version


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"fhirVersions": ["5.0.0"]}, "FHIR 5.0.0"),
        ({"fhirVersions": ["4.3.0", "4.1.0"]}, "FHIR 4.3.0, 4.1.0"),
        ({"dependencies": {"hl7.fhir.r5.core": "5.0.0"}}, "FHIR R5"),
        ({"dependencies": {"hl7.fhir.r4b.core": "4.3.0"}}, "FHIR R4B"),
        ({"fhirVersions": ["4.0.1", "3.0.2"]}, "at once"),
    ],
)
def test_other_fhir_versions_are_refused_by_name(said: dict[str, Any], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        manifest({"name": "example.proef", "version": "1", **said})


@pytest.mark.parametrize(
    "content",
    [
        {"name": "resources", "version": "0.1.0"},
        {"name": "example.proef"},
        {"version": "1.0.0"},
        {"name": "example.proef", "version": ""},
        {"name": 3, "version": "1"},
        {"name": "example.proef", "version": "1#2"},
        {"name": "example proef", "version": "1"},
    ],
)
def test_a_placeholder_names_no_package(content: dict[str, Any]) -> None:
    assert not is_named(content)


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("2.0.0", "2.0.0", True),
        ("2.0.1", "2.0.0", False),
        ("2.0.7", "2.0.x", True),
        ("2.2.18", "2.0.x", False),
        ("20.1.0", "2.x", False),
        ("2.2.18", "^2.0", True),
        ("3.0.0", "^2.0", False),
        ("2.0.9", "^2.1.0", False),
        ("2.1.4", "~2.1", True),
        ("2.2.0", "~2.1", False),
        ("0.12.1-beta.1", "0.12.0-beta.4", False),
        ("7", "latest", True),
        ("7", "", True),
    ],
)
def test_a_dependency_says_which_versions_will_do(version: str, wanted: str, expected: bool) -> None:  # noqa: FBT001
    assert meets(version, wanted) is expected


def test_what_is_missing_is_named_with_the_versions_that_do_not_do() -> None:
    held = [("example.base", "1.0.0", "4.0.1"), ("hl7.fhir.core", "3.0.1", "3.0.1")]
    asked = {"example.base": "2.0.0", "example.other": "1.0.0", "hl7.fhir.r3.core": "3.0.2"}
    base, other = Missing("example.base", "2.0.0", ("1.0.0",)), Missing("example.other", "1.0.0", ())
    assert missing(asked, held, "3.0.1") == [base, other]


def test_a_core_package_of_another_fhir_version_does_not_do() -> None:
    held = [("hl7.fhir.core", "3.0.1", "3.0.1")]
    left = missing({"hl7.fhir.r4.core": "4.0.1"}, held, "4.0.1")
    assert left == [Missing("hl7.fhir.r4.core", "4.0.1", ())]

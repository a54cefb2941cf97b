"""``zelfregie packages``: official packages installed, listed and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.cli.runner import zelfregie
from tests.packages.made import BASE, NAME, colours, files_of, folder, profile, tarball

PACKAGE: Final = f"{NAME}#1.0.0"


@pytest.fixture
def database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database, and a state folder of its own."""
    monkeypatch.setenv("ZELFREGIE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ZELFREGIE_DATABASE", database_url)
    assert zelfregie("migrate").exit_code == 0
    return database_url


def packages(*arguments: str | Path) -> list[str]:
    """The lines of a command that succeeds."""
    result = zelfregie("packages", *arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_a_package_is_installed_listed_and_removed(database: str, tmp_path: Path) -> None:
    asked = {"hl7.fhir.r4.core": "4.0.1", "example.base": "2.0.0"}
    path = tarball(
        tmp_path / "proef.tgz", {**colours(dependencies=asked), "Patient-a.json": b'{"resourceType": "Patient"}'}
    )
    holds = f"{PACKAGE}  FHIR 4.0.1  3 resources (1 CodeSystem, 1 StructureDefinition, 1 ValueSet)"
    lacks = [
        "  asks for example.base#2.0.0, which is not installed",
        "  asks for hl7.fhir.r4.core#4.0.1, which is not installed",
    ]
    assert packages("install", path) == [
        f"{holds}, installed",
        "  1 files with examples and other resources were left out",
        *lacks,
    ]
    own, *others = packages("list")
    assert own.startswith("zelfregie.profiles#")
    assert own.endswith("built in")
    assert others[0].startswith(f"{holds}, installed 20")
    assert others[1:] == lacks
    assert packages("install", path)[0] == f"{holds}, there already"
    assert packages("remove", PACKAGE) == [f"{PACKAGE} is removed, with its 3 resources."]
    assert packages("list") == [own]


def test_other_content_needs_replace(database: str, tmp_path: Path) -> None:
    packages("install", folder(tmp_path / "1", colours("red")))
    other = folder(tmp_path / "2", colours("blue"))
    refused = zelfregie("packages", "install", other)
    assert refused.exit_code == 1
    assert f"{PACKAGE} is installed with other content. To put this in its place, say --replace." in refused.output
    assert packages("install", other, "--replace")[0].endswith(", replaced")


def test_shared_canonicals_are_said(database: str, tmp_path: Path) -> None:
    packages("install", folder(tmp_path / "1", colours()))
    lines = packages("install", folder(tmp_path / "2", files_of(profile(), version="2.0.0")))
    assert lines[1:] == [
        f"  1 canonicals are in {PACKAGE} too; the newest counts, of equals the last installed:",
        f"    {BASE}/StructureDefinition/proef-goal",
    ]
    assert f"  1 canonicals are in {NAME}#2.0.0 too" in packages("list")


def test_whoever_builds_upon_what_is_removed_is_named(database: str, tmp_path: Path) -> None:
    packages("install", folder(tmp_path / "1", colours()))
    above = files_of(profile(f"{BASE}/StructureDefinition/above"), name="example.above", dependencies={NAME: "1.0.0"})
    packages("install", folder(tmp_path / "2", above))
    assert packages("remove", PACKAGE)[1:] == ["  example.above#1.0.0 builds upon it."]


def test_a_package_without_a_name_is_given_one(database: str, tmp_path: Path) -> None:
    content = colours()
    content["package.json"] = b'{"name": "resources", "version": "0.1.0", "fhirVersions": ["4.0.0"]}'
    path = folder(tmp_path / "nameless", content)
    refused = zelfregie("packages", "install", path)
    assert refused.exit_code == 1
    assert "has no package.json that names a package. Say which one it is: --name NAME#VERSION." in refused.output
    assert packages("install", path, "--name", "example.named#0.1")[0].startswith("example.named#0.1  FHIR 4.0.1")
    assert zelfregie("packages", "install", path, path, "--name", "example.named#0.1").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["remove", PACKAGE], "is not installed"),
        (["remove", NAME], "NAME#VERSION"),
        (["install", "/nowhere"], "/nowhere: There is no nowhere"),
        (["install", "pyproject.toml"], "pyproject.toml is no package"),
    ],
)
def test_what_cannot_be_is_refused_with_a_clear_line(arguments: list[str], said: str, database: str) -> None:
    result = zelfregie("packages", *arguments)
    assert result.exit_code == 1
    assert said in result.output


def test_nothing_is_installed_when_one_of_several_is_not_right(database: str, tmp_path: Path) -> None:
    good = folder(tmp_path / "good", colours())
    bad = folder(tmp_path / "bad", files_of(profile(colour="red"), name="example.bad"))
    result = zelfregie("packages", "install", good, bad)
    assert result.exit_code == 1
    assert f"{bad}: example.bad#1.0.0 cannot be read as it is." in result.output
    assert "StructureDefinition-proef-goal.json: StructureDefinition has no element colour" in result.output
    assert len(packages("list")) == 1


def test_the_official_packages_are_installed_together(database: str, fhir_definitions: Path) -> None:
    names = ["Nictiz-R4-zib2020", "Nictiz-STU3-Zib2017", "MedMij-R4-Core", "MedMij-STU3-Core", "Nictiz-STU3-BgZ"]
    names += ["Nictiz-STU3-Questionnaires", "hl7.fhir.core-4.0.1.tar.gz", "hl7.fhir.core-3.0.1.tar.gz"]
    packages("install", *(fhir_definitions / each for each in names))
    lines = packages("list")
    assert len([each for each in lines if not each.startswith(" ")]) == 10
    assert [each for each in lines if "hl7.fhir.r" in each and "asks for" in each] == []
    lacks = "  asks for nictiz.fhir.nl.r4.nl-core#0.12.0-beta.4, which is not installed (0.12.1-beta.1 is)"
    assert lacks in lines
    assert not [each for each in lines if "canonicals" in each], "of one FHIR version none is in two packages"

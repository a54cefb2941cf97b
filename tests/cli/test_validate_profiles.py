"""``zelfregie validate`` holds files against profiles too, without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from app.cli.commands import app
from app.config import CANONICAL_BASE
from app.fhir.resource import decode, encode
from app.server.packages.built_in import FOLDER

GOAL: Final = f"{CANONICAL_BASE}/StructureDefinition/PersonalGoal"


def _validate(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["validate", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_file_is_held_against_the_profile_that_it_claims(tmp_path: Path) -> None:
    example = FOLDER / "examples" / "Goal-doel-wandelen.json"
    assert _validate(example) == (0, f"{example}: valid\n")
    goal = decode(example.read_bytes())
    del goal["expressedBy"]
    broken = tmp_path / "goal.json"
    broken.write_bytes(encode(goal))
    code, output = _validate(broken)
    assert code == 1
    assert "Goal.expressedBy: The profile asks for expressedBy at least once" in output
    assert f"(min) [{GOAL}]" in output


def test_a_profile_can_be_named_that_is_not_claimed(tmp_path: Path) -> None:
    goal = decode((FOLDER / "examples" / "Goal-doel-wandelen.json").read_bytes())
    del goal["meta"], goal["expressedBy"]
    path = tmp_path / "goal.json"
    path.write_bytes(encode(goal))
    assert _validate(path)[0] == 0
    assert _validate(path, "--profile", GOAL)[0] == 1


def test_what_is_not_valid_fhir_is_not_held_against_profiles(tmp_path: Path) -> None:
    path = tmp_path / "goal.json"
    path.write_bytes(encode({"resourceType": "Goal", "meta": {"profile": [GOAL]}}))
    code, output = _validate(path)
    assert code == 1
    assert GOAL not in output


def test_official_packages_are_read_as_they_are(fhir_definitions: Path) -> None:
    package = fhir_definitions / "Nictiz-R4-zib2020"
    example = package / "examples" / "nl-core-TreatmentObjective-01.xml"
    assert "is not held here" in _validate(example)[1]
    code, output = _validate(example, "--package", package)
    assert code == 0
    assert "profile-unknown" not in output


def test_a_package_that_is_none_is_said_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(tmp_path / "a.json"), "--package", str(tmp_path / "none.tgz")])
    assert result.exit_code == 1
    assert "There is no none.tgz." in result.output


@pytest.mark.parametrize("version", ["4.0.1", "3.0.1"])
def test_resources_of_both_fhir_versions_are_looked_at(tmp_path: Path, version: str) -> None:
    path = tmp_path / "basic.json"
    path.write_bytes(encode({"resourceType": "Basic", "code": {"text": "a"}, "meta": {"profile": ["urn:a"]}}))
    code, output = _validate(path, "--fhir-version", version)
    assert code == 0
    assert "The profile urn:a is not held here" in output

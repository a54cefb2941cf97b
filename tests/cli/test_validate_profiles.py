"""``zelfregie validate`` holds files against profiles too, without a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from app.cli.commands import app
from app.config import CANONICAL_BASE
from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import to_xml
from app.server.packages.built_in import FOLDER
from tests.builders import observation

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


def test_what_has_not_the_shape_of_fhir_is_not_held_against_profiles(tmp_path: Path) -> None:
    path = tmp_path / "goal.json"
    path.write_bytes(encode({"resourceType": "Goal", "meta": {"profile": [GOAL]}, "note": {"text": "x"}}))
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


def test_a_profile_that_is_asked_for_and_not_held_is_wrong_and_one_that_is_claimed_is_said(tmp_path: Path) -> None:
    example = tmp_path / "a.json"
    example.write_bytes(encode(observation(meta={"profile": ["https://never.test/claimed"]})))
    code, output = _validate(example)
    assert code == 0
    assert "information" in output
    assert "https://never.test/claimed" in output
    code, output = _validate(example, "--profile", "https://never.test/asked")
    assert code == 1
    assert "https://never.test/asked" in output


def test_what_a_profile_asks_is_told_beside_what_fhir_asks(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(encode(observation(status="wrong")))
    code, output = _validate(path, "--profile", "http://hl7.org/fhir/StructureDefinition/Goal")
    assert code == 1
    assert "Observation.status" in output
    assert "profile-type" in output or "is one of Goal" in output


def test_stu3_files_are_held_against_stu3_packages(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    manifest = {"name": "old.test", "version": "1.0.0", "fhirVersions": ["3.0.1"]}
    (folder / "package.json").write_text(json.dumps(manifest))
    url = "https://old.test/StructureDefinition/commented"
    profile = {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": "commented",
        "status": "active",
        "fhirVersion": "3.0.1",
        "kind": "resource",
        "abstract": False,
        "type": "Observation",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation",
        "derivation": "constraint",
        "differential": {
            "element": [
                {"id": "Observation", "path": "Observation"},
                {"id": "Observation.comment", "path": "Observation.comment", "min": 1},
            ]
        },
    }
    (folder / "profile.json").write_text(json.dumps(profile))
    path = tmp_path / "a.json"
    stu3 = {"resourceType": "Observation", "meta": {"profile": [url]}, "status": "final", "code": {"text": "Gewicht"}}
    path.write_text(json.dumps(stu3))
    given = ("--package", str(folder), "--fhir-version", "3.0.1")
    code, output = _validate(path, *given)
    assert (code, "Observation.comment" in output) == (1, True)
    path.write_text(json.dumps({**stu3, "comment": "Nuchter"}))
    assert _validate(path, *given)[0] == 0


EXAMPLES: Final = sorted((FOLDER / "examples").glob("*.json"))
ACTION_PLAN: Final = FOLDER / "examples" / "CarePlan-actieplan-copd.json"
NOT_A_PLAN: Final = {"resourceType": "CarePlan", "status": "active", "intent": "plan"}


def whole(path: Path) -> Resource:
    """The plan that an action plan is a part of, as anything but an individual care plan."""
    reference = decode(path.read_bytes())["partOf"][0]["reference"]
    return {**NOT_A_PLAN, "id": reference.rpartition("/")[2], "subject": {"reference": "Patient/anna"}}


def bundle(resource: Resource, full_url: str) -> Resource:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": full_url, "resource": resource}]}


def written(path: Path, *resources: Resource) -> Path:
    path.write_bytes(b"\n".join(map(encode, resources)))
    return path


def test_examples_that_refer_to_each_other_are_valid_together() -> None:
    code, output = _validate(*EXAMPLES)
    assert (code, output.count(": valid\n")) == (0, len(EXAMPLES)), output


@pytest.mark.parametrize("other", ["a file", "a line", "an entry", "an entry within an entry", "xml"])
def test_what_a_resource_refers_to_is_looked_for_in_the_other_files(tmp_path: Path, other: str) -> None:
    plan = whole(ACTION_PLAN)
    inner = bundle(plan, f"https://zelf.test/fhir/CarePlan/{plan['id']}")
    files = {
        "a file": ("b.json", [plan]),
        "a line": ("b.ndjson", [observation(id="a"), plan]),
        "an entry": ("b.json", [inner]),
        "an entry within an entry": ("b.json", [bundle(inner, "urn:uuid:2b1c54e8-0000-4000-8000-000000000001")]),
        "xml": ("b.xml", [plan]),
    }
    name, resources = files[other]
    path = written(tmp_path / name, *resources)
    if other == "xml":
        path.write_bytes(to_xml(plan, load("4.0.1")))
    assert _validate(ACTION_PLAN)[0] == 0
    for given in ((ACTION_PLAN, path), (path, ACTION_PLAN)):
        code, output = _validate(*given)
        assert code == 1, output
        assert f"{ACTION_PLAN}: not valid" in output
        assert "CarePlan.partOf[0]" in output
        assert f"{path}: valid" in output


def test_an_entry_is_found_by_its_full_url_and_a_reference_to_another_server_by_nothing_else(tmp_path: Path) -> None:
    plan, action = whole(ACTION_PLAN), decode(ACTION_PLAN.read_bytes())
    elsewhere = f"https://elsewhere.test/fhir/CarePlan/{plan['id']}"
    action["partOf"] = [{"reference": elsewhere}]
    part = written(tmp_path / "a.json", action)
    assert _validate(part, written(tmp_path / "b.json", plan))[0] == 0
    assert _validate(part, written(tmp_path / "c.json", bundle(plan, elsewhere)))[0] == 1


def test_of_several_that_differ_nobody_knows_which_is_meant(tmp_path: Path) -> None:
    plan = whole(ACTION_PLAN)
    one, same = written(tmp_path / "b.json", plan), written(tmp_path / "c.json", plan)
    assert _validate(ACTION_PLAN, one, same)[0] == 1
    other = written(tmp_path / "d.json", {**plan, "title": "Een ander plan"})
    assert _validate(ACTION_PLAN, one, other)[0] == 0


@pytest.mark.parametrize(("held", "code"), [("1", 1), (None, 1), ("2", 0)])
def test_a_reference_to_a_version_leads_to_that_version(tmp_path: Path, held: str | None, code: int) -> None:
    plan, action = whole(ACTION_PLAN), decode(ACTION_PLAN.read_bytes())
    action["partOf"][0]["reference"] += "/_history/1"
    if held is not None:
        plan["meta"] = {"versionId": held}
    assert _validate(written(tmp_path / "a.json", action), written(tmp_path / "b.json", plan))[0] == code


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_looked_at(tmp_path: Path) -> None:
    broken = tmp_path / "b.json"
    broken.write_bytes(b"{")
    code, output = _validate(ACTION_PLAN, broken, tmp_path / "none.json")
    assert code == 1
    assert f"{ACTION_PLAN}: valid" in output
    assert f"{broken}: not valid" in output
    assert "none.json: not valid" in output

"""The floor's searches find what they should and nothing else, on both databases: also what the load does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.fhir.resource import Resource, decode, encode
from benchmarks import postgres, sides
from benchmarks.answers import Answer, ask, verify
from benchmarks.dataset import write_patients
from benchmarks.goals import PRACTICE_OPERATIONS
from benchmarks.sides import Side
from benchmarks.workload import Patient, get, read_patients, searching, send

PATIENTS, RESOURCES = 30, 13
WEIGHT = "http://loinc.org|29463-7"
PULSE = "http://loinc.org|8867-4"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A practice; the last two patients' resources are altered: other categories, encounters, goals that are done."""
    file = write_patients(tmp_path_factory.mktemp("practice"), patients=PATIENTS, resources=RESOURCES)
    lines = [decode(line) for line in file.read_bytes().splitlines()]
    for place, resource in enumerate(lines[-2 * RESOURCES :]):
        alter(resource, place)
    file.write_bytes(b"".join(encode(resource) + b"\n" for resource in lines))
    return file


def alter(resource: Resource, place: int) -> None:
    """Every third Observation has an encounter, every second another category; goals are completed."""
    if resource["resourceType"] == "Observation" and place % 3 == 0:
        resource["encounter"] = {"reference": f"Encounter/e{place}"}
    if resource["resourceType"] == "Observation" and place % 2 == 0:
        resource["category"][0]["coding"][0]["code"] = "survey"
    if resource["resourceType"] == "Goal":
        resource["lifecycleStatus"] = "completed"
    if resource["resourceType"] == "CarePlan":
        resource["goal"].append({"reference": "Goal/absent"})


@pytest.fixture(scope="module")
def patients(file: Path) -> list[Patient]:
    return read_patients(file)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def floor(request: pytest.FixtureRequest, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    folder = tmp_path_factory.mktemp("floor")
    url, server = f"sqlite:///{folder}/floor.db", None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_databases").create()
        server = postgres.examine(url, durable=False)
    with sides.floor_on("floor", url, server, folder, file) as side:
        yield side


def searched(floor: Side, patient: str, path: str) -> Answer:
    answer = ask(floor.port, get(patient, path).parts[0])
    assert answer.status == 200
    assert (answer.body["resourceType"], answer.body["type"]) == ("Bundle", "searchset")
    return answer


def ids(answer: Answer, mode: str = "match") -> list[str]:
    return [entry["resource"]["id"] for entry in answer.body["entry"] if entry["search"]["mode"] == mode]


def newest(observations: list[Resource]) -> list[str]:
    return [each["id"] for each in sorted(observations, key=lambda each: each["effectiveDateTime"], reverse=True)]


def test_practice_is_answered_as_the_data_says(floor: Side, patients: list[Patient]) -> None:
    verify((floor, floor), patients, PRACTICE_OPERATIONS)


def test_pages_of_a_practice_hold_every_hit_once(floor: Side, patients: list[Patient]) -> None:
    path, found = searching(code=WEIGHT, _sort="-date", _count="25"), []
    while path:
        page = searched(floor, "anybody", path)
        found += ids(page)
        assert len(found) <= 2 * PATIENTS
        path = "".join(link["url"].partition("/fhir/")[2] for link in page.body["link"] if link["relation"] == "next")
    held = [o for patient in patients for o in patient.observations if o["code"]["coding"][0]["code"] == "29463-7"]
    assert sorted(found) == sorted(each["id"] for each in held)


@pytest.mark.parametrize("category", ["vital-signs", "survey"])
def test_two_tokens_are_both_held_by_every_hit(floor: Side, patients: list[Patient], category: str) -> None:
    patient = patients[-1]
    held = [
        each
        for each in patient.observations
        if each["code"]["coding"][0]["code"] == "8867-4" and each["category"][0]["coding"][0]["code"] == category
    ]
    answer = searched(floor, patient.id, searching(patient=patient.id, code=PULSE, category=category, _count="10"))
    assert ids(answer) == newest(held)
    assert held, "altered so that each category has some"


def test_missing_leaves_out_what_names_an_encounter(floor: Side, patients: list[Patient]) -> None:
    patient = patients[-1]
    held = [each for each in patient.observations if "encounter" not in each]
    assert 0 < len(held) < len(patient.observations)
    path = searching(patient=patient.id, encounter__missing="true", _sort="-date", _count="4")
    first = searched(floor, patient.id, path)
    (following,) = [link["url"] for link in first.body["link"] if link["relation"] == "next"]
    rest = searched(floor, patient.id, following.partition("/fhir/")[2])
    assert [*ids(first), *ids(rest)] == newest(held)


def test_an_observation_created_with_an_encounter_is_not_missing_it(floor: Side, patients: list[Patient]) -> None:
    patient, path = patients[0], searching(patient=patients[0].id, encounter__missing="true", _count="1")
    like = {name: value for name, value in patient.observations[0].items() if name != "id"}
    with_encounter = {**like, "effectiveDateTime": "2031-01-01", "encounter": {"reference": "Encounter/e"}}
    assert ask(floor.port, send(patient.id, "POST", "/Observation", with_encounter, 201).parts[0]).status == 201
    before = ids(searched(floor, patient.id, path))
    without = {**like, "effectiveDateTime": "2030-01-01"}
    created = ask(floor.port, send(patient.id, "POST", "/Observation", without, 201).parts[0])
    after = ids(searched(floor, patient.id, path))
    assert before == newest(patient.observations)[:1]
    assert f"/Observation/{after[0]}/" in created.headers["location"]


def test_has_finds_the_patient_who_asks_only_with_such_a_code(floor: Side, patients: list[Patient]) -> None:
    path = "Patient?_has:Observation:patient:code="
    assert ids(searched(floor, patients[3].id, path + "29463-7")) == [patients[3].id]
    assert ids(searched(floor, patients[3].id, path + "0000-0")) == []


def test_plans_are_found_by_the_state_of_their_goals(floor: Side, patients: list[Patient]) -> None:
    for patient, status in ((patients[0], "active"), (patients[-1], "completed")):
        path = f"CarePlan?patient={patient.id}&goal.lifecycle-status="
        assert ids(searched(floor, patient.id, path + status)) == [f"{patient.id}-plan"]
        assert ids(searched(floor, patient.id, path + ("active" if status == "completed" else "completed"))) == []


def test_goals_come_with_the_plans_that_name_them(floor: Side, patients: list[Patient]) -> None:
    for patient in (patients[0], patients[-1]):
        answer = searched(floor, patient.id, f"Goal?patient={patient.id}&_revinclude=CarePlan:goal")
        assert ids(answer) == [f"{patient.id}-goal-1"]
        assert ids(answer, "include") == [f"{patient.id}-plan"]


def test_a_search_that_the_floor_does_not_have_is_refused(floor: Side, patients: list[Patient]) -> None:
    answer = ask(floor.port, get(patients[0].id, f"Goal?patient={patients[0].id}").parts[0])
    assert (answer.status, answer.body["issue"][0]["code"]) == (400, "not-supported")

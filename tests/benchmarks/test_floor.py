"""The floor answers its interactions right, on both databases, to the very requests of the load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.fhir.resource import Resource, encode
from benchmarks import postgres, sides
from benchmarks.answers import ask, verify
from benchmarks.dataset import write_patients
from benchmarks.goals import OPERATIONS
from benchmarks.load import LoadProcess
from benchmarks.rounds import TURNS, Task, WrongAnswer, alternate, checked
from benchmarks.sides import Side
from benchmarks.workload import Patient, get, read_patients, searching, send

LOINC_WEIGHT = "http://loinc.org|29463-7"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patients(tmp_path_factory.mktemp("patients"), patients=3)


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


@pytest.fixture(scope="module")
def load(file: Path) -> Iterator[LoadProcess]:
    with LoadProcess(file) as process:
        yield process


def hits(floor: Side, path: str) -> list[Resource]:
    """The resources of a searchset."""
    answer = ask(floor.port, get("anybody", path).parts[0])
    assert answer.status == 200
    assert (answer.body["resourceType"], answer.body["type"]) == ("Bundle", "searchset")
    return [entry["resource"] for entry in answer.body["entry"]]


def test_floor_answers_the_load_as_the_data_says(floor: Side, patients: list[Patient]) -> None:
    verify((floor, floor), patients, OPERATIONS)


def test_read_returns_what_was_loaded_with_a_version(floor: Side, patients: list[Patient]) -> None:
    loaded = patients[0].observations[0]
    answer = ask(floor.port, get(patients[0].id, f"Observation/{loaded['id']}").parts[0])
    meta = answer.body.pop("meta")
    assert meta["versionId"] == "1"
    assert meta["lastUpdated"]
    assert encode(answer.body) == encode({name: value for name, value in loaded.items() if name != "meta"})


def test_read_of_an_unknown_id_is_not_found(floor: Side) -> None:
    answer = ask(floor.port, get("anybody", "Observation/absent").parts[0])
    assert (answer.status, answer.body["resourceType"]) == (404, "OperationOutcome")


def test_search_finds_one_patients_code_newest_first(floor: Side, patients: list[Patient]) -> None:
    parameters = {"patient": patients[1].id, "code": LOINC_WEIGHT, "date": "ge2024-01-01", "_sort": "-date"}
    found = hits(floor, searching(**parameters, _count="50"))
    held = [o for o in patients[1].observations if o["code"]["coding"][0]["code"] == "29463-7"]
    assert [o["id"] for o in found] == [o["id"] for o in reversed(held)]
    later = held[6]["effectiveDateTime"][:10]
    assert len(hits(floor, searching(**{**parameters, "date": f"ge{later}"}))) == 6


def test_next_link_gives_the_hits_that_did_not_fit(floor: Side, patients: list[Patient]) -> None:
    path = searching(patient=patients[2].id, category="vital-signs", date="ge2024-01-01", _count="50")
    first = ask(floor.port, get(patients[2].id, path).parts[0])
    (following,) = [link["url"] for link in first.body["link"] if link["relation"] == "next"]
    rest = hits(floor, following.partition("/fhir/")[2])
    ids = [entry["resource"]["id"] for entry in first.body["entry"]] + [resource["id"] for resource in rest]
    assert (len(ids), len(rest)) == (60, 10)
    assert set(ids) == {observation["id"] for observation in patients[2].observations}


def test_everything_is_the_patients_whole_record_and_no_other(floor: Side, patients: list[Patient]) -> None:
    loaded = {(resource["resourceType"], resource["id"]) for resource in patients[1].resources}
    found = {
        (resource["resourceType"], resource["id"]) for resource in hits(floor, f"Patient/{patients[1].id}/$everything")
    }
    assert loaded <= found
    assert len(loaded) == 63
    assert all(resource_type == "Observation" for resource_type, _ in found - loaded)


def test_what_was_created_is_found_and_read(floor: Side, patients: list[Patient]) -> None:
    new = {**patients[0].observations[0], "effectiveDateTime": "2018-05-06T07:08:09+02:00"}
    del new["id"]
    created = ask(floor.port, send(patients[0].id, "POST", "/Observation", new, 201).parts[0])
    assert created.status == 201
    _, _, place = created.headers["location"].partition("/fhir/")
    read = ask(floor.port, get(patients[0].id, place.partition("/_history")[0]).parts[0])
    assert read.body["effectiveDateTime"] == "2018-05-06T07:08:09+02:00"
    found = hits(floor, searching(patient=patients[0].id, code=LOINC_WEIGHT, date="ge2018-05-06", _count="1000"))
    assert found[-1]["id"] == read.body["id"]


def test_an_invalid_observation_is_refused_and_not_stored(floor: Side, patients: list[Patient]) -> None:
    new = {**patients[0].observations[0], "status": "nonsense", "effectiveDateTime": "2017-01-01"}
    del new["id"]
    refused = ask(floor.port, send(patients[0].id, "POST", "/Observation", new, 201).parts[0])
    assert (refused.status, refused.body["resourceType"]) == (422, "OperationOutcome")
    found = hits(floor, searching(patient=patients[0].id, code=LOINC_WEIGHT, date="ge2016-01-01", _count="1000"))
    assert "2017-01-01" not in {resource["effectiveDateTime"] for resource in found}


def test_a_transaction_with_one_invalid_entry_stores_nothing(floor: Side, patients: list[Patient]) -> None:
    good = {**patients[0].observations[0], "effectiveDateTime": "2016-01-01"}
    del good["id"]
    request = {"method": "POST", "url": "Observation"}
    entries = [{"resource": good, "request": request}, {"resource": {**good, "unknown": 1}, "request": request}]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert ask(floor.port, send(patients[0].id, "POST", "", bundle, 200).parts[0]).status == 422
    found = hits(floor, searching(patient=patients[0].id, code=LOINC_WEIGHT, date="ge2015-01-01", _count="1000"))
    assert "2016-01-01" not in {resource["effectiveDateTime"] for resource in found}


def test_every_answer_of_the_load_is_counted_and_its_cpu_read(floor: Side, load: LoadProcess) -> None:
    taken = alternate({floor: Task(load, "read", 100)})[floor]
    assert [(turn.requests, turn.failed) for turn in taken.turns] == [(100, 0)] * TURNS
    assert all(0 < turn.p50 <= turn.p95 for turn in taken.turns)
    assert taken.cpu > 0


def test_writes_of_the_load_reach_storage(floor: Side, load: LoadProcess) -> None:
    before = floor.usage()
    checked(load, floor, "create", count=16)
    floor.checkpoint()
    assert (floor.usage() - before).written >= 16 * 1000


def test_a_wrong_answer_voids_the_run(floor: Side, load: LoadProcess, tmp_path: Path) -> None:
    with sides.constant(tmp_path) as constant:
        with pytest.raises(WrongAnswer, match="8 of 8 answers were wrong"):
            checked(load, constant, "create", count=8)
        assert checked(load, floor, "read", count=8).failed == 0

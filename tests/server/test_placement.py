"""Where a resource lives: with the one patient that it names as its subject."""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import (
    appointment,
    binary,
    concept,
    condition,
    consent,
    goal,
    medication,
    observation,
    organization,
    posted,
    provenance,
    questionnaire,
    reference,
    task,
    transaction,
)
from tests.server.service import BASE, Caller, codes

CONTEXT = {"X-Security-Context": "Patient/anna"}


async def lives_with(caller: Caller, resource: Resource, headers: dict[str, str] | None = None) -> str:
    """The patient in whose record ``practice`` finds what it created."""
    stored = await caller.create(resource, headers)
    kind, id = stored["resourceType"], stored["id"]
    found = [name for name in ("anna", "bram") if (await caller.get(f"/Patient/{name}/{kind}/{id}")).status_code == 200]
    assert len(found) == 1
    return found[0]


NAMING: dict[str, Resource] = {
    "subject": observation("Patient/bram"),
    "for": task("Patient/bram"),
    "patient": consent("Patient/bram"),
    "beneficiary": {
        "resourceType": "Coverage",
        "status": "active",
        "beneficiary": reference("Patient/bram"),
        "payor": [reference("Organization/practice")],
    },
    "individual": {
        "resourceType": "ResearchSubject",
        "status": "candidate",
        "individual": reference("Patient/bram"),
        "study": reference("ResearchStudy/1"),
    },
    "participant": appointment(["Practitioner/doctor", "Patient/bram"]),
    "target": provenance(["Patient/bram"]),
    "absolute": observation(f"{BASE}/Patient/bram"),
    "versioned": observation("Patient/bram/_history/1"),
}


@pytest.mark.parametrize("resource", NAMING.values(), ids=NAMING.keys())
async def test_the_subject_says_where_a_resource_lives(practice: Caller, resource: Resource) -> None:
    assert await lives_with(practice, resource) == "bram"


async def test_other_mentions_do_not_move_a_resource(practice: Caller, anna: Caller) -> None:
    mentions = observation("Patient/anna", performer=[reference("Patient/bram")], focus=[reference("Patient/bram")])
    assert await lives_with(practice, mentions) == "anna"
    assert (await anna.post("/Observation", mentions)).status_code == 201


@pytest.mark.parametrize(
    "resource",
    [appointment(["Patient/anna", "Patient/bram"]), provenance(["Patient/anna", "Patient/bram"])],
    ids=["appointment", "provenance"],
)
async def test_a_resource_belongs_to_one_patient(practice: Caller, resource: Resource) -> None:
    answer = await practice.post(f"/{resource['resourceType']}", resource)
    assert answer.status_code == 422
    assert codes(answer) == ["business-rule"]


async def test_a_patient_who_is_named_twice_is_one(practice: Caller) -> None:
    assert await lives_with(practice, appointment(["Patient/bram", f"{BASE}/Patient/bram"])) == "bram"


async def test_a_provenance_lives_with_its_targets(practice: Caller, anna: Caller) -> None:
    ours, theirs = await anna.create(observation()), await anna.keep(observation(id="from-elsewhere"))
    for stored in (ours, theirs):
        assert await lives_with(practice, provenance([f"Observation/{stored['id']}"])) == "anna"


UNNAMED: dict[str, Resource] = {
    "binary": binary(),
    "no subject": observation(None),
    "a group": observation("Group/1"),
    "a device": observation("Device/1"),
    "of another server": observation("https://elders.example/fhir/Patient/anna"),
    "an identifier only": observation({"identifier": {"system": "urn:a", "value": "1"}}),
    "a catalogue type": organization(),
}


@pytest.mark.parametrize("resource", UNNAMED.values(), ids=UNNAMED.keys())
async def test_what_names_nobody_goes_where_the_request_says(practice: Caller, resource: Resource) -> None:
    answer = await practice.post(f"/{resource['resourceType']}", resource)
    assert answer.status_code == 422
    assert "X-Security-Context" in answer.text
    assert await lives_with(practice, resource, CONTEXT) == "anna"
    assert await lives_with(practice, resource, {"X-Security-Context": f"{BASE}/Patient/bram"}) == "bram"


@pytest.mark.parametrize("resource", UNNAMED.values(), ids=UNNAMED.keys())
async def test_what_names_nobody_goes_to_the_patient_of_the_token(
    anna: Caller, bram: Caller, resource: Resource
) -> None:
    stored = await anna.create(resource)
    address = f"/{stored['resourceType']}/{stored['id']}"
    assert (await anna.get(address)).status_code == 200
    assert (await bram.get(address)).status_code == 404


@pytest.mark.parametrize("context", ["Patient/nobody", "Practitioner/doctor", "nonsense", "Patient/", "Patient/anna/x"])
async def test_a_context_that_names_no_patient_of_the_caller_is_refused(practice: Caller, context: str) -> None:
    assert (await practice.post("/Binary", binary(), {"X-Security-Context": context})).status_code == 400


async def test_a_context_tells_nothing_about_others(anna: Caller) -> None:
    answers = [
        await anna.post("/Binary", binary(), {"X-Security-Context": f"Patient/{name}"}) for name in ("bram", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content


async def test_the_subject_comes_before_the_context(practice: Caller) -> None:
    assert await lives_with(practice, observation("Patient/bram"), CONTEXT) == "bram"


async def test_a_context_holds_for_a_transaction(practice: Caller, anna: Caller) -> None:
    answer = await practice.post("/", transaction(posted(binary()), posted(goal("Patient/bram"))), CONTEXT)
    assert answer.status_code == 200, answer.text
    made = decode(answer.content)["entry"][0]["response"]["location"].split("/")[-3]
    assert (await anna.get(f"/Binary/{made}")).status_code == 200


async def test_an_operators_catalogue_goes_to_the_catalogue(operator: Caller, anna: Caller, bram: Caller) -> None:
    for resource in (organization(), medication(), questionnaire()):
        stored = await operator.create(resource)
        for caller in (anna, bram):
            assert (await caller.get(f"/{stored['resourceType']}/{stored['id']}")).status_code == 200


async def test_an_operators_catalogue_goes_there_even_with_a_patients_data(operator: Caller, bram: Caller) -> None:
    answer = await operator.post("/", transaction(posted(goal("Patient/anna")), posted(organization(name="Nieuw"))))
    assert answer.status_code == 200, answer.text
    assert len(await bram.found("/Organization?name=nieuw")) == 1


async def test_an_operator_must_name_whose_data_it_is(operator: Caller) -> None:
    for resource in (binary(), observation(None), {"resourceType": "Basic", "code": {"text": "x"}}):
        answer = await operator.post(f"/{resource['resourceType']}", resource)
        assert answer.status_code == 422


async def test_the_catalogue_is_written_by_its_administrator_only(
    anna: Caller, practice: Caller, operator: Caller, bram: Caller
) -> None:
    changed = organization(id="practice", name="Overgenomen")
    await anna.keep(changed)
    assert (await practice.put("/Organization/practice", changed)).status_code == 422
    assert decode((await bram.get("/Organization/practice")).content)["name"] == "Huisartsenpraktijk De Proef"
    await operator.keep(organization(id="practice", name="De Nieuwe Proef"))
    assert decode((await bram.get("/Organization/practice")).content)["name"] == "De Nieuwe Proef"


async def test_what_names_its_subject_elsewhere_than_the_table_says_is_refused(anna: Caller) -> None:
    wrong: Any = {**condition(), "subject": None, "patient": reference("Patient/anna")}
    answer = await anna.post("/Condition", {name: value for name, value in wrong.items() if value})
    assert answer.status_code == 422


async def test_the_labels_of_what_refers_are_those_of_what_it_refers_to(practice: Caller) -> None:
    category = concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")
    stored = await practice.create(observation("Patient/anna", category=[category]))
    made = await practice.create(provenance(["Patient/anna", f"Observation/{stored['id']}"]))
    restricted = Caller(practice.client, "anna-measurements")
    assert (await restricted.get(f"/Provenance/{made['id']}")).status_code == 404
    seen = await practice.create(observation("Patient/anna"))
    shown = await practice.create(provenance(["Patient/anna", f"Observation/{seen['id']}"]))
    assert (await restricted.get(f"/Provenance/{shown['id']}")).status_code == 200

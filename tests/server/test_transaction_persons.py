"""Whom the entries of a transaction are about. A Patient entry never makes a person; a resource belongs to one."""

from __future__ import annotations

from app.fhir.resource import decode
from tests.builders import binary, goal, medication, observation, patient, posted, put, reference, transaction
from tests.server.service import BASE, Caller, codes, issues

PERSON = "urn:uuid:44444444-4444-4444-8444-444444444444"


async def test_a_posted_patient_means_the_one_of_the_token(anna: Caller) -> None:
    answer = await anna.post(
        "/",
        transaction(
            posted(patient(name=[{"family": "Anders"}]), PERSON),
            posted(observation(PERSON, performer=[reference(PERSON)])),
        ),
    )
    assert answer.status_code == 200, answer.text
    person, reading = (entry["response"] for entry in decode(answer.content)["entry"])
    assert person["status"].startswith("200")
    assert person["location"] == f"{BASE}/Patient/anna/_history/1"
    stored = decode((await anna.get(reading["location"])).content)
    assert stored["subject"] == reference("Patient/anna")
    assert stored["performer"] == [reference("Patient/anna")]
    assert decode((await anna.get("/Patient/anna")).content)["name"][0]["family"] == "Proefstra"


async def test_a_patient_posted_on_its_own_means_the_one_of_the_token(anna: Caller) -> None:
    answer = await anna.post("/Patient", patient(name=[{"family": "Anders"}]))
    assert answer.status_code == 200
    assert answer.headers["location"] == f"{BASE}/Patient/anna/_history/1"
    assert decode(answer.content)["name"][0]["family"] == "Proefstra"
    assert await anna.found("/Patient") == ["anna"]


async def test_a_caller_of_several_patients_must_name_one(practice: Caller) -> None:
    assert (await practice.post("/Patient", patient())).status_code == 403
    answer = await practice.post("/", transaction(posted(patient(), PERSON), posted(observation(PERSON))))
    assert answer.status_code == 403
    assert len(await practice.found("/Patient")) == 2


async def test_a_patient_may_change_their_own_patient_resource_in_a_transaction(anna: Caller) -> None:
    answer = await anna.post("/", transaction(put(patient("anna", gender="female")), posted(observation())))
    assert answer.status_code == 200, answer.text
    assert decode((await anna.get("/Patient/anna")).content)["gender"] == "female"


async def test_nobody_is_made_by_an_update_under_a_new_id(anna: Caller, practice: Caller, operator: Caller) -> None:
    for caller in (anna, practice):
        answer = await caller.post("/", transaction(put(patient("carla"))))
        assert answer.status_code in (403, 422)
        assert (await caller.put("/Patient/carla", patient("carla"))).status_code in (403, 422)
    assert (await operator.get("/Patient/carla")).status_code == 404


async def test_an_operator_makes_persons_with_their_data(operator: Caller) -> None:
    answer = await operator.post(
        "/", transaction(posted(patient(), PERSON), posted(observation(PERSON)), posted(binary()))
    )
    assert answer.status_code == 200, answer.text
    locations = [entry["response"]["location"] for entry in decode(answer.content)["entry"]]
    person = locations[0].split("/")[-3]
    assert len(person) == 13
    assert decode((await operator.get(locations[1])).content)["subject"] == reference(f"Patient/{person}")
    found = await operator.bundle(f"/Patient/{person}/$everything")
    assert {entry["resource"]["resourceType"] for entry in found["entry"]} == {"Patient", "Observation", "Binary"}


async def test_one_transaction_may_be_about_several_patients(practice: Caller, anna: Caller, bram: Caller) -> None:
    answer = await practice.post("/", transaction(posted(goal("Patient/anna")), posted(goal("Patient/bram"))))
    assert answer.status_code == 200, answer.text
    assert len(await anna.found("/Goal")) == len(await bram.found("/Goal")) == 1


async def test_what_names_nobody_goes_with_the_one_patient_of_the_rest(
    practice: Caller, anna: Caller, bram: Caller
) -> None:
    answer = await practice.post("/", transaction(posted(goal("Patient/anna")), posted(binary()), posted(medication())))
    assert answer.status_code == 200, answer.text
    locations = [entry["response"]["location"] for entry in decode(answer.content)["entry"]]
    for location in locations:
        assert (await anna.get(location)).status_code == 200
        assert (await bram.get(location)).status_code == 404


async def test_what_names_nobody_among_several_patients_is_refused(practice: Caller, anna: Caller) -> None:
    answer = await practice.post(
        "/", transaction(posted(goal("Patient/anna")), posted(goal("Patient/bram")), posted(binary()))
    )
    assert answer.status_code == 422
    assert codes(answer) == ["business-rule"]
    assert issues(answer)[0]["expression"] == ["Bundle.entry[2].resource"]
    assert await anna.found("/Goal") == []


async def test_the_failure_of_one_patients_part_undoes_that_of_the_other(
    practice: Caller, anna: Caller, bram: Caller
) -> None:
    kept = await bram.create(goal("Patient/bram"))
    for entries in (
        [posted(goal("Patient/anna")), put({**kept, "lifecycleStatus": "active"}, ifMatch='W/"9"')],
        [put({**kept, "lifecycleStatus": "active"}), put(goal("Patient/anna", id="x"), ifMatch='W/"9"')],
    ):
        assert (await practice.post("/", transaction(*entries))).status_code == 412
    assert await anna.found("/Goal") == []
    assert decode((await bram.get(f"/Goal/{kept['id']}")).content) == kept


async def test_the_subject_does_not_change_in_a_transaction(practice: Caller, anna: Caller) -> None:
    stored = await anna.create(observation())
    moved = {**stored, "subject": reference("Patient/bram")}
    answer = await practice.post("/", transaction(put(moved)))
    assert answer.status_code == 422
    assert decode((await anna.get(f"/Observation/{stored['id']}")).content) == stored

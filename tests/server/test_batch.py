"""batch: every entry on its own. https://hl7.org/fhir/R4/http.html#brules"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml, to_xml
from tests.builders import (
    BSN,
    asking,
    batch,
    binary,
    condition,
    counted,
    deleted,
    goal,
    observation,
    patched,
    patient,
    posted,
    put,
    reference,
    transaction,
)
from tests.server.service import BASE, Caller, Service, issues

FIRST = "urn:uuid:11111111-1111-4111-8111-111111111111"
SECOND = "urn:uuid:22222222-2222-4222-8222-222222222222"
PERSON = "urn:uuid:44444444-4444-4444-8444-444444444444"
ACTIVE = [{"op": "replace", "path": "/lifecycleStatus", "value": "active"}]
REPRESENTATION = {"prefer": "return=representation"}


async def answered(caller: Caller, *entries: Any, headers: dict[str, str] | None = None) -> list[Resource]:
    """The entries of the answer to a batch."""
    answer = await caller.post("/", batch(*entries), headers)
    assert answer.status_code == 200, answer.text
    bundle = decode(answer.content)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "batch-response")
    assert len(bundle["entry"]) == len(entries)
    return list(bundle["entry"])


def statuses(entries: list[Resource]) -> list[int]:
    return [int(entry["response"]["status"][:3]) for entry in entries]


async def test_every_entry_is_answered_in_its_place(anna: Caller) -> None:
    await anna.keep(goal(id="kept"))
    await anna.keep(goal(id="gone"))
    entries = await answered(
        anna,
        posted(observation()),
        asking("GET", "Goal/kept"),
        put(goal(id="kept", lifecycleStatus="active")),
        patched("Goal/kept", [{"op": "add", "path": "/startDate", "value": "2030-01-01"}]),
        deleted("Goal/gone"),
        asking("GET", "Goal?lifecycle-status=active"),
        asking("GET", "Goal/kept/_history/1"),
        asking("GET", "Goal/kept/_history"),
        asking("HEAD", "Goal/kept"),
        asking("GET", f"{BASE}/Patient/anna"),
        asking("GET", "/Patient/anna/$everything"),
    )
    assert statuses(entries) == [201, 200, 200, 200, 204, 200, 200, 200, 200, 200, 200]
    created, before, updated, patch, gone, search, version, history, head, person, everything = entries
    assert created["response"]["status"] == "201 Created"
    made = decode((await anna.get(created["response"]["location"])).content)
    assert created["response"]["etag"] == 'W/"1"'
    assert created["response"]["lastModified"] == made["meta"]["lastUpdated"]
    for entry in (created, updated, patch, gone, head):
        assert "resource" not in entry
    assert before["resource"]["lifecycleStatus"] == "proposed"
    assert before["response"]["lastModified"] == before["resource"]["meta"]["lastUpdated"]
    assert updated["response"]["location"] == f"{BASE}/Goal/kept/_history/2"
    assert patch["response"]["etag"] == head["response"]["etag"] == 'W/"3"'
    assert [entry["resource"]["id"] for entry in search["resource"]["entry"]] == ["kept"]
    assert version["resource"] == before["resource"]
    assert history["resource"]["type"] == "history"
    assert person["resource"]["id"] == "anna"
    assert everything["resource"]["type"] == "searchset"


async def test_a_failing_entry_leaves_the_others_alone(anna: Caller, bram: Caller) -> None:
    await bram.keep(goal("Patient/bram", id="of-bram"))
    await anna.keep(goal(id="kept"))
    await anna.keep(goal(id="gone"))
    await anna.delete("/Goal/gone")
    entries = await answered(
        anna,
        posted(goal(lifecycleStatus="nonsense")),
        posted(goal()),
        asking("GET", "Goal/never"),
        asking("GET", "Goal/of-bram"),
        put(goal("Patient/bram", id="of-bram")),
        deleted("Goal/of-bram"),
        posted(observation("Patient/bram")),
        asking("GET", "Goal/gone"),
        put(goal(id="kept"), ifMatch='W/"9"'),
        asking("GET", "Goal?nonsense=1"),
        asking("GET", "Nonsense/1"),
        asking("PUT", "Goal/kept/_history/1", goal()),
        asking("POST", "Goal", {"resourceType": "Observation"}),
        asking("GET", "https://elders.example/fhir/Goal/1"),
        asking("POST", "/", transaction(posted(goal()))),
        asking("POST", BASE, batch(posted(goal()))),
        patched("Goal/kept", [{"op": "remove", "path": "/nothing"}]),
        asking("PATCH", "Goal/kept", {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}),
        asking("GET", "Goal/kept", goal()),
        put(goal(id="last")),
    )
    assert statuses(entries) == [
        422, 201, 404, 404, 422, 404, 422, 410, 412, 400, 404, 405, 400, 400, 400, 400, 422, 415, 400, 201
    ]  # fmt: skip
    for entry in entries:
        failed = not entry["response"]["status"].startswith("2")
        assert ("outcome" in entry["response"]) == failed
        if failed:
            assert entry["response"]["outcome"]["issue"][0]["severity"] in ("error", "fatal")
    assert (await anna.get("/Goal/last")).status_code == 200
    assert decode((await bram.get("/Goal/of-bram")).content)["meta"]["versionId"] == "1"
    absent, hidden = entries[2]["response"]["outcome"], entries[3]["response"]["outcome"]
    assert str(absent).replace("never", "of-bram") == str(hidden)


async def test_a_later_entry_sees_what_an_earlier_one_wrote(anna: Caller) -> None:
    entries = await answered(
        anna,
        put(goal(id="mine")),
        asking("GET", "Goal/mine"),
        deleted("Goal/mine"),
        asking("GET", "Goal/mine"),
        put(goal(id="mine")),
    )
    assert statuses(entries) == [201, 200, 204, 410, 201]


async def test_every_entry_is_a_transaction_of_its_own(service: Service, anna: Caller) -> None:
    entries = await answered(anna, posted(goal()), posted(goal()))
    assert len({entry["response"]["lastModified"] for entry in entries}) == 2


async def test_conditions_are_those_of_a_request_of_its_own(anna: Caller) -> None:
    sent = goal(identifier=[{"system": "urn:a", "value": "1"}])
    await anna.keep(goal(id="kept"))
    now = (await answered(anna, asking("GET", "Goal/kept")))[0]["response"]
    entries = await answered(
        anna,
        posted(sent, ifNoneExist="identifier=urn:a|1"),
        posted(sent, ifNoneExist="identifier=urn:a|1"),
        posted(sent, ifNoneExist="Goal?identifier=urn:ł|1"),
        asking("PUT", "Goal?identifier=urn:a|1", {**sent, "lifecycleStatus": "active"}),
        asking("PATCH", "Goal?_id=kept", patched("", ACTIVE)["resource"]),
        asking("GET", "Goal/kept", ifNoneMatch='W/"2"'),
        asking("GET", "Goal/kept", ifNoneMatch=now["etag"]),
        asking("GET", "Goal/kept/_history/1", ifModifiedSince=now["lastModified"]),
        deleted("Goal?_id=kept", ifMatch='W/"2"'),
        put(goal(id="kept"), ifNoneMatch="*"),
        put(goal(id="kept"), ifNoneMatch="*"),
    )
    assert statuses(entries) == [201, 200, 201, 412, 200, 304, 200, 304, 204, 201, 412]
    assert entries[5]["response"]["etag"] == 'W/"2"'
    assert "resource" not in entries[5]
    assert "outcome" not in entries[5]["response"]


@pytest.mark.parametrize("preference", ["", "return=minimal", "return=representation", "return=OperationOutcome"])
async def test_prefer_says_what_writes_answer(anna: Caller, preference: str) -> None:
    await anna.keep(goal(id="kept"))
    headers = {"prefer": preference} if preference else None
    entries = await answered(
        anna, posted(goal()), put(goal(id="kept", startDate="2030-01-01")), asking("GET", "Goal/kept"), headers=headers
    )
    for entry in entries[:2]:
        assert ("resource" in entry) == (preference == "return=representation")
        assert ("outcome" in entry["response"]) == (preference == "return=OperationOutcome")
        assert entry["response"]["lastModified"].endswith("Z")
    assert entries[2]["resource"]["startDate"] == "2030-01-01"
    if preference == "return=representation":
        assert entries[0]["resource"]["meta"]["lastUpdated"] == entries[0]["response"]["lastModified"]


async def test_a_lenient_handling_holds_for_every_entry(anna: Caller) -> None:
    (entry,) = await answered(anna, asking("GET", "Goal?nonsense=1"), headers={"prefer": "handling=lenient"})
    assert statuses([entry]) == [200]


async def test_an_entry_may_ask_for_part_of_a_resource(anna: Caller) -> None:
    await anna.keep(goal(id="kept", startDate="2030-01-01", note=[{"text": "x"}]))
    whole, part, search, wrong = await answered(
        anna,
        asking("GET", "Goal/kept?_format=xml&_pretty=true"),
        asking("GET", "Goal/kept?_elements=startDate"),
        asking("GET", "Goal?_summary=true"),
        asking("GET", "Goal/kept?_summary=nonsense"),
    )
    assert "note" in whole["resource"]
    assert "note" not in part["resource"]
    assert part["resource"]["startDate"] == "2030-01-01"
    assert "note" not in search["resource"]["entry"][0]["resource"]
    assert statuses([wrong]) == [400]


async def test_a_binary_is_answered_as_a_resource(anna: Caller) -> None:
    made = await anna.create(binary())
    entries = await answered(
        anna, asking("GET", f"Binary/{made['id']}"), asking("GET", f"Binary/{made['id']}?_format=text/plain")
    )
    assert [entry["resource"]["data"] for entry in entries] == [made["data"]] * 2


async def test_a_patient_entry_means_the_one_of_the_token_and_others_may_refer_to_it(anna: Caller) -> None:
    """As the vital signs of a patient are sent: https://informatiestandaarden.nictiz.nl/wiki/MedMij."""
    entries = await answered(
        anna,
        posted(patient(name=[{"family": "Anders"}]), PERSON),
        posted(observation(PERSON, performer=[{"reference": PERSON, "display": "P. Anders"}]), FIRST),
        posted(observation(PERSON), SECOND),
        headers=REPRESENTATION,
    )
    assert statuses(entries) == [200, 201, 201]
    assert entries[0]["response"]["location"] == f"{BASE}/Patient/anna/_history/1"
    assert entries[0]["resource"]["name"][0]["family"] == "Proefstra"
    assert entries[1]["resource"]["subject"] == reference("Patient/anna")
    assert entries[1]["resource"]["performer"] == [{"reference": "Patient/anna", "display": "P. Anders"}]
    assert len(await anna.found("/Patient")) == 1


async def test_a_patient_entry_by_its_address_elsewhere_means_the_one_of_the_token(anna: Caller) -> None:
    elsewhere = "https://elders.example/fhir/"
    entries = await answered(
        anna,
        posted(patient(), f"{elsewhere}Patient/7"),
        posted(observation("Patient/7"), f"{elsewhere}Observation/1"),
        posted(observation(f"{elsewhere}Patient/7")),
        headers=REPRESENTATION,
    )
    assert statuses(entries) == [200, 201, 201]
    assert entries[1]["resource"]["subject"] == entries[2]["resource"]["subject"] == reference("Patient/anna")


async def test_a_patient_entry_of_a_caller_with_several_is_refused_with_what_refers_to_it(practice: Caller) -> None:
    entries = await answered(
        practice, posted(patient(), PERSON), posted(observation(PERSON)), posted(observation("Patient/bram"))
    )
    assert statuses(entries) == [403, 422, 201]
    assert len(await practice.found("/Patient")) == 2


async def test_nobody_is_made_by_an_update_in_a_batch(anna: Caller, practice: Caller, operator: Caller) -> None:
    for caller in (anna, practice):
        (entry,) = await answered(caller, put(patient("carla")))
        assert statuses([entry])[0] in (403, 422)
    assert (await operator.get("/Patient/carla")).status_code == 404


async def test_entries_cannot_refer_to_each_other(anna: Caller) -> None:
    entries = await answered(
        anna,
        posted(goal(), FIRST),
        posted(observation(focus=[reference(FIRST)])),
        posted(condition(), SECOND),
        posted(goal(addresses=[reference(SECOND)]), "urn:uuid:33333333-3333-4333-8333-333333333333"),
        posted(observation(focus=[reference("urn:uuid:55555555-5555-4555-8555-555555555555")])),
    )
    assert statuses(entries) == [201, 422, 201, 422, 201]
    issue = entries[1]["response"]["outcome"]["issue"][0]
    assert issue["expression"] == ["Bundle.entry[1].resource"]
    assert "entry 0" in issue["diagnostics"]
    assert "transaction" in issue["diagnostics"]


async def test_entries_cannot_refer_to_updates_but_to_a_patient_who_is_there(anna: Caller) -> None:
    entries = await answered(
        anna,
        put(patient("anna", gender="female"), PERSON),
        posted(observation(PERSON)),
        put(goal(id="mine"), FIRST),
        posted(observation(focus=[reference(FIRST)])),
        posted(observation(focus=[reference("Goal/mine")])),
        headers=REPRESENTATION,
    )
    assert statuses(entries) == [200, 201, 201, 422, 201]
    assert entries[1]["resource"]["subject"] == reference("Patient/anna")


async def test_a_search_for_a_reference_takes_a_transaction(anna: Caller) -> None:
    await anna.create(goal(identifier=[{"system": "urn:a", "value": "1"}]))
    (entry,) = await answered(anna, posted(observation(focus=[reference("Goal?identifier=urn:a|1")])))
    assert statuses([entry]) == [422]


async def test_an_entry_that_is_put_wrongly_is_refused_alone(anna: Caller) -> None:
    wrong: list[Any] = [
        {"resource": goal()},
        {"resource": goal(), "request": {"method": "POST"}},
        {"resource": goal(), "request": {"method": "TAKE", "url": "Goal"}},
        {"resource": goal(), "request": {"method": "POST", "url": "Goal", "nonsense": 1}},
        {"resource": goal(), "nonsense": 1, "request": {"method": "POST", "url": "Goal"}},
        {"resource": [goal()], "request": {"method": "POST", "url": "Goal"}},
        {"resource": goal(), "fullUrl": 7, "request": {"method": "POST", "url": "Goal"}},
        {"resource": goal(), "request": {"method": "POST", "url": 7}},
        {"resource": goal(), "request": ["POST", "Goal"]},
        {"resource": goal(), "request": {"method": "POST", "url": "Goal"}, "search": {"mode": "match"}},
        {},
        7,
    ]
    entries = await answered(anna, *wrong, posted(goal()), posted(goal(), FIRST), posted(goal(), FIRST))
    assert statuses(entries) == [422] * len(wrong) + [201, 201, 422]
    for index, entry in enumerate(entries[: len(wrong)]):
        for issue in entry["response"]["outcome"]["issue"]:
            assert issue["expression"][0].startswith(f"Bundle.entry[{index}]"), issue
    assert entries[-1]["response"]["outcome"]["issue"][0]["expression"] == [f"Bundle.entry[{len(wrong) + 2}].fullUrl"]
    assert len(await anna.found("/Goal")) == 2


@pytest.mark.parametrize(
    "around",
    [{"entry": {}}, {"entry": []}, {"nonsense": 1}, {"total": "x"}, {"timestamp": "yesterday"}, {"entry": None}],
    ids=str,
)
async def test_a_bundle_that_is_put_wrongly_is_refused_whole(anna: Caller, around: Resource) -> None:
    answer = await anna.post("/", {**batch(posted(goal())), **around})
    assert answer.status_code == 422, answer.text
    assert issues(answer)
    assert await anna.found("/Goal") == []


async def test_an_empty_batch_does_nothing(anna: Caller) -> None:
    answer = await anna.post("/", {"resourceType": "Bundle", "type": "batch"})
    assert decode(answer.content) == {"resourceType": "Bundle", "type": "batch-response"}


async def test_too_many_entries_are_refused_with_the_limit(anna: Caller) -> None:
    answer = await anna.post("/", batch(*(deleted(f"Goal/{number}") for number in range(5001))))
    assert answer.status_code == 400
    assert "5000" in issues(answer)[0]["diagnostics"]


async def test_scopes_hold_for_every_entry(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="kept"))
    reader = service.caller("anna-observations")
    entries = await answered(
        reader,
        asking("GET", "Observation"),
        asking("GET", "Goal/kept"),
        asking("GET", "Goal"),
        posted(observation()),
        put(goal(id="kept")),
        patched("Goal/kept", ACTIVE),
        deleted("Goal/kept"),
        asking("PUT", "Goal?_id=kept", goal()),
        deleted("Goal?_id=kept"),
    )
    assert statuses(entries) == [200] + [403] * 8


async def test_a_batch_without_a_token_is_refused(anonymous: Caller) -> None:
    assert (await anonymous.post("/", batch(asking("GET", "Patient/anna")))).status_code == 401


async def test_a_batch_in_xml_is_answered_in_xml(service: Service, anna: Caller) -> None:
    definitions = service.server.definitions
    await anna.keep(goal(id="kept"))
    sent = batch(posted(counted(valueQuantity={"value": 7})), asking("GET", "Goal/kept"), asking("GET", "Goal/no"))
    xml = to_xml(decode(encode(sent)), definitions)
    answer = await anna.post(
        "/", xml, {"content-type": "application/fhir+xml", "accept": "application/fhir+xml", **REPRESENTATION}
    )
    assert answer.status_code == 200
    entries = from_xml(answer.content, definitions)["entry"]
    assert statuses(entries) == [201, 200, 404]
    assert entries[0]["resource"]["valueQuantity"]["value"] == 7
    assert entries[1]["resource"]["id"] == "kept"
    assert entries[2]["response"]["outcome"]["resourceType"] == "OperationOutcome"


async def test_decimals_keep_their_digits_through_a_batch(anna: Caller) -> None:
    body = encode(batch(posted(counted(valueQuantity={"value": "DIGITS"})))).replace(b'"DIGITS"', b"81.50")
    answer = await anna.post("/", body, REPRESENTATION)
    assert b'"value":81.50' in answer.content


async def test_a_professional_reaches_several_patients_in_one_batch(
    practice: Caller, anna: Caller, bram: Caller
) -> None:
    for name, caller in (("anna", anna), ("bram", bram)):
        await caller.keep(goal(f"Patient/{name}", id="one"))
    entries = await answered(
        practice,
        posted(goal("Patient/anna")),
        posted(goal("Patient/bram")),
        asking("GET", "Goal/one"),
        asking("GET", "Patient/bram/Goal/one"),
        deleted("Patient/anna/Goal/one"),
        asking("GET", "Goal"),
        posted(binary()),
    )
    assert statuses(entries) == [201, 201, 409, 200, 204, 200, 422]
    assert len(entries[5]["resource"]["entry"]) == 3
    assert entries[3]["resource"]["subject"] == reference("Patient/bram")


async def test_a_fault_of_ours_is_the_answer_of_its_entry_only(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("Geheim-4711")

    monkeypatch.setattr("app.server.interactions.read.stored_for", broken)
    entries = await answered(anna, posted(goal()), asking("GET", "Goal/x"), posted(goal()))
    assert statuses(entries) == [201, 500, 201]
    assert "Geheim" not in str(entries)
    assert entries[1]["response"]["outcome"]["issue"][0]["severity"] == "fatal"


async def test_what_names_nobody_goes_where_the_whole_says(practice: Caller, anna: Caller, bram: Caller) -> None:
    (entry,) = await answered(practice, posted(binary()), headers={"x-security-context": "Patient/bram"})
    assert statuses([entry]) == [201]
    assert (await bram.get(entry["response"]["location"])).status_code == 200
    assert (await anna.get(entry["response"]["location"])).status_code == 404


async def test_a_bsn_is_masked_in_every_entry(anna: Caller) -> None:
    identified = [{"system": BSN, "value": "999911120"}]
    await anna.keep(goal(id="kept"))
    patch = [{"op": "add", "path": "/identifier", "value": identified}]
    for kind in (batch, transaction):
        answer = await anna.post(
            "/", kind(posted(goal(identifier=identified)), patched("Goal/kept", patch)), REPRESENTATION
        )
        assert answer.status_code == 200
        assert "999911120" not in answer.text
        assert answer.text.count('"valueCode":"masked"') == 2


async def test_no_more_is_carried_out_when_the_answers_become_too_large(
    anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.interactions.entries.LARGEST_ANSWER", 2000)
    await anna.keep(goal(id="kept", note=[{"text": "x" * 1500}]))
    read = asking("GET", "Goal/kept")
    entries = await answered(anna, read, read, read, posted(observation()))
    assert statuses(entries) == [200, 200, 413, 413]
    assert await anna.found("/Observation") == []
    answer = await anna.post("/", transaction(read, posted(observation()), read, read))
    assert statuses(decode(answer.content)["entry"]) == [200, 201, 200, 413]


async def test_what_may_not_be_seen_is_not_reached_by_an_entry(service: Service, anna: Caller) -> None:
    """A caller who was given measurements only."""
    await anna.keep(goal(id="kept", identifier=[{"system": "urn:a", "value": "1"}]))
    narrow = service.caller("anna-measurements")
    hidden = [
        asking("GET", "Goal/kept"),
        patched("Goal/kept", ACTIVE),
        patched("Goal?identifier=urn:a|1", ACTIVE),
        deleted("Goal/kept"),
        put(goal(id="kept")),
        posted(goal()),
    ]
    entries = await answered(narrow, *hidden, posted(observation()))
    assert statuses(entries) == [404, 404, 404, 404, 403, 403, 201]
    for entry in hidden[1:]:
        answer = await narrow.post("/", transaction(posted(observation()), entry))
        assert answer.status_code in (403, 404), answer.text
        assert issues(answer)[0]["expression"][0].startswith("Bundle.entry[1]")
    answer = await narrow.post("/", transaction(posted(observation(focus=[reference("Goal?identifier=urn:a|1")]))))
    assert answer.status_code == 412
    assert decode((await anna.get("/Goal/kept")).content)["meta"]["versionId"] == "1"

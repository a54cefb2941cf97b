"""What a transaction answers: reads of what its writes leave, and what Prefer asks for.
https://hl7.org/fhir/R4/http.html#transaction-response
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.errors import Issue
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml, to_xml
from tests.builders import (
    asking,
    batch,
    condition,
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
ACTIVE = [{"op": "replace", "path": "/lifecycleStatus", "value": "active"}]


async def answered(caller: Caller, *entries: Resource, headers: dict[str, str] | None = None) -> list[Resource]:
    answer = await caller.post("/", transaction(*entries), headers)
    assert answer.status_code == 200, answer.text
    return list(decode(answer.content)["entry"])


async def test_reads_see_what_the_writes_leave_wherever_they_stand(anna: Caller) -> None:
    await anna.keep(goal(id="gone"))
    await anna.keep(goal(id="kept"))
    entries = await answered(
        anna,
        asking("GET", "Goal/kept"),
        asking("GET", "Goal/gone"),
        asking("GET", "Goal?lifecycle-status=active"),
        asking("GET", "Condition?_count=10"),
        asking("GET", "Goal/kept/_history/1"),
        asking("GET", "Patient/anna/$everything"),
        asking("HEAD", "Goal/kept"),
        patched("Goal/kept", ACTIVE),
        deleted("Goal/gone"),
        posted(condition()),
    )
    assert [entry["response"]["status"][:3] for entry in entries] == [
        "200", "410", "200", "200", "200", "200", "200", "200", "204", "201"
    ]  # fmt: skip
    read, gone, search, problems, before, everything, head, patch, _, made = entries
    assert read["resource"]["lifecycleStatus"] == "active"
    assert read["response"]["etag"] == patch["response"]["etag"] == 'W/"2"'
    assert read["response"]["lastModified"] == patch["response"]["lastModified"]
    assert gone["response"]["outcome"]["issue"][0]["code"] == "deleted"
    assert [each["resource"]["id"] for each in search["resource"]["entry"]] == ["kept"]
    assert made["response"]["location"].split("/")[-3] == problems["resource"]["entry"][0]["resource"]["id"]
    assert before["resource"]["lifecycleStatus"] == "proposed"
    assert len(everything["resource"]["entry"]) >= 3
    assert "resource" not in head
    assert "resource" not in patch


async def test_a_read_may_ask_for_what_has_changed_since(anna: Caller) -> None:
    await anna.keep(goal(id="kept"))
    entries = await answered(
        anna, asking("GET", "Goal/kept", ifNoneMatch='W/"1"'), asking("GET", "Goal/kept", ifNoneMatch='W/"2"')
    )
    assert [entry["response"]["status"][:3] for entry in entries] == ["304", "200"]
    assert "resource" not in entries[0]


async def test_a_read_that_finds_nothing_is_answered_in_its_entry(anna: Caller, bram: Caller) -> None:
    await bram.keep(goal("Patient/bram", id="of-bram"))
    made, absent, hidden, wrong = await answered(
        anna,
        posted(goal()),
        asking("GET", "Goal/never"),
        asking("GET", "Goal/of-bram"),
        asking("GET", "Goal?nonsense=1"),
    )
    assert made["response"]["status"].startswith("201")
    assert absent["response"]["status"] == hidden["response"]["status"] == "404 Not Found"
    assert str(absent).replace("never", "of-bram") == str(hidden)
    assert wrong["response"]["status"].startswith("400")
    assert len(await anna.found("/Goal")) == 1


async def test_an_operation_that_only_answers_may_be_posted(service: Service, anna: Caller) -> None:
    entries = await answered(
        anna, posted(condition()), asking("POST", "Patient/anna/$everything", {"resourceType": "Parameters"})
    )
    assert entries[1]["response"]["status"].startswith("200")
    assert "Condition" in {each["resource"]["resourceType"] for each in entries[1]["resource"]["entry"]}


@pytest.mark.parametrize("preference", ["", "return=minimal", "return=representation", "return=OperationOutcome"])
async def test_prefer_says_what_writes_answer(anna: Caller, preference: str) -> None:
    await anna.keep(goal(id="kept"))
    headers = {"prefer": preference} if preference else None
    entries = await answered(
        anna,
        posted(goal()),
        patched("Goal/kept", ACTIVE),
        posted(patient()),
        deleted("Goal?_id=never"),
        asking("GET", "Goal/kept"),
        headers=headers,
    )
    for entry in entries[:3]:
        assert ("resource" in entry) == (preference == "return=representation")
        assert ("outcome" in entry["response"]) == (preference == "return=OperationOutcome")
    assert entries[4]["resource"]["lifecycleStatus"] == "active"
    if preference == "return=representation":
        for entry in entries[:3]:
            assert entry["resource"]["meta"]["lastUpdated"] == entry["response"]["lastModified"]
            assert entry["response"]["location"].startswith(BASE)


async def test_what_a_condition_finds_is_shown_to_who_may_read_it(service: Service, anna: Caller) -> None:
    await anna.create(goal(startDate="2030-01-01"))
    entry = posted(goal(), ifNoneExist="start-date=2030-01-01")
    for name in ("anna", "anna-create-actions"):
        answer = await service.caller(name).post("/", transaction(entry), {"prefer": "return=representation"})
        if name == "anna":
            assert decode(answer.content)["entry"][0]["resource"]["startDate"] == "2030-01-01"
        else:
            assert "2030-01-01" not in answer.text


async def test_a_transaction_in_xml_is_answered_in_xml(service: Service, anna: Caller) -> None:
    definitions = service.server.definitions
    known = await anna.keep(goal(id="kept", identifier=[{"system": "urn:a", "value": "1"}]))
    sent = transaction(
        posted(observation(focus=[reference("Goal?identifier=urn:a|1"), reference(FIRST)])),
        posted(condition(), FIRST),
        patched("Goal/kept", ACTIVE),
        asking("GET", "Goal/kept"),
    )
    xml = to_xml(decode(encode(sent)), definitions)
    kinds = {"content-type": "application/fhir+xml", "accept": "application/fhir+xml"}
    answer = await anna.post("/", xml, {**kinds, "prefer": "return=representation"})
    assert answer.status_code == 200, answer.text
    first, second, third, fourth = from_xml(answer.content, definitions)["entry"]
    problem = second["resource"]["id"]
    assert first["resource"]["focus"] == [reference(f"Goal/{known['id']}"), reference(f"Condition/{problem}")]
    assert third["resource"] == fourth["resource"]
    assert fourth["resource"]["lifecycleStatus"] == "active"


async def test_the_entries_of_a_batch_and_the_reads_of_a_transaction_are_lines_of_their_own(
    service: Service, anna: Caller, bram: Caller
) -> None:
    await anna.keep(goal(id="kept"))
    await bram.keep(goal("Patient/bram", id="of-bram"))
    key = await service.key_of("anna")
    wanted = [posted(goal()), asking("GET", "Goal/kept"), asking("GET", "Goal/of-bram"), asking("GET", "Goal")]
    for bundle, kind in ((batch(*wanted), "batch"), (transaction(*wanted), "transaction")):
        before = service.journal.line
        answer = await anna.post("/", bundle, {"x-request-id": f"the-{kind}"})
        lines = [line["event"] for line in service.journal_lines() if line["event"]["request"] == f"the-{kind}"]
        location = decode(answer.content)["entry"][0]["response"]["location"].removeprefix(f"{BASE}/")
        whole: dict[str, Any] = lines.pop()
        assert (whole["interaction"], whole["status"], whole["type"]) == (kind, 200, "Bundle")
        if kind == "batch":
            made = lines.pop(0)
            assert (made["interaction"], made["status"]) == ("create", 201)
        else:
            made = whole
        assert (made["resources"], made["patients"]) == ([location], [key])
        read, refused, search = lines
        assert (read["interaction"], read["resources"], read["patients"]) == ("read", ["Goal/kept"], [key])
        assert (refused["interaction"], refused["status"], refused.get("patients")) == ("refusal", 404, None)
        assert (search["interaction"], search["type"], search["patients"]) == ("search-type", "Goal", [key])
        assert service.journal.line == before + len(lines) + (2 if kind == "batch" else 1)
        assert json.dumps(lines).count("anna") <= json.dumps(lines).count("Patient/anna") * 2


async def test_a_refused_entry_says_where_it_stands(anna: Caller) -> None:
    answer = await anna.post(
        "/",
        transaction(
            asking("GET", "Goal"),
            asking("GET", "Nonsense"),
            asking("PUT", "Goal", goal()),
            posted(goal()),
            asking("GET", "Goal/a", goal()),
            asking("PATCH", "Goal/a", goal(), ifNoneExist="_id=a"),
        ),
    )
    assert answer.status_code == 400
    assert [issue["expression"] for issue in issues(answer)] == [[f"Bundle.entry[{index}]"] for index in (1, 2, 4, 5)]
    assert await anna.found("/Goal") == []


async def test_what_cannot_be_found_is_told_of_all_entries(anna: Caller) -> None:
    answer = await anna.post(
        "/", transaction(deleted("Goal/a"), put(goal(id="b")), deleted("Goal/c"), deleted("Observation/d"))
    )
    assert answer.status_code == 404
    assert [issue["expression"] for issue in issues(answer)] == [[f"Bundle.entry[{index}]"] for index in (0, 2, 3)]
    answer = await anna.post("/", transaction(patched("Goal/a", ACTIVE), put(goal(id="b")), patched("Goal/c", ACTIVE)))
    assert answer.status_code == 404
    assert [issue["expression"] for issue in issues(answer)] == [[f"Bundle.entry[{index}]"] for index in (0, 2)]


async def test_what_validation_remarks_is_told_in_its_entry(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    remark = Issue("business-rule", "This is unlikely.", ("Bundle.entry[1].resource.status",), "warning")
    monkeypatch.setattr("app.server.interactions.transaction.turns.validate", lambda *_: [remark])
    plain, remarked = await answered(anna, posted(goal()), posted(observation()))
    assert "outcome" not in plain["response"]
    told = remarked["response"]["outcome"]["issue"]
    assert [issue["severity"] for issue in told] == ["information", "warning"]
    assert told[1]["expression"] == ["Bundle.entry[1].resource.status"]

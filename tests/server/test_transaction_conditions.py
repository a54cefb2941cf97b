"""What the entries of a transaction mean by a search: conditional references, creates, updates, deletes and patches.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from app.server.interactions.transaction.execute import MOST_TRIES
from app.server.store.execute import execute
from tests.builders import (
    asking,
    care_plan,
    condition,
    deleted,
    goal,
    observation,
    organization,
    patched,
    patient,
    posted,
    put,
    reference,
    transaction,
)
from tests.server.service import BASE, Caller, Service, codes, issues

EXECUTE = "app.server.interactions.transaction.execute"
FIRST = "urn:uuid:11111111-1111-4111-8111-111111111111"
ACTIVE = [{"op": "replace", "path": "/lifecycleStatus", "value": "active"}]
ONE = "Goal?identifier=urn:a|1"


def marked(value: str, **members: Any) -> Resource:
    """A goal that can be found by its identifier."""
    return goal(identifier=[{"system": "urn:a", "value": value}], **members)


async def responses(caller: Caller, *entries: Resource) -> list[Resource]:
    answer = await caller.post("/", transaction(*entries))
    assert answer.status_code == 200, answer.text
    return [entry["response"] for entry in decode(answer.content)["entry"]]


async def at(caller: Caller, response: Resource) -> Resource:
    """What a response says is there now."""
    answer = await caller.get(response["location"])
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def test_a_reference_by_a_search_becomes_the_one_that_it_finds(anna: Caller) -> None:
    known = await anna.create(marked("1"))
    (response,) = await responses(anna, posted(care_plan(goal=[reference(ONE), reference("Goal/x")])))
    stored = await at(anna, response)
    assert stored["goal"] == [reference(f"Goal/{known['id']}"), reference("Goal/x")]
    assert await anna.found(f"/CarePlan?goal=Goal/{known['id']}") == [stored["id"]]


async def test_a_reference_by_a_search_is_found_in_updates_extensions_and_contained(anna: Caller) -> None:
    known = await anna.create(marked("1"))
    contained = {**goal(), "id": "c", "addresses": [reference("Observation/x")]}
    sent = care_plan(
        id="plan",
        extension=[{"url": "urn:x", "valueReference": reference(ONE)}],
        contained=[{**contained, "extension": [{"url": "urn:x", "valueReference": reference(ONE)}]}],
        goal=[reference("#c")],
    )
    (response,) = await responses(anna, put(sent))
    stored = await at(anna, response)
    assert stored["extension"][0]["valueReference"] == reference(f"Goal/{known['id']}")
    assert stored["contained"][0]["extension"][0]["valueReference"] == reference(f"Goal/{known['id']}")


async def test_a_search_hidden_behind_json_escapes_is_resolved(anna: Caller) -> None:
    known = await anna.create(marked("1"))
    body = transaction(posted(observation(focus=[reference("ESCAPED")])))
    raw = __import__("json").dumps(body).replace("ESCAPED", ONE.replace("?", "\\u003f")).encode()
    answer = await anna.post("/", raw)
    assert answer.status_code == 200, answer.text
    (entry,) = decode(answer.content)["entry"]
    assert (await at(anna, entry["response"]))["focus"] == [reference(f"Goal/{known['id']}")]


async def test_a_subject_may_be_named_by_a_search(practice: Caller, operator: Caller, bram: Caller) -> None:
    await operator.keep(patient("bram", identifier=[{"system": "urn:practice", "value": "17"}], birthDate="1944-11-03"))
    (response,) = await responses(practice, posted(observation("Patient?identifier=urn:practice|17")))
    assert (await at(bram, response))["subject"] == reference("Patient/bram")


async def test_what_is_in_the_catalogue_is_found(anna: Caller, operator: Caller) -> None:
    await operator.keep(organization(id="clinic", identifier=[{"system": "urn:agb", "value": "42"}]))
    (response,) = await responses(
        anna, posted(observation(performer=[reference("Organization?identifier=urn:agb|42")]))
    )
    assert (await at(anna, response))["performer"] == [reference("Organization/clinic")]


async def test_all_searches_that_lead_nowhere_are_named_at_once(anna: Caller) -> None:
    for _ in range(2):
        await anna.create(marked("2"))
    answer = await anna.post(
        "/",
        transaction(
            posted(observation(focus=[reference("Goal/x"), reference(ONE)])),
            posted(observation(hasMember=[reference("Observation/x")])),
            posted(care_plan(goal=[reference("Goal?identifier=urn:a|2")])),
        ),
    )
    assert answer.status_code == 412
    assert [(issue["code"], issue["expression"]) for issue in issues(answer)] == [
        ("not-found", ["Bundle.entry[0].resource.focus[1].reference"]),
        ("multiple-matches", ["Bundle.entry[2].resource.goal[0].reference"]),
    ]
    assert await anna.found("/Observation") == []


async def test_another_patients_resource_is_found_no_more_than_an_absent_one(anna: Caller, bram: Caller) -> None:
    await bram.create(marked("1", subject="Patient/bram"))
    held = await anna.post("/", transaction(posted(observation(focus=[reference(ONE)]))))
    absent = await anna.post("/", transaction(posted(observation(focus=[reference(ONE.replace("1", "8"))]))))
    assert held.status_code == absent.status_code == 412
    assert issues(held) == issues(absent)
    subject = await anna.post("/", transaction(posted(observation("Patient?birthdate=1944-11-03"))))
    assert (subject.status_code, codes(subject)) == (412, ["not-found"])


async def test_a_reference_by_a_search_takes_the_scope_to_search(service: Service, anna: Caller) -> None:
    answer = await service.caller("anna-observations").post(
        "/", transaction(posted(observation(focus=[reference(ONE)])))
    )
    assert answer.status_code == 403


async def test_a_search_that_several_patients_meet_is_too_wide(practice: Caller, anna: Caller, bram: Caller) -> None:
    await anna.create(marked("1"))
    entry = posted(observation(focus=[reference(ONE)]))
    assert (await practice.post("/", transaction(entry))).status_code == 200
    await bram.create(marked("1", subject="Patient/bram"))
    answer = await practice.post("/", transaction(entry))
    assert (answer.status_code, codes(answer)) == (412, ["multiple-matches"])
    assert (
        await practice.post("/", transaction(posted(observation(focus=[reference(f"{ONE}&patient=anna")]))))
    ).is_success


async def test_a_search_that_is_the_condition_of_an_entry_means_that_entry(anna: Caller) -> None:
    made, plan = await responses(
        anna, posted(marked("1"), ifNoneExist="identifier=urn:a|1"), posted(care_plan(goal=[reference(ONE)]))
    )
    assert made["status"].startswith("201")
    assert (await at(anna, plan))["goal"] == [reference(f"Goal/{(await at(anna, made))['id']}")]
    found, again = await responses(
        anna, posted(marked("1"), ifNoneExist="identifier=urn:a|1"), posted(care_plan(goal=[reference(ONE)]))
    )
    assert (found["status"], found["location"]) == ("200 OK", made["location"])
    assert (await at(anna, again))["goal"] == (await at(anna, plan))["goal"]
    updated, last = await responses(
        anna, asking("PUT", ONE, marked("1", lifecycleStatus="active")), posted(care_plan(goal=[reference(ONE)]))
    )
    assert updated["status"].startswith("200")
    assert (await at(anna, last))["goal"] == (await at(anna, plan))["goal"]


async def test_what_a_transaction_deletes_meets_no_search_of_it(anna: Caller) -> None:
    old, kept = await anna.create(marked("1")), await anna.create(marked("2"))
    answer = await anna.post(
        "/", transaction(posted(observation(focus=[reference(ONE)])), deleted(f"Goal/{old['id']}"))
    )
    assert (answer.status_code, codes(answer)) == (412, ["not-found"])
    made, _, updated = await responses(
        anna,
        posted(marked("1"), ifNoneExist="identifier=urn:a|1"),
        deleted(f"Goal/{old['id']}"),
        asking("PUT", "Goal?identifier=urn:a|2", marked("2", lifecycleStatus="active")),
    )
    assert made["status"].startswith("201")
    assert updated["location"] == f"{BASE}/Goal/{kept['id']}/_history/2"
    assert await anna.found("/Goal?identifier=urn:a|1") == [(await at(anna, made))["id"]]


async def test_what_a_conditional_delete_finds_does_not_stop_a_conditional_create(anna: Caller) -> None:
    old = await anna.create(marked("1"))
    made, gone = await responses(
        anna, posted(marked("1"), FIRST, ifNoneExist="identifier=urn:a|1"), deleted("Goal?identifier=urn:a|1")
    )
    assert made["status"].startswith("201")
    assert gone["status"].startswith("204")
    assert (await anna.get(f"/Goal/{old['id']}")).status_code == 410


async def test_a_conditional_update_makes_or_changes_and_others_refer_to_what_it_means(anna: Caller) -> None:
    entries = (
        {**asking("PUT", ONE, marked("1")), "fullUrl": FIRST},
        posted(care_plan(goal=[reference(FIRST)])),
    )
    made, plan = await responses(anna, *entries)
    assert made["status"].startswith("201")
    stored = await at(anna, made)
    assert (await at(anna, plan))["goal"] == [reference(f"Goal/{stored['id']}")]
    changed, second = await responses(anna, *entries)
    assert changed["location"] == f"{BASE}/Goal/{stored['id']}/_history/2"
    assert (await at(anna, second))["goal"] == [reference(f"Goal/{stored['id']}")]
    assert len(await anna.found("/Goal")) == 1


async def test_a_conditional_delete_deletes_one_or_says_that_there_is_none(anna: Caller) -> None:
    known = await anna.create(marked("1"))
    gone, none = await responses(anna, deleted(ONE), deleted("Goal?identifier=urn:a|9"))
    assert gone["status"].startswith("204")
    assert none["status"].startswith("20")
    assert none["outcome"]["issue"][0]["severity"] == "information"
    assert (await anna.get(f"/Goal/{known['id']}")).status_code == 410


async def test_patches_are_part_of_the_transaction(anna: Caller) -> None:
    await anna.keep(goal(id="a"))
    await anna.create(marked("1"))
    fhirpath = {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "operation",
                "part": [
                    {"name": "type", "valueCode": "add"},
                    {"name": "path", "valueString": "Goal"},
                    {"name": "name", "valueString": "addresses"},
                    {"name": "value", "valueReference": reference(FIRST)},
                ],
            }
        ],
    }
    first, second, problem = await responses(
        anna, patched("Goal/a", fhirpath), patched(ONE, ACTIVE), posted(condition(), FIRST)
    )
    assert [each["status"][:3] for each in (first, second, problem)] == ["200", "200", "201"]
    assert (await at(anna, first))["addresses"] == [reference(f"Condition/{(await at(anna, problem))['id']}")]
    assert (await at(anna, second))["lifecycleStatus"] == "active"
    assert first["etag"] == second["etag"] == 'W/"2"'


async def test_a_json_patch_may_refer_to_another_entry(anna: Caller) -> None:
    await anna.keep(goal(id="a"))
    patch = [{"op": "add", "path": "/addresses", "value": [reference(FIRST)]}]
    response, problem = await responses(anna, patched("Goal/a", patch), posted(condition(), FIRST))
    target = reference(f"Condition/{(await at(anna, problem))['id']}")
    assert (await at(anna, response))["addresses"] == [target]
    assert await anna.found(f"/Condition?_id={(await at(anna, problem))['id']}")


@pytest.mark.parametrize(
    "entries",
    [
        [asking("PUT", ONE, marked("1")), put(marked("1", id="known"))],
        [asking("PUT", ONE, marked("1")), deleted("Goal/known")],
        [deleted(ONE), put(marked("1", id="known"))],
        [deleted(ONE), deleted("Goal/known")],
        [deleted(ONE), deleted("Goal?start-date=2030-01-01")],
        [patched(ONE, ACTIVE), put(marked("1", id="known"))],
        [patched(ONE, ACTIVE), patched("Goal/known", ACTIVE)],
        [posted(marked("1"), ifNoneExist="identifier=urn:a|1"), put(marked("1", id="known"))],
        [posted(marked("1"), ifNoneExist="identifier=urn:a|1"), patched("Goal/known", ACTIVE)],
        [put(goal(id="known")), asking("PUT", "Patient/anna/Goal/known", goal(id="known"))],
        [put(goal(id="known")), deleted("Patient/anna/Goal/known")],
    ],
    ids=str,
)
async def test_two_entries_that_mean_one_resource_are_refused(anna: Caller, entries: list[Resource]) -> None:
    known = await anna.keep(marked("1", id="known", startDate="2030-01-01"))
    if "PUT" in str(entries[0]) and "DELETE" in str(entries[1]) and "?" in entries[0]["request"]["url"]:
        # The delete comes first, so the condition finds nothing any more: no overlap.
        assert (await anna.post("/", transaction(*entries))).status_code == 200
        return
    answer = await anna.post("/", transaction(*entries))
    assert (answer.status_code, codes(answer)) == (400, ["duplicate"]), answer.text
    assert decode((await anna.get("/Goal/known")).content) == known


async def test_preconditions_of_each_kind_of_write_are_kept(anna: Caller) -> None:
    for name in ("a", "b", "c"):
        await anna.keep(goal(id=name))
    done = await responses(
        anna,
        put(goal(id="a", lifecycleStatus="active"), ifMatch='W/"1"'),
        patched("Goal/b", ACTIVE, ifMatch='W/"1"'),
        deleted("Goal/c", ifMatch='W/"1"'),
        put(goal(id="d"), ifNoneMatch="*"),
    )
    assert [each["status"][:3] for each in done] == ["200", "200", "204", "201"]


async def test_a_patch_in_a_transaction_is_made_anew_when_somebody_else_is_faster(
    anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other change comes between the look at what is stored and the lock."""
    await anna.keep(goal(id="a"))
    passes: list[int] = []

    async def overtaken(*arguments: Any, **named: Any) -> None:
        passes.append(1)
        if len(passes) <= 2:
            await anna.keep(goal(id="a", startDate=f"2030-01-0{len(passes)}"))
        await execute(*arguments, **named)

    monkeypatch.setattr(f"{EXECUTE}.execute", overtaken)
    response, other = await responses(anna, patched("Goal/a", ACTIVE), posted(goal(), FIRST))
    stored = await at(anna, response)
    assert (stored["lifecycleStatus"], stored["startDate"]) == ("active", "2030-01-02")
    assert (response["etag"], other["etag"]) == ('W/"4"', 'W/"1"')
    assert len(passes) == 3
    assert len(await anna.found("/Goal")) == 2


async def test_a_version_that_the_caller_named_is_not_tried_again(
    anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await anna.keep(goal(id="a"))
    passes: list[int] = []

    async def overtaken(*arguments: Any, **named: Any) -> None:
        passes.append(1)
        await anna.keep(goal(id="a", startDate=f"2030-01-0{len(passes)}"))
        await execute(*arguments, **named)

    monkeypatch.setattr(f"{EXECUTE}.execute", overtaken)
    answer = await anna.post("/", transaction(patched("Goal/a", ACTIVE, ifMatch='W/"1"')))
    assert answer.status_code == 412
    answer = await anna.post("/", transaction(patched("Goal/a", ACTIVE)))
    assert answer.status_code == 409
    assert len(passes) == 1 + MOST_TRIES


async def test_many_patches_of_one_resource_at_once_are_all_kept(anna: Caller) -> None:
    await anna.keep(goal(id="a", note=[{"text": "0"}]))

    def noted(number: int) -> Resource:
        return patched("Goal/a", [{"op": "add", "path": "/note/-", "value": {"text": str(number)}}])

    answers = await asyncio.gather(*(anna.post("/", transaction(noted(number))) for number in range(1, 5)))
    kept = sum(answer.status_code == 200 for answer in answers)
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(decode((await anna.get("/Goal/a")).content)["note"]) == 1 + kept
    assert kept >= 2


async def test_a_person_is_made_or_found_on_condition_by_an_operator(operator: Caller) -> None:
    sent = patient(identifier=[{"system": "urn:p", "value": "5"}])
    entries = (
        {**asking("PUT", "Patient?identifier=urn:p|5", sent), "fullUrl": FIRST},
        posted(observation(FIRST)),
    )
    made, reading = await responses(operator, *entries)
    assert made["status"].startswith("201")
    person = (await at(operator, made))["id"]
    assert (await at(operator, reading))["subject"] == reference(f"Patient/{person}")
    found, _ = await responses(operator, *entries)
    assert found["location"] == f"{BASE}/Patient/{person}/_history/2"
    for guard in ({"ifMatch": 'W/"1"'}, {"ifNoneMatch": "*"}):
        answer = await operator.post("/", transaction(asking("PUT", "Patient?identifier=urn:p|5", sent, **guard)))
        assert (answer.status_code, issues(answer)[0]["expression"]) == (412, ["Bundle.entry[0]"])


async def test_nobody_is_made_on_condition_by_others(anna: Caller, practice: Caller) -> None:
    for caller in (anna, practice):
        answer = await caller.post(
            "/", transaction(asking("PUT", "Patient?birthdate=1900-01-01", patient(birthDate="1900-01-01")))
        )
        assert answer.status_code == 403
        assert issues(answer)[0]["expression"] == ["Bundle.entry[0]"]


async def test_a_full_address_says_which_of_several_patients_is_meant(
    practice: Caller, anna: Caller, bram: Caller
) -> None:
    for name, caller in (("anna", anna), ("bram", bram)):
        await caller.keep(goal(f"Patient/{name}", id="one"))
    done = await responses(
        practice,
        deleted("Patient/anna/Goal/one"),
        patched("Patient/bram/Goal/one", ACTIVE),
        asking("POST", "Patient/anna/Binary", {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}),
    )
    assert [each["status"][:3] for each in done] == ["204", "200", "201"]
    assert done[1]["location"] == f"{BASE}/Patient/bram/Goal/one/_history/2"
    assert (await anna.get("/Goal/one")).status_code == 410
    answer = await practice.post(
        "/", transaction(asking("PUT", "Patient/bram/Goal/one", goal("Patient/anna", id="one")))
    )
    assert answer.status_code == 422

"""A working copy of answers, completed by whatever door, amends them: there is one response, with its history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import pytest

from app.audit.reading import events_of
from app.fhir.resource import Resource, decode, encode
from tests import builders
from tests.questionnaires import asking, scoring
from tests.questionnaires import test_scores_written as scores
from tests.questionnaires.answering import URL, given, item, questionnaire, response
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues
from tests.stu3.record import ROOT as STU3

AMENDS: Final = "https://zelfregie.example/fhir/StructureDefinition/amends"
_ASKED: Final = questionnaire(
    item("pijn", "integer", required=True, extension=[("maxValue", {"valueInteger": 10})]), item("waar"), id="proef"
)
_SENT: Final = response(given("pijn", ("Integer", 3)), given("waar", ("String", "knie")))
_BETTER: Final = [given("pijn", ("Integer", 7)), given("waar", ("String", "heup"))]
Door = Callable[[Caller, Resource], Awaitable[httpx.Response]]
_PATCH: Final = {"content-type": "application/json-patch+json", "prefer": "return=representation"}


@pytest.fixture(autouse=True)
async def held(operator: Caller) -> None:
    await operator.keep(_ASKED)


def copy_of(sent: Resource, **members: Any) -> Resource:
    """A draft that is to amend answers as they are."""
    place = f"QuestionnaireResponse/{sent['id']}/_history/{sent['meta']['versionId']}"
    kept = {name: value for name, value in sent.items() if name not in ("id", "meta", "identifier")}
    mark = {"url": AMENDS, "valueReference": {"reference": place}}
    return {**kept, "status": "in-progress", "extension": [*sent.get("extension", ()), mark], **members}


def rules(answer: httpx.Response) -> list[tuple[str, str]]:
    """(rule, place) of each issue; both languages are told."""
    found = issues(answer)
    assert all(" / " in each["diagnostics"] for each in found)
    return [(each["details"]["text"].removeprefix("questionnaire-"), each["expression"][0]) for each in found]


async def logged(service: Service) -> list[tuple[str, ...]]:
    """What each line of Anna's access log names, so far."""
    parts = service.application.parts
    assert parts is not None
    await parts.mover.drain()
    found = events_of(service.database, await service.key_of("anna"), since=0, until=2**62)
    return [each.event.resources async for each in found]


async def by_put(caller: Caller, copy: Resource) -> httpx.Response:
    tag = {"if-match": f'W/"{copy["meta"]["versionId"]}"'}
    return await caller.put(f"/QuestionnaireResponse/{copy['id']}", {**copy, "status": "completed"}, tag)


async def by_amended(caller: Caller, copy: Resource) -> httpx.Response:
    return await caller.put(f"/QuestionnaireResponse/{copy['id']}", {**copy, "status": "amended"})


async def by_patch(caller: Caller, copy: Resource) -> httpx.Response:
    patch = [{"op": "replace", "path": "/status", "value": "completed"}]
    return await caller.send("PATCH", f"/QuestionnaireResponse/{copy['id']}", encode(patch), _PATCH)


async def by_condition(caller: Caller, copy: Resource) -> httpx.Response:
    body = {name: value for name, value in copy.items() if name not in ("id", "meta")}
    return await caller.put("/QuestionnaireResponse?status=in-progress", {**body, "status": "completed"})


async def by_transaction(caller: Caller, copy: Resource) -> httpx.Response:
    entry = builders.put({**copy, "status": "completed"})
    answer = await caller.post("", builders.transaction(entry), {"prefer": "return=representation"})
    return _of_entry(answer)


async def by_patch_in_transaction(caller: Caller, copy: Resource) -> httpx.Response:
    patch = [{"op": "replace", "path": "/status", "value": "completed"}]
    entry = builders.patched(f"QuestionnaireResponse/{copy['id']}", patch)
    return _of_entry(await caller.post("", builders.transaction(entry), {"prefer": "return=representation"}))


async def by_batch(caller: Caller, copy: Resource) -> httpx.Response:
    entry = builders.put({**copy, "status": "completed"})
    return _of_entry(await caller.post("", builders.batch(entry), {"prefer": "return=representation"}))


async def by_stu3(caller: Caller, copy: Resource) -> httpx.Response:
    address = f"{STU3}/QuestionnaireResponse/{copy['id']}"
    draft = decode((await caller.get(address)).content)
    answer = await caller.put(address, {**draft, "status": "completed"})
    assert answer.status_code == 200, answer.text
    original = decode(answer.content)["id"]
    return await caller.get(f"/QuestionnaireResponse/{original}")


def _of_entry(answer: httpx.Response) -> httpx.Response:
    """What the one entry was answered, as an answer of its own."""
    if answer.status_code != 200:
        return answer
    (entry,) = decode(answer.content)["entry"]
    told = entry["response"]
    body = entry.get("resource", told.get("outcome", {}))
    return httpx.Response(int(told["status"][:3]), content=encode(body), headers={"location": told["location"]})


DOORS: Final[tuple[Door, ...]] = (
    by_put,
    by_amended,
    by_patch,
    by_condition,
    by_transaction,
    by_patch_in_transaction,
    by_batch,
    by_stu3,
)


@pytest.mark.parametrize("door", DOORS)
async def test_a_completed_copy_is_a_version_of_the_answers_that_it_amends(anna: Caller, door: Door) -> None:
    sent = await anna.create({**_SENT, "identifier": {"system": "http://example.org/antwoorden", "value": "eerste"}})
    address = f"/QuestionnaireResponse/{sent['id']}"
    copy = await anna.create(copy_of(sent))
    copy = await anna.keep({**copy, "item": _BETTER})
    assert decode((await anna.get(address)).content) == sent
    answer = await door(anna, copy)
    assert answer.status_code == 200, answer.text
    after = decode((await anna.get(address)).content)
    assert decode(answer.content) == after
    assert (after["status"], after["item"], after["meta"]["versionId"]) == ("amended", _BETTER, "2")
    assert after["identifier"] == sent["identifier"]
    assert "extension" not in after
    assert decode((await anna.get(f"{address}/_history/1")).content) == sent
    assert await anna.found("/QuestionnaireResponse") == [sent["id"]]
    gone = await anna.get(f"/QuestionnaireResponse/{copy['id']}")
    assert gone.status_code == 410
    history = await anna.bundle(f"/QuestionnaireResponse/{copy['id']}/_history")
    assert [each["request"]["method"] for each in history["entry"]] == ["DELETE", "PUT", "POST"]


async def test_the_answer_says_where_the_answers_are_and_what_became_of_the_copy(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    copy = await anna.create(copy_of(sent, item=_BETTER))
    told = {"prefer": "return=OperationOutcome"}
    answer = await anna.put(f"/QuestionnaireResponse/{copy['id']}", {**copy, "status": "completed"}, told)
    assert answer.headers["location"].endswith(f"/QuestionnaireResponse/{sent['id']}/_history/2")
    assert answer.headers["etag"] == 'W/"2"'
    named = [each["details"]["text"] for each in issues(answer) if "details" in each]
    assert named == ["questionnaire-amends-done"]


async def test_answers_that_are_sent_as_a_correction_at_once_make_no_second_response(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    answer = await anna.post("/QuestionnaireResponse", copy_of(sent, item=_BETTER, status="completed"))
    assert (answer.status_code, decode(answer.content)["id"]) == (200, sent["id"])
    assert await anna.found("/QuestionnaireResponse") == [sent["id"]]


async def test_what_is_sent_again_is_answered_with_what_is_there(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    copy = await anna.create(copy_of(sent, item=_BETTER))
    again = {**copy, "status": "completed"}
    for _ in range(2):
        answer = await anna.put(f"/QuestionnaireResponse/{copy['id']}", again)
        assert answer.status_code == 200, answer.text
        assert decode(answer.content)["meta"]["versionId"] == "2"
    assert await anna.found("/QuestionnaireResponse") == [sent["id"]]


async def test_a_copy_that_says_the_same_leaves_the_answers(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    answer = await by_put(anna, await anna.create(copy_of(sent)))
    assert (answer.status_code, decode(answer.content)) == (200, sent)
    assert await anna.found("/QuestionnaireResponse") == [sent["id"]]


async def test_a_second_correction_is_a_third_version_and_one_of_the_first_is_a_conflict(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    late = await anna.create(copy_of(sent, item=[given("pijn", ("Integer", 1))]))
    first = decode((await by_put(anna, await anna.create(copy_of(sent, item=_BETTER)))).content)
    for door in (by_put, by_patch, by_transaction, by_condition):
        refused = await door(anna, late)
        assert refused.status_code == 409, refused.text
        assert [rule for rule, _ in rules(refused)] == ["amends-meanwhile"]
    saved = await anna.keep({**late, "item": [given("pijn", ("Integer", 2))]})
    assert saved["status"] == "in-progress"
    second = await by_put(anna, await anna.create(copy_of(first, item=[given("pijn", ("Integer", 9))])))
    assert (second.status_code, decode(second.content)["meta"]["versionId"]) == (200, "3")


async def test_a_draft_of_an_older_version_is_a_conflict_at_once(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    await anna.keep({**sent, "status": "amended", "item": _BETTER})
    refused = await anna.post("/QuestionnaireResponse", copy_of(sent))
    assert (refused.status_code, [rule for rule, _ in rules(refused)]) == (409, ["amends-meanwhile"])


@pytest.mark.parametrize("status", ["in-progress", "completed"])
@pytest.mark.parametrize(
    "wrong", ["elsewhere", "nowhere", "later", "draft", "stopped", "error", "questionnaire", "form", "two"]
)
async def test_what_cannot_be_amended_is_refused_with_why(
    anna: Caller, bram: Caller, operator: Caller, wrong: str, status: str
) -> None:
    sent = await anna.create(_SENT)
    members: dict[str, Any] = {"status": status, "item": _BETTER}
    expected = ("amends-form", "QuestionnaireResponse.extension")
    if wrong == "elsewhere":
        brams = await bram.create({**_SENT, "subject": {"reference": "Patient/bram"}})
        sent, expected = {**sent, "id": brams["id"]}, ("amends-unknown", expected[1])
    elif wrong == "nowhere":
        sent, expected = {**sent, "id": "nergens"}, ("amends-unknown", expected[1])
    elif wrong == "later":
        sent, expected = {**sent, "meta": {"versionId": "2"}}, ("amends-unknown", expected[1])
    elif wrong == "draft":
        sent, expected = await anna.create({**_SENT, "status": "in-progress"}), ("amends-status", expected[1])
    elif wrong == "stopped":
        sent, expected = await anna.create({**_SENT, "status": "stopped"}), ("amends-status", expected[1])
    elif wrong == "error":
        sent, expected = await anna.keep({**sent, "status": "entered-in-error"}), ("amends-status", expected[1])
    elif wrong == "questionnaire":
        await operator.keep({**_ASKED, "id": "anders", "url": f"{URL}-anders"})
        members["questionnaire"] = f"{URL}-anders|1"
        expected = ("amends-questionnaire", "QuestionnaireResponse.questionnaire")
    made = copy_of(sent, **members)
    if wrong == "form":
        made["extension"][0]["valueReference"] = {"reference": f"QuestionnaireResponse/{sent['id']}"}
    elif wrong == "two":
        made["extension"] *= 2
    before = await anna.found("/QuestionnaireResponse")
    alone = await anna.post("/QuestionnaireResponse", made)
    assert (alone.status_code, rules(alone)) == (422, [expected]), alone.text
    together = await anna.post("", builders.transaction(builders.posted(made), builders.posted(_SENT)))
    assert together.status_code == 422
    assert [rule for rule, _ in rules(together)] == [expected[0]]
    assert await anna.found("/QuestionnaireResponse") == before


async def test_two_entries_do_not_amend_the_same_answers(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    first, second = [await anna.create(copy_of(sent, item=_BETTER)) for _ in range(2)]
    for other in (second, {**sent, "status": "amended", "item": _BETTER}):
        entries = [builders.put({**first, "status": "completed"}), builders.put({**other, "status": "amended"})]
        refused = await anna.post("", builders.transaction(*entries))
        assert refused.status_code == 400, refused.text
    assert decode((await anna.get(f"/QuestionnaireResponse/{sent['id']}")).content) == sent


async def test_a_copy_is_stopped_or_deleted_like_any_draft(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    copy = await anna.create(copy_of(sent, item=_BETTER))
    stopped = await anna.keep({**copy, "status": "stopped"})
    refused = await by_put(anna, stopped)
    assert (refused.status_code, [rule for rule, _ in rules(refused)]) == (422, ["status"])
    other = await anna.create(copy_of(sent, item=_BETTER))
    assert (await anna.delete(f"/QuestionnaireResponse/{other['id']}")).status_code == 204
    assert decode((await anna.get(f"/QuestionnaireResponse/{sent['id']}")).content) == sent


async def test_a_copy_is_held_to_the_questionnaire_and_to_its_own_version(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    copy = await anna.create(copy_of(sent, item=[given("waar", ("String", "heup"))]))
    refused = await by_put(anna, copy)
    assert (refused.status_code, [rule for rule, _ in rules(refused)]) == (422, ["required"])
    filled = await anna.keep({**copy, "item": _BETTER})
    stale = await by_put(anna, {**filled, "meta": {"versionId": "1"}})
    assert stale.status_code == 412
    assert decode((await anna.get(f"/QuestionnaireResponse/{sent['id']}")).content) == sent


async def test_a_request_stays_as_it_was_answered_and_is_not_answered_by_a_correction(
    anna: Caller, practice: Caller
) -> None:
    task = await practice.create(asking.asking())
    task = await anna.keep({**task, "status": "accepted"})
    done = await anna.post("", asking.completing(task, _SENT))
    assert done.status_code == 200, done.text
    before = decode((await anna.get(f"/Task/{task['id']}")).content)
    (sent_id,) = await anna.found("/QuestionnaireResponse")
    sent = decode((await anna.get(f"/QuestionnaireResponse/{sent_id}")).content)
    assert (await by_put(anna, await anna.create(copy_of(sent, item=_BETTER)))).status_code == 200
    assert decode((await anna.get(f"/Task/{task['id']}")).content) == before
    second = await practice.create(asking.asking())
    second = await anna.keep({**second, "status": "accepted"})
    after = decode((await anna.get(f"/QuestionnaireResponse/{sent_id}")).content)
    correction = {**copy_of(after, item=_SENT["item"]), "status": "completed"}
    refused = await anna.post("", asking.completing(second, correction))
    assert (refused.status_code, asking.rules(refused)) == (422, ["response"])


async def test_who_may_not_change_the_answers_cannot_amend_them(service: Service, anna: Caller) -> None:
    sent = await anna.create(_SENT)
    adding = await token_with(service, "patient/QuestionnaireResponse.crs", "anna")
    made = copy_of(sent, item=_BETTER, status="completed")
    refused = await adding.post("/QuestionnaireResponse", made)
    assert (refused.status_code, [rule for rule, _ in rules(refused)]) == (422, ["amends-unknown"])
    changing = await token_with(service, "patient/QuestionnaireResponse.crus", "anna")
    copy = await changing.create({**made, "status": "in-progress"})
    answer = await by_put(changing, copy)
    assert (answer.status_code, decode(answer.content)["id"]) == (200, sent["id"])  # without a right to delete


@pytest.mark.parametrize(
    "scope", ["patient/QuestionnaireResponse.c", "patient/QuestionnaireResponse.crus?status=in-progress"]
)
@pytest.mark.parametrize("status", ["in-progress", "completed"])
async def test_who_may_not_read_the_answers_does_not_learn_that_they_are_there(
    service: Service, anna: Caller, scope: str, status: str
) -> None:
    changed = await anna.create(_SENT)
    await anna.keep({**changed, "status": "amended", "item": _BETTER})
    stopped = await anna.create({**_SENT, "status": "stopped"})
    sent = await anna.create(_SENT)
    blind = await token_with(service, scope, "anna")
    told = []
    for each in (changed, stopped, sent, {**sent, "id": "nergens"}):
        refused = await blind.post("/QuestionnaireResponse", copy_of(each, item=_BETTER, status=status))
        assert (refused.status_code, [rule for rule, _ in rules(refused)]) == (422, ["amends-unknown"])
        told.append(issues(refused))
    assert told == [told[-1]] * 4


async def test_the_log_names_the_copy_that_was_deleted_beside_the_answers(service: Service, anna: Caller) -> None:
    sent = await anna.create(_SENT)
    name = f"QuestionnaireResponse/{sent['id']}/_history/1"
    for door in (by_put, by_patch, by_transaction, by_batch):
        sent = decode((await anna.get(f"/{name}")).content)
        better = _BETTER if sent["item"] != _BETTER else _SENT["item"]
        copy = await anna.create(copy_of(sent, item=better))
        assert (await door(anna, copy)).status_code == 200
        name = f"QuestionnaireResponse/{sent['id']}/_history/{int(sent['meta']['versionId']) + 1}"
        assert (name, f"QuestionnaireResponse/{copy['id']}") in await logged(service)
    same = await anna.create(copy_of(decode((await anna.get(f"/{name}")).content)))
    assert (await by_put(anna, same)).status_code == 200
    assert (name, f"QuestionnaireResponse/{same['id']}") in await logged(service)


async def test_what_a_system_delivers_is_stored_as_it_says(practice: Caller, anna: Caller) -> None:
    sent = await anna.create(_SENT)
    answer = await practice.post("/QuestionnaireResponse", copy_of(sent, item=_BETTER, status="completed"))
    assert answer.status_code == 201, answer.text
    assert len(await anna.found("/QuestionnaireResponse")) == 2


async def test_a_completed_copy_has_its_scores_computed_again_and_the_old_ones_stay(
    service: Service, anna: Caller
) -> None:
    await scores.keep(service, scoring.key(*scores.DIMENSIONS, cut_offs="A"))
    sent = await anna.create(scoring.answered("bcd"))
    before = await scores.results(anna, sent)
    copy = await anna.create(copy_of(sent, item=scoring.answered("bbb")["item"]))
    assert await scores.results(anna, copy) == {}
    assert (await by_put(anna, copy)).status_code == 200
    after = await scores.results(anna, sent)
    total = after["nep-total"]
    assert (total["status"], scores.number(total), scores.number(before["nep-total"])) == ("amended", "3", "6")
    assert (total["id"], total["meta"]["versionId"]) == (before["nep-total"]["id"], "2")
    old = await anna.get(f"/Observation/{total['id']}/_history/1")
    assert decode(old.content) == before["nep-total"]
    assert await scores.results(anna, copy) == {}

"""Every endpoint, asked by nobody, the wrong scope, another patient and the right caller; then labels and actions."""

from __future__ import annotations

import httpx
import pytest

from app.fhir.resource import Resource, decode, encode
from tests.builders import LOINC, concept, deleted, goal, observation, patient, posted, put, transaction
from tests.server.service import Caller, Service, codes, ids

LABORATORY = concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")

# What to ask about Goal/kept of Patient/anna; the same is asked about Goal/kep0 of Patient/ann0, which are nowhere.
ENDPOINTS: dict[str, tuple[str, str, Resource | None]] = {
    "read": ("GET", "/Goal/kept", None),
    "head": ("HEAD", "/Goal/kept", None),
    "vread": ("GET", "/Goal/kept/_history/1", None),
    "history": ("GET", "/Goal/kept/_history", None),
    "search": ("GET", "/Goal?_id=kept", None),
    "search by patient": ("GET", "/Goal?patient=anna", None),
    "search in the compartment": ("GET", "/Patient/anna/Goal", None),
    "read at the full address": ("GET", "/Patient/anna/Goal/kept", None),
    "vread at the full address": ("GET", "/Patient/anna/Goal/kept/_history/1", None),
    "history at the full address": ("GET", "/Patient/anna/Goal/kept/_history", None),
    "create": ("POST", "/Goal", goal()),
    "create at the full address": ("POST", "/Patient/anna/Goal", goal()),
    "update": ("PUT", "/Goal/kept", goal(id="kept", lifecycleStatus="active")),
    "update at the full address": ("PUT", "/Patient/anna/Goal/kept", goal(id="kept", lifecycleStatus="active")),
    "delete": ("DELETE", "/Goal/kept", None),
    "delete at the full address": ("DELETE", "/Patient/anna/Goal/kept", None),
    "transaction that creates": ("POST", "/", transaction(posted(goal()))),
    "transaction that updates": ("POST", "/", transaction(put(goal(id="kept")))),
    "transaction that deletes": ("POST", "/", transaction(deleted("Goal/kept"))),
    "read of the patient": ("GET", "/Patient/anna", None),
    "search for the patient": ("GET", "/Patient?_id=anna", None),
    "update of the patient": ("PUT", "/Patient/anna", patient("anna")),
    "everything": ("GET", "/Patient/anna/$everything", None),
}
endpoints = pytest.mark.parametrize("name", ENDPOINTS)


@pytest.fixture
async def kept(anna: Caller) -> Resource:
    return await anna.keep(goal(id="kept"))


def facts(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that a caller can see of an answer but its request id."""
    return (
        answer.status_code,
        answer.content,
        sorted(each for each in answer.headers.items() if each[0] != "x-request-id"),
    )


@endpoints
async def test_the_right_caller_is_served(anna: Caller, kept: Resource, name: str) -> None:
    method, address, body = ENDPOINTS[name]
    answer = await anna.send(method, address, body)
    assert answer.status_code in (200, 201, 204), answer.text


@endpoints
@pytest.mark.parametrize("token", ["", "nonsense"])
async def test_nobody_is_turned_away(service: Service, anna: Caller, kept: Resource, token: str, name: str) -> None:
    method, address, body = ENDPOINTS[name]
    answer = await service.caller(token).send(method, address, body)
    assert answer.status_code == 401
    assert decode((await anna.get("/Goal/kept")).content) == kept
    assert await anna.found("/Goal") == ["kept"]


@endpoints
async def test_the_wrong_scope_is_forbidden(service: Service, anna: Caller, kept: Resource, name: str) -> None:
    method, address, body = ENDPOINTS[name]
    answer = await service.caller("anna-observations").send(method, address, body)
    assert answer.status_code == 403
    assert decode((await anna.get("/Goal/kept")).content) == kept
    assert await anna.found("/Goal") == ["kept"]


@endpoints
async def test_reading_scopes_do_not_write(service: Service, anna: Caller, kept: Resource, name: str) -> None:
    method, address, body = ENDPOINTS[name]
    answer = await service.caller("anna-reader").send(method, address, body)
    assert (answer.status_code == 403) == (method not in ("GET", "HEAD"))
    assert decode((await anna.get("/Goal/kept")).content) == kept
    assert await anna.found("/Goal") == ["kept"]


@endpoints
async def test_another_patients_resource_answers_as_an_absent_one(
    bram: Caller, anna: Caller, kept: Resource, name: str
) -> None:
    method, address, body = ENDPOINTS[name]

    def absent(text: str) -> str:
        return text.replace("kept", "kep0").replace("anna", "ann0")

    nowhere = (
        None if body is None else decode(absent(httpx.Request("POST", "http://x", json=body).content.decode()).encode())
    )
    answer = await bram.send(method, address, body)
    status, content, headers = facts(await bram.send(method, absent(address), nowhere))
    assert (status, content, headers) == (
        answer.status_code,
        absent(answer.text).encode(),
        [(name, absent(value)) for name, value in facts(answer)[2]],
    )
    assert decode((await anna.get("/Goal/kept")).content) == kept
    assert await anna.found("/Goal") == ["kept"]


async def test_a_stranger_whose_id_is_a_key_answers_as_nobody(
    service: Service, operator: Caller, anna: Caller, practice: Caller
) -> None:
    stranger = (await operator.create(patient()))["id"]
    theirs = (await operator.create(goal(f"Patient/{stranger}")))["id"]
    await operator.keep(goal(f"Patient/{stranger}", id="named"))
    nobody = f"{stranger[:-1]}{'0' if stranger[-1] != '0' else '1'}"
    for caller in (anna, practice):
        for method, address, body in (
            ("GET", "/Patient/PERSON", None),
            ("GET", "/Patient/PERSON/_history", None),
            ("GET", "/Patient/PERSON/$everything", None),
            ("GET", "/Patient/PERSON/Goal", None),
            ("GET", "/Patient/PERSON/Goal/named", None),
            ("GET", "/Goal?patient=PERSON", None),
            ("GET", f"/Goal/{theirs}", None),
            ("GET", "/Goal/named", None),
            ("GET", f"/Goal?_id={theirs},named", None),
            ("POST", "/Goal", goal("Patient/PERSON")),
            ("PUT", "/Goal/named", goal("Patient/PERSON", id="named")),
            ("PUT", f"/Goal/{theirs}", goal(id=theirs)),
            ("DELETE", f"/Goal/{theirs}", None),
            ("DELETE", "/Goal/named", None),
            ("POST", "/", transaction(posted(goal("Patient/PERSON")))),
            ("POST", "/", transaction(put(patient("PERSON")))),
        ):
            answers = []
            for person in (stranger, nobody):
                sent = (
                    None
                    if body is None
                    else decode(
                        encode(body).replace(b"PERSON", person.encode()).replace(stranger.encode(), person.encode())
                    )
                )
                where = address.replace("PERSON", person).replace(stranger, person)
                answer = await caller.send(method, where, sent)
                status, content, _ = facts(answer)
                answers.append((status, content.replace(person.encode(), b"PERSON")))
            assert answers[0] == answers[1], (method, address)
    assert sorted(await operator.found(f"/Goal?patient={stranger}")) == sorted([theirs, "named"])


async def test_a_name_that_another_uses_is_free(bram: Caller, anna: Caller, kept: Resource) -> None:
    for method, address, body in (
        ("PUT", "/Goal/kept", goal("Patient/bram", id="kept")),
        ("POST", "/", transaction(put(goal("Patient/bram", id="kept")))),
        ("DELETE", "/Goal/kept", None),
    ):
        assert (await bram.send(method, address, body)).status_code in (200, 201, 204)
    assert decode((await anna.get("/Goal/kept")).content) == kept


async def test_labels_hide_what_they_do_not_cover(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="plan"))
    await anna.keep(observation(id="weight"))
    await anna.keep(observation(id="blood", category=[LABORATORY]))
    await anna.keep(observation(id="other", category=None))
    restricted = service.caller("anna-measurements")
    assert (await restricted.get("/Observation/weight")).status_code == 200
    for address in ("/Goal/plan", "/Observation/blood", "/Observation/other"):
        for ending in ("", "/_history", "/_history/1"):
            hidden = await restricted.get(address + ending)
            absent = await restricted.get(address[:-1] + "0" + ending)
            assert hidden.status_code == absent.status_code == 404
            assert hidden.text.replace(address[1:], "x") == absent.text.replace(address[1:-1] + "0", "x")
    assert await restricted.found("/Observation") == ["weight"]
    assert await restricted.found("/Observation?category=laboratory") == []
    assert await restricted.found("/Observation?_id=blood,weight") == ["weight"]
    assert await restricted.found("/Observation?code:not=x&_sort=_lastUpdated") == ["weight"]
    assert await restricted.found("/Goal") == []


async def test_labels_are_looked_at_before_the_page_is_cut(service: Service, anna: Caller) -> None:
    for number in range(6):
        await anna.keep(observation(id=f"blood-{number}", category=[LABORATORY], effectiveDateTime="2026-11-01"))
        await anna.keep(observation(id=f"weight-{number}", effectiveDateTime="2026-10-01"))
    pages = await service.caller("anna-measurements").pages("/Observation?_count=2")
    assert [len(ids(page)) for page in pages] == [2, 2, 2]
    assert {id.partition("-")[0] for page in pages for id in ids(page)} == {"weight"}


async def test_labels_hold_for_writes_before_and_after(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="plan"))
    await anna.keep(observation(id="weight"))
    blood = await anna.keep(observation(id="blood", category=[LABORATORY]))
    restricted = service.caller("anna-measurements")
    assert (await restricted.post("/Observation", observation())).status_code == 201
    assert (await restricted.put("/Observation/weight", observation(id="weight", status="amended"))).status_code == 200
    for method, address, body, status in (
        ("POST", "/Goal", goal(), 403),
        ("POST", "/Observation", observation(category=[LABORATORY]), 403),
        ("PUT", "/Observation/weight", observation(id="weight", category=[LABORATORY]), 403),
        ("PUT", "/Observation/blood", observation(id="blood"), 404),
        ("DELETE", "/Observation/blood", None, 404),
        ("DELETE", "/Goal/plan", None, 404),
        ("POST", "/", transaction(posted(observation()), put(observation(id="blood"))), 404),
    ):
        assert (await restricted.send(method, address, body)).status_code == status, (method, address)
    assert decode((await anna.get("/Observation/blood")).content) == blood
    assert await anna.found("/Goal") == ["plan"]


async def test_a_write_to_what_labels_hide_answers_as_to_what_is_not_there(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="plan"))
    restricted = service.caller("anna-measurements")
    hidden = await restricted.put("/Goal/plan", goal(id="plan"))
    absent = await restricted.put("/Goal/pla0", goal(id="pla0"))
    assert facts(hidden) == facts(absent)
    for hidden, absent in (
        (await restricted.delete("/Goal/plan"), await restricted.delete("/Goal/pla0")),
        (
            await restricted.post("/", transaction(deleted("Goal/plan"))),
            await restricted.post("/", transaction(deleted("Goal/pla0"))),
        ),
    ):
        assert hidden.status_code == absent.status_code == 404
        assert hidden.text.replace("plan", "pla0") == absent.text


async def test_a_version_of_when_it_was_in_another_category_stays_hidden(service: Service, anna: Caller) -> None:
    await anna.keep(observation(id="o", category=[LABORATORY], note=[{"text": "geheim"}]))
    await anna.keep(observation(id="o"))
    restricted = service.caller("anna-measurements")
    assert (await restricted.get("/Observation/o")).status_code == 200
    assert (await restricted.get("/Observation/o/_history/1")).status_code == 404
    assert [
        entry["resource"]["meta"]["versionId"]
        for entry in (await restricted.bundle("/Observation/o/_history"))["entry"]
    ] == ["2"]


async def test_actions_leave_what_they_say(service: Service, anna: Caller, kept: Resource) -> None:
    reader = service.caller("anna-read-actions")
    assert (await reader.get("/Goal/kept")).status_code == 200
    assert await reader.found("/Goal") == ["kept"]
    for method, address, body in (
        ("POST", "/Goal", goal()),
        ("PUT", "/Goal/kept", goal(id="kept")),
        ("PUT", "/Goal/new", goal(id="new")),
        ("DELETE", "/Goal/kept", None),
        ("POST", "/", transaction(posted(goal()))),
        ("POST", "/", transaction(deleted("Goal/kept"))),
    ):
        answer = await reader.send(method, address, body)
        assert answer.status_code == 403, (method, address)
        assert codes(answer) == ["forbidden"]
    assert decode((await anna.get("/Goal/kept")).content) == kept


async def test_who_may_only_add_sees_nothing(service: Service, anna: Caller, kept: Resource) -> None:
    adder = service.caller("anna-create-actions")
    assert (await adder.post("/Goal", goal())).status_code == 201
    for address in ("/Goal/kept", "/Goal/kept/_history", "/Goal/kept/_history/1"):
        assert (await adder.get(address)).status_code == 404
    assert await adder.found("/Goal") == []
    for id in ("kept", "new"):
        assert (await adder.put(f"/Goal/{id}", goal(id=id))).status_code == 403
    made = await adder.post("/Observation", observation(), {"If-None-Exist": f"code={LOINC}|29463-7"})
    again = await adder.post("/Observation", observation(), {"If-None-Exist": f"code={LOINC}|29463-7"})
    assert (made.status_code, again.status_code) == (201, 201)

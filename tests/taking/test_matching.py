"""What a source gives again is known by its own names; two sources never touch each other's. MODEL 3."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256

import pytest

from app.errors import Forbidden
from app.fhir.resource import Resource, decode, encode
from tests import builders
from tests.integrity import problems as broken
from tests.rights.people import erasures, visit
from tests.server.service import BASE, Caller, Service
from tests.taking.conftest import system_of
from tests.taking.deliveries import (
    HIS,
    collection,
    delivered,
    diabetes,
    document,
    given,
    named,
    place,
    problems,
    read,
    said,
    statuses,
)


def as_batch(resource: Resource, resource_id: str) -> Resource:
    return builders.batch(
        builders.posted({**resource, "id": resource_id}, f"{HIS}/{resource['resourceType']}/{resource_id}")
    )


def as_transaction(resource: Resource, resource_id: str) -> Resource:
    entry = builders.posted({**resource, "id": resource_id}, f"{HIS}/{resource['resourceType']}/{resource_id}")
    return builders.transaction(entry)


def as_put(resource: Resource, resource_id: str) -> Resource:
    return builders.transaction(builders.put({**resource, "id": resource_id}))


def as_batch_put(resource: Resource, resource_id: str) -> Resource:
    return builders.batch(builders.put({**resource, "id": resource_id}))


def as_collection(resource: Resource, resource_id: str) -> Resource:
    return collection(given(resource, resource_id))


def as_document(resource: Resource, resource_id: str) -> Resource:
    whole = document(given(resource, resource_id))
    return {**whole, "entry": [*whole["entry"][1:2], *whole["entry"][:1]][::-1]}


WAYS = {
    "batch": as_batch,
    "batch put": as_batch_put,
    "transaction": as_transaction,
    "put": as_put,
    "collection": as_collection,
    "document": as_document,
}


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_given_again_by_the_sources_id_is_updated(
    service: Service, gp: Caller, anna: Caller, way: str
) -> None:
    first = (await delivered(gp, WAYS[way](diabetes(), "1")))[-1]
    assert statuses([first]) == [201]
    same = (await delivered(gp, WAYS[way](diabetes(), "1")))[-1]
    assert statuses([same]) == [200]
    assert same["location"] == first["location"], "nothing changed, so there is no new version"
    noted = diabetes(note=[{"text": "Bekend"}])
    changed = (await delivered(gp, WAYS[way](noted, "1")))[-1]
    assert (statuses([changed]), place(changed)) == ([200], place(first))
    stored = await read(anna, place(first))
    assert (stored["meta"]["versionId"], stored["note"]) == ("2", [{"text": "Bekend"}])
    assert len(await anna.found("/Condition")) == 1
    assert await broken(service.database, service.server) == []


@pytest.mark.parametrize("again", WAYS)
@pytest.mark.parametrize("way", ["batch", "put", "collection"])
async def test_it_does_not_matter_in_what_it_comes(gp: Caller, anna: Caller, way: str, again: str) -> None:
    first = (await delivered(gp, WAYS[way](diabetes(), "1")))[-1]
    changed = (await delivered(gp, WAYS[again](diabetes(note=[{"text": "x"}]), "1")))[-1]
    assert place(changed) == place(first)
    assert len(await anna.found("/Condition")) == 1


async def test_without_an_id_it_is_known_by_an_identifier_with_a_system(gp: Caller, anna: Caller) -> None:
    (first,) = await delivered(gp, collection(given(diabetes(identifier=named("a")))))
    (again,) = await delivered(gp, collection(given(diabetes(identifier=named("a"), note=[{"text": "x"}]))))
    (other,) = await delivered(gp, collection(given(diabetes(identifier=named("b")))))
    (bare,) = await delivered(gp, collection(given(diabetes(identifier=[{"value": "a"}]))))
    assert place(again) == place(first)
    assert statuses([other, bare]) == [201, 201]
    assert len(await anna.found("/Condition")) == 3


async def test_the_sources_id_counts_before_an_identifier(gp: Caller) -> None:
    one, two = await delivered(
        gp, collection(given(diabetes(identifier=named("a")), "1"), given(diabetes(identifier=named("b")), "2"))
    )
    (again,) = await delivered(gp, collection(given(diabetes(identifier=named("b")), "1")))
    assert place(again) == place(one) != place(two)


def results(*names: str | None) -> list[Resource]:
    """Of one order, whose number all of them have."""
    counts = (builders.counted(identifier=named("order"), valueQuantity={"value": each}) for each in range(len(names)))
    return [given(resource, name) for resource, name in zip(counts, names, strict=True)]


def batched(entries: list[Resource]) -> Resource:
    return builders.batch(*(builders.posted(each["resource"], each.get("fullUrl")) for each in entries))


@pytest.mark.parametrize("make", [lambda entries: collection(*entries), batched], ids=["collection", "batch"])
async def test_what_shares_an_identifier_is_told_apart_by_its_ids(
    gp: Caller, anna: Caller, make: Callable[[list[Resource]], Resource]
) -> None:
    first = await delivered(gp, make(results("1", "2")))
    again = await delivered(gp, make(results("1", "2")))
    assert statuses([*first, *again]) == [201, 201, 200, 200]
    assert [place(each) for each in again] == [place(each) for each in first]
    (later,) = await delivered(gp, make(results("3")))
    assert place(later) not in {place(each) for each in first}
    assert len(await anna.found("/Observation")) == 3


@pytest.mark.parametrize("names", [(None, None), ("1", None), (None, "1")])
async def test_what_cannot_be_told_apart_is_refused_at_once(
    gp: Caller, anna: Caller, names: tuple[str | None, str | None]
) -> None:
    answer = await gp.post("/", collection(*results(*names)))
    assert answer.status_code == 400
    assert problems(answer) == [("duplicate", "Bundle.entry[1].resource")]
    assert await anna.found("/Observation") == []
    responses = await delivered(gp, batched(results(*names)))
    assert statuses(responses) == [201, 400]
    assert len(await anna.found("/Observation")) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_two_sources_may_both_send_the_same_id(gp: Caller, hospital: Caller, anna: Caller, way: str) -> None:
    first = (await delivered(gp, WAYS[way](diabetes(), "1")))[-1]
    second = (await delivered(hospital, WAYS[way](diabetes(note=[{"text": "ziekenhuis"}]), "1")))[-1]
    assert statuses([second]) == [201]
    assert place(second) != place(first)
    assert "note" not in await read(anna, place(first))
    again = (await delivered(hospital, WAYS[way](diabetes(note=[{"text": "later"}]), "1")))[-1]
    assert place(again) == place(second)
    assert (await read(anna, place(first)))["meta"]["versionId"] == "1"


async def test_references_lead_to_where_things_are_stored(gp: Caller, hospital: Caller, anna: Caller) -> None:
    reason = given(diabetes(), "d1")
    careful = builders.observation(focus=[builders.reference("Condition/d1")], derivedFrom=[])
    del careful["derivedFrom"]
    condition, reading = await delivered(gp, collection(reason, given(careful, "o1")))
    assert (await read(anna, place(reading)))["focus"] == [builders.reference(place(condition)[1:])]
    for text in ("Condition/d1", f"{HIS}/Condition/d1"):
        later = builders.observation(focus=[builders.reference(text)], effectiveDateTime="2026-11-05T08:00:00Z")
        (stored,) = await delivered(gp, collection(given(later, f"o{len(text)}")))
        assert (await read(anna, place(stored)))["focus"] == [builders.reference(place(condition)[1:])]
    elsewhere = builders.observation(focus=[builders.reference(f"{HIS}/Condition/d1")])
    (stored,) = await delivered(hospital, collection(given(elsewhere, "o1")))
    assert (await read(anna, place(stored)))["focus"] == [builders.reference(f"{HIS}/Condition/d1")]


async def test_entered_in_error_is_an_ordinary_update(gp: Caller, anna: Caller) -> None:
    (first,) = await delivered(gp, collection(given(builders.observation(), "1")))
    (wrong,) = await delivered(gp, collection(given(builders.observation(status="entered-in-error"), "1")))
    assert place(wrong) == place(first)
    assert (await read(anna, place(first)))["status"] == "entered-in-error"


async def test_two_deliveries_at_once_make_one_resource(service: Service, gp: Caller, anna: Caller) -> None:
    sent = [collection(given(diabetes(note=[{"text": str(each)}]), "1")) for each in range(6)]
    answers = await asyncio.gather(*(gp.post("/", each) for each in sent))
    assert [each.status_code for each in answers] == [200] * 6
    assert len(await anna.found("/Condition")) == 1
    assert await broken(service.database, service.server) == []


async def test_what_comes_in_in_stu3_is_made_anew_when_another_was_faster(
    service: Service, gp: Caller, anna: Caller
) -> None:
    subject = builders.reference("Patient/anna")
    reason = {"resourceType": "Condition", "clinicalStatus": "active", "code": {"text": "Jicht"}, "subject": subject}
    done = {
        "resourceType": "Procedure",
        "status": "completed",
        "subject": subject,
        "reasonReference": [builders.reference("Condition/d1")],
    }
    sent = [collection(given(reason, "d1"), given({**done, "note": [{"text": str(each)}]}, "p1")) for each in range(6)]
    answers = await asyncio.gather(*(gp.post(f"{BASE}/stu3", each) for each in sent))
    assert [each.status_code for each in answers] == [200] * 6
    (condition,), (procedure,) = await anna.found("/Condition"), await anna.found("/Procedure")
    assert (await read(anna, f"/Procedure/{procedure}"))["reasonReference"] == [
        builders.reference(f"Condition/{condition}")
    ]
    assert await broken(service.database, service.server) == []


async def test_two_systems_at_once_make_each_their_own(gp: Caller, hospital: Caller, anna: Caller) -> None:
    sent = collection(given(diabetes(), "1"), given(builders.goal(), "1"))
    answers = await asyncio.gather(*(each.post("/", sent) for each in (gp, hospital) * 3))
    assert [each.status_code for each in answers] == [200] * 6
    assert len(await anna.found("/Condition")) == 2
    assert len(await anna.found("/Goal")) == 2


async def test_a_delivery_is_all_or_nothing(gp: Caller, anna: Caller) -> None:
    answer = await gp.post("/", document(given(diabetes(), "1"), given(diabetes(clinicalStatus="wrong"), "2")))
    assert answer.status_code == 422
    assert problems(answer)[0][1].startswith("Bundle.entry[2].resource")
    assert await anna.found("/Condition") == []
    assert await anna.found("/Composition") == []
    assert await anna.found("/Provenance") == []


async def test_a_fault_half_way_leaves_nothing(
    service: Service, gp: Caller, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(*_: object) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr("app.server.interactions.taking.delivery.Delivery.stored", broken_off)
        answer = await gp.post("/", document(given(diabetes(), "1")))
    assert answer.status_code == 500
    assert await anna.found("/Condition") == []
    assert statuses(await delivered(gp, document(given(diabetes(), "1")))) == [201, 201]
    assert await broken(service.database, service.server) == []


@pytest.mark.parametrize("kind", ["document", "collection", "searchset"])
async def test_people_and_apps_are_told_how(anna: Caller, kind: str) -> None:
    answer = await anna.post("/", {**collection(given(diabetes(), "1")), "type": kind})
    assert answer.status_code == 422
    assert "transaction" in decode(answer.content)["issue"][0]["diagnostics"]


async def test_one_provenance_says_who_gave_what_and_as_which_bytes(gp: Caller, anna: Caller) -> None:
    sent = encode(collection(given(diabetes(), "1"), given(builders.goal(), "2")))
    responses = await delivered(gp, decode(sent))
    (account,) = [each["resource"] for each in (await anna.bundle("/Provenance"))["entry"]]
    assert [each["reference"] for each in account["target"]] == [
        each["location"].removeprefix(f"{BASE}/") for each in responses
    ]
    digest = account["entity"][0]["what"]["identifier"]
    assert digest == {"system": "urn:oid:2.16.840.1.101.3.4.2.1", "value": sha256(sent).hexdigest()}
    assert account["agent"][0]["who"]["display"] == "Huisartsenpraktijk De Proef", "as the catalogue names it"
    assert account["agent"][0]["who"]["reference"] == "Organization/practice"
    await delivered(gp, decode(sent))
    assert len(await anna.found("/Provenance")) == 1, "a delivery that changes nothing writes nothing"


async def test_a_batch_has_one_provenance_too(gp: Caller, anna: Caller) -> None:
    entries = [builders.posted({**diabetes(), "id": str(each)}, f"{HIS}/Condition/{each}") for each in range(3)]
    assert statuses(await delivered(gp, builders.batch(*entries))) == [201] * 3
    (account,) = [each["resource"] for each in (await anna.bundle("/Provenance"))["entry"]]
    assert len(account["target"]) == 3


async def test_a_system_leaves_out_what_it_gave_itself(gp: Caller, hospital: Caller) -> None:
    await delivered(gp, collection(given(diabetes(), "1")))
    (theirs,) = await delivered(hospital, collection(given(diabetes(), "1")))
    found = await gp.found(f"/Condition?_source:not={BASE}/Organization/practice")
    assert found == [place(theirs).rpartition("/")[2]]
    assert len(await gp.found("/Condition")) == 2


async def test_what_was_erased_does_not_come_back(service: Service, gp: Caller, anna: Caller) -> None:
    first, kept = await delivered(gp, collection(given(diabetes(), "1"), given(builders.goal(), "2")))
    erased = await visit(service, "anna")
    kind, _, name = place(first)[1:].partition("/")
    await erasures(service).one(erased.access, kind, name, now=service.server.clock(), request="r")
    again, other = await delivered(
        gp, collection(given(diabetes(), "1"), given(builders.goal(note=[{"text": "x"}]), "2"))
    )
    assert any("removed at the person's request" in each for each in said(again))
    assert place(other) == place(kept)
    assert await anna.found("/Condition") == []


async def test_a_foreign_plan_lands_beside_the_persons_own(gp: Caller, anna: Caller) -> None:
    started = await anna.post(
        "/Patient/anna/$start",
        {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Weer fietsen"}]},
    )
    assert started.status_code in (200, 201), started.text
    own = await anna.found("/CarePlan")
    (theirs,) = await delivered(gp, collection(given(builders.care_plan(), "1")))
    assert len(await anna.found("/CarePlan")) == len(own) + 1
    forged = await gp.post("/", builders.transaction(builders.put({**builders.care_plan(), "id": own[0]})))
    assert forged.status_code in (400, 403, 412, 422)
    assert place(theirs).rpartition("/")[2] not in own


async def test_scopes_and_permits_hold(service: Service, anna: Caller) -> None:
    narrow = await system_of(service, "practice", "anna", scopes="system/Goal.c")
    answer = await narrow.post("/", collection(given(diabetes(), "1")))
    assert answer.status_code == 403
    stranger = await system_of(service, "other", "bram")
    answer = await stranger.post("/", collection(given(diabetes(), "1")))
    assert answer.status_code == 422
    assert "anna" not in answer.text.replace("Patient/anna", "")
    assert await anna.found("/Condition") == []


@pytest.mark.parametrize("fault", [Forbidden("Gone."), OSError("the disk is gone")])
async def test_that_a_batch_could_not_be_accounted_for_is_told(
    gp: Caller, anna: Caller, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def broken_off(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("app.server.interactions.taking.batches.execute", broken_off)
    bad = builders.posted(diabetes(clinicalStatus="x"))
    sent = builders.batch(builders.posted(diabetes()), bad, builders.posted(builders.goal()))
    one, wrong, two = await delivered(gp, sent)
    assert statuses([one, wrong, two]) == [201, 422, 201]
    for each in (one, two):
        assert any("no Provenance says" in text for text in said(each))
    assert not any("no Provenance says" in text for text in said(wrong))
    assert len(await anna.found("/Condition")) == 1

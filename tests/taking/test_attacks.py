"""Deliveries that mean no good, or are made without care: nothing of others is changed, and nothing falls over."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode, encode
from app.server.intake import quarantine
from tests import builders
from tests.integrity import problems as broken
from tests.rights.people import erasures, visit
from tests.server.grants import token_with
from tests.server.service import Caller, Service
from tests.taking.conftest import system_of
from tests.taking.deliveries import HIS, collection, delivered, diabetes, given, named, place, read, said, statuses
from tests.taking.test_absence import SINCE, TAG, marked


async def put_by(caller: Caller, note: str, how: str = "transaction") -> list[Resource]:
    make = builders.transaction if how == "transaction" else builders.batch
    return await delivered(caller, make(builders.put({**diabetes(note=[{"text": note}]), "id": "1"})))


@pytest.mark.parametrize("how", ["transaction", "batch"])
async def test_two_systems_at_once_put_the_same_id(
    service: Service, gp: Caller, hospital: Caller, anna: Caller, how: str
) -> None:
    answers = await asyncio.gather(*(put_by(each, name, how) for each, name in ((gp, "a"), (hospital, "b")) * 4))
    assert {status for each in answers for status in statuses(each)} <= {200, 201}
    places = [place(each[0]) for each in answers]
    assert len(set(places[::2])) == len(set(places[1::2])) == 1
    assert places[0] != places[1]
    assert (await read(anna, places[0]))["note"] == [{"text": "a"}]
    assert (await read(anna, places[1]))["note"] == [{"text": "b"}]
    assert await broken(service.database, service.server) == []


@pytest.mark.parametrize("how", ["transaction", "batch"])
async def test_what_the_person_gave_is_not_changed_by_a_source_that_has_the_same_id(
    gp: Caller, anna: Caller, how: str
) -> None:
    own = await anna.keep({**diabetes(note=[{"text": "van mij"}]), "id": "1"})
    (theirs,) = await put_by(gp, "van de praktijk", how)
    assert statuses([theirs]) == [201]
    assert await read(anna, "/Condition/1") == own
    (again,) = await put_by(gp, "later", how)
    assert place(again) == place(theirs) != "/Condition/1"


@pytest.mark.parametrize("how", ["transaction", "batch"])
async def test_the_id_of_a_direct_write_of_the_same_source_is_its_own(gp: Caller, how: str) -> None:
    await gp.keep({**diabetes(), "id": "1"})
    (again,) = await put_by(gp, "x", how)
    assert (statuses([again]), place(again)) == ([200], "/Condition/1")


@pytest.mark.parametrize("length", [300, 3000, 100_000])
@pytest.mark.parametrize("kind", ["collection", "batch"])
async def test_a_long_identifier_is_taken(gp: Caller, anna: Caller, kind: str, length: int) -> None:
    value = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))
    resource = diabetes(identifier=named(value))
    sent = collection({"resource": resource}) if kind == "collection" else builders.batch(builders.posted(resource))
    (first,) = await delivered(gp, sent)
    (again,) = await delivered(gp, sent)
    assert (statuses([first, again]), place(first)) == ([201, 200], place(again))


@pytest.mark.parametrize(
    "answers", ["Condition?code=" + "abcdefgh" * 5000, "Condition?code=%00", "Cond%00ition", "Condition?_type=%ff%fe"]
)
async def test_a_strange_self_link_is_taken(gp: Caller, answers: str) -> None:
    (first,) = await delivered(gp, collection(given(diabetes(), "1"), answers=answers))
    (again,) = await delivered(gp, collection(given(diabetes(), "1"), answers=answers))
    assert statuses([first, again]) == [201, 200]


async def test_a_type_that_cannot_be_stored_as_text_is_refused_or_kept(service: Service, gp: Caller) -> None:
    for kind in ("a\u0000b", "x" * 100_000, "\ud800"):
        entry = {"resource": {"resourceType": "KIND"}, "request": {"method": "POST", "url": "Condition"}}
        body = encode(builders.batch(entry, builders.posted(builders.goal())))
        body = body.replace(b'"KIND"', json.dumps(kind).encode())
        answer = await gp.post("/", body)
        assert answer.status_code in (200, 400), answer.text[:300]


@pytest.mark.parametrize("url", ["Condition\u0000", "x" * 100_000, 5, None, {"a": 1}])
@pytest.mark.parametrize("member", ["url", "method", "fullUrl"])
async def test_strange_entries_are_refused_in_their_place(gp: Caller, url: Any, member: str) -> None:
    entry: Any = {"resource": diabetes(clinicalStatus="x"), "request": {"method": "POST", "url": "Condition"}}
    if member == "fullUrl":
        entry[member] = url
    else:
        entry["request"][member] = url
    body = json.dumps(builders.batch(entry, builders.posted(builders.goal()))).encode()
    answer = await gp.post("/", body)
    assert answer.status_code in (200, 400), answer.text[:300]
    if answer.status_code == 200:
        assert statuses([each["response"] for each in decode(answer.content)["entry"]])[1] == 201


@pytest.mark.parametrize("reference", [rb"Patient\/bram", rb"\u0050atient/bram", rb"Patient/br\u0061m"])
async def test_a_name_written_otherwise_is_still_somebody_else(
    service: Service, group: Caller, reference: bytes
) -> None:
    body = encode(builders.batch(builders.posted(diabetes("Patient/REF", clinicalStatus="x"))))
    body = body.replace(b"Patient/REF", reference)
    answer = await group.post("/", body, {"x-security-context": "Patient/anna"})
    assert answer.status_code == 200
    assert await quarantine.listed(service.database, await service.key_of("anna")) == []
    assert len(await quarantine.listed(service.database, await service.key_of("bram"))) == 1


async def test_tags_and_extensions_of_ours_in_a_delivery_do_not_count(gp: Caller, anna: Caller) -> None:
    meta = {
        "tag": [TAG, {"system": TAG["system"], "code": "to-confirm"}, {"system": "http://x.example", "code": "y"}],
        "extension": [{"url": SINCE, "valueDateTime": "2020-01-01"}],
    }
    for number, sent in enumerate(
        (
            collection(given(diabetes(meta=meta), "1")),
            builders.batch(builders.posted(diabetes(meta=meta), f"{HIS}/Condition/2")),
            builders.transaction(builders.put({**diabetes(meta=meta), "id": "3"})),
        )
    ):
        (one,) = await delivered(gp, sent)
        stored = await read(anna, place(one))
        assert stored["meta"]["tag"] == [{"system": "http://x.example", "code": "y"}], number
        assert "extension" not in stored["meta"], number
    own = await anna.create(diabetes(meta=meta))
    assert "extension" not in own["meta"]


FIRST: Final = (given(diabetes(), "1"), given(builders.observation(), "2"))
ASKED: Final = "Condition?_include=Condition:evidence-detail"
NOTHING: Final = collection({"resource": {"resourceType": "Patient"}}, answers=ASKED)


async def less(service: Service, scopes: str) -> Caller:
    """The GP's system with a token for less, under the permit that it has."""
    return await token_with(
        service,
        scopes,
        "anna",
        patients=[],
        recipient="organization:practice",
        kind="system",
        role="organization",
        organization="practice",
        fhir_user="Organization/practice",
    )


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ("system/Condition.cruds system/Patient.crs", [True, False]),
        ("system/Observation.cruds system/Patient.crs", [False, True]),
        ("system/Condition.cs?clinical-status=inactive system/Observation.cs system/Patient.crs", [False, True]),
        ("system/*.cruds", [True, True]),
    ],
)
async def test_absence_says_nothing_of_what_the_token_could_not_give(
    service: Service, gp: Caller, anna: Caller, scopes: str, expected: list[bool]
) -> None:
    first = await delivered(gp, collection(*FIRST, answers=ASKED))
    await delivered(await less(service, scopes), NOTHING)
    assert await marked(anna, first) == expected
    await delivered(gp, NOTHING)
    assert await marked(anna, first) == [True, True]


async def test_absence_says_nothing_of_what_consent_leaves_out(service: Service, gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*FIRST, answers=ASKED))
    labels = service.server.labels.bits(("identity", "measurements"))
    async with service.database.write() as writer:
        await writer.execute("UPDATE permit SET labels = $1 WHERE recipient = 'organization:practice'", labels)
    await delivered(await less(service, "system/*.cruds"), NOTHING)
    assert await marked(anna, first) == [False, True]


SENT: Final[dict[str, Any]] = {
    "collection": collection,
    "transaction": lambda *ones: builders.transaction(*(builders.posted(each["resource"]) for each in ones)),
    "batch": lambda *ones: builders.batch(*(builders.posted(each["resource"]) for each in ones)),
}


@pytest.mark.parametrize("how", SENT)
@pytest.mark.parametrize("count", [1, 30])
async def test_what_was_erased_and_is_known_by_an_identifier_is_left_out_and_the_rest_stored(
    service: Service, gp: Caller, anna: Caller, how: str, count: int
) -> None:
    hospital = await system_of(service, "hospital", "anna")
    gone = [given(diabetes(identifier=named(f"gone-{each}"))) for each in range(count)]
    stored = await delivered(gp, SENT[how](*gone))
    person = await visit(service, "anna")
    for each in stored:
        kind, _, name = place(each)[1:].partition("/")
        await erasures(service).one(person.access, kind, name, now=service.server.clock(), request="r")
    for caller in (gp, hospital):
        *again, new = await delivered(caller, SENT[how](*gone, given(builders.goal())))
        assert statuses([*again, new]) == [*[200] * count, 201]
        for each in again:
            assert said(each) == ["This was removed at the person's request, and is not taken in again."]
            assert "location" not in each
    assert await anna.found("/Condition") == []
    assert await broken(service.database, service.server) == []


@pytest.mark.parametrize("how", ["transaction", "batch"])
async def test_what_was_erased_and_is_known_by_its_id_alone_is_left_out(
    service: Service, gp: Caller, anna: Caller, how: str
) -> None:
    await gp.keep({**diabetes(), "id": "1"})
    person = await visit(service, "anna")
    await erasures(service).one(person.access, "Condition", "1", now=service.server.clock(), request="r")
    (again,) = await put_by(gp, "x", how)
    assert said(again)[-1].startswith("This was removed")
    assert await anna.found("/Condition") == []

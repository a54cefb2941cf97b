"""A-82: a copy holds everything of the person and nothing of anybody else, and is fetched by a link that counts once,
for a while, in one session.
"""

from __future__ import annotations

import json
import re
import zipfile
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import pytest

from app.auth.accounts.tables import INSERT_MANDATE
from app.auth.consents.service import give
from app.auth.grants import RAISE_STAMP, NewGrant, write_grant
from app.auth.oauth import families
from app.auth.recipients import organization, person
from app.auth.rights import contents, exports
from app.auth.rights.exports import KEPT, LINK_SECONDS, MOST_A_DAY, Export, archive_seal
from app.auth.rights.worker import DEAD, ExportWorker
from app.errors import Conflict, Forbidden, Gone, NotFound
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import EVERY_ACTION
from app.fhir.xml import from_xml
from app.server.access import FOREVER
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT
from tests.builders import binary, condition, goal, observation, reference
from tests.rights.people import Visit, erasures, visit
from tests.server.service import Caller, Service
from tests.web.login import account


@pytest.fixture(autouse=True)
async def by_hand(service: Service) -> AsyncIterator[None]:
    """Copies are made when a test says so, not in the background."""
    parts = service.application.parts
    assert parts is not None
    await parts.rights.worker.stop()
    yield
    parts.rights.worker.start()


LOG: Final = "access-log/log.ndjson"
LETTER: Final = b"%PDF-1.7 een brief"
SECOND: Final = 1_000_000


async def made(service: Service, found: Visit) -> Export:
    """A copy that was asked for and made."""
    asked = await exports.ask(service.database, found.access, now=service.server.clock())
    assert await ExportWorker(service.server).run() == 1
    ready = next(each for each in await exports.listed(service.database, found.access) if each.id == asked.id)
    assert ready.state == "ready"
    return ready


def record_of(found: Visit) -> int:
    """Whose copy it is."""
    assert found.access.patient is not None
    return found.access.patient


async def fetched(service: Service, found: Visit, export: Export) -> bytes:
    now = service.server.clock()
    secret = await exports.link(service.database, found.session, found.access, export.id, now=now)
    return await taken(service, found, secret)


async def taken(service: Service, found: Visit, secret: str, *, later: int = 0) -> bytes:
    seal, now = archive_seal(service.server.page_key), service.server.clock() + later
    download = await exports.fetch(service.database, seal, found.session, found.access, secret, now=now)
    return b"".join([piece async for piece in download.pieces])


def opened(archive: bytes) -> zipfile.ZipFile:
    found = zipfile.ZipFile(BytesIO(archive))
    assert found.testzip() is None
    return found


def lines(archive: zipfile.ZipFile, name: str) -> list[Any]:
    return [decode(line) for line in archive.read(name).splitlines()]


async def fill(anna: Caller, practice: Caller) -> None:
    kept = await anna.create(condition())
    await anna.keep({**kept, "recordedDate": "2020-01-01"})
    await anna.create(goal(addresses=[reference(f"Condition/{kept['id']}")]))
    gone = await anna.create(observation())
    await anna.delete(f"/Observation/{gone['id']}")
    await practice.create(observation(performer=[reference("Organization/practice")]))
    await anna.create(binary(contentType="application/pdf", data=b64encode(LETTER).decode()))
    document = {
        "resourceType": "DocumentReference", "status": "current", "subject": reference("Patient/anna"),
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": b64encode(b"kort").decode()}}],
    }  # fmt: skip
    await anna.create(document)


async def test_a82_it_is_complete(service: Service, anna: Caller, practice: Caller) -> None:
    await fill(anna, practice)
    found = await visit(service, "anna")
    async with service.database.write() as writer:
        await give(
            writer, patient=await service.key_of("anna"), tenant=1, recipient=organization("x"), recipient_name="X",
            purpose="treatment", labels=8, actions=18, since=0, until=FOREVER, given_by=found.session.account,
            method="page", language="nl", text="Ik geef toestemming", text_version="1", now=service.server.clock(),
        )  # fmt: skip
    export = await made(service, found)
    raw = await fetched(service, found, export)
    archive = opened(raw)
    assert len(raw) == export.size
    everything = await anna.pages("/Patient/anna/$everything")
    expected = {
        (each["resource"]["resourceType"], each["resource"]["id"]): each["resource"]
        for page in everything
        for each in page["entry"]
    }
    inside: dict[tuple[str, str], Resource] = {}
    for name in archive.namelist():
        if name.startswith(("ndjson/", "catalogue/")):
            inside.update({(each["resourceType"], each["id"]): each for each in lines(archive, name)})
    assert inside == expected
    assert ("Organization", "practice") in inside
    for (kind, resource_id), resource in expected.items():
        if kind == "Organization":
            continue
        assert decode(archive.read(f"json/{kind}/{resource_id}.json")) == resource
        assert from_xml(archive.read(f"xml/{kind}/{resource_id}.xml"), service.server.definitions) == resource


async def test_a82_every_version_is_in_it(service: Service, anna: Caller, practice: Caller) -> None:
    await fill(anna, practice)
    found = await visit(service, "anna")
    archive = opened(await fetched(service, found, await made(service, found)))
    told = {
        each["reference"]: each
        for name in archive.namelist()
        if name.startswith("history/")
        for each in lines(archive, name)
    }
    entries = [each for page in await anna.pages("/_history") for each in page["entry"]]
    assert len(told) == len(entries)
    for entry in entries:
        version = entry["response"]["etag"][3:-1]
        kind = entry["request"]["url"].partition("/")[0]
        resource_id = entry["fullUrl"].rpartition("/")[2]
        line = told[f"{kind}/{resource_id}/_history/{version}"]
        assert line.get("resource") == entry.get("resource")
        assert line["lastUpdated"] == entry["response"]["lastModified"]


async def test_a82_what_was_just_done_is_in_the_log_of_a_copy(service: Service, anna: Caller) -> None:
    parts = service.application.parts
    assert parts is not None
    found = await visit(service, "anna")
    asked = await exports.ask(service.database, found.access, now=service.server.clock())
    just = await anna.create(observation("Patient/anna"))
    assert await parts.rights.worker.run() == 1
    export = next(each for each in await exports.listed(service.database, found.access) if each.id == asked.id)
    log = lines(opened(await fetched(service, found, export)), LOG)
    assert f"Observation/{just['id']}/_history/1" in log[0]["resources"]


async def test_a82_attachments_are_files(service: Service, anna: Caller, practice: Caller) -> None:
    await fill(anna, practice)
    found = await visit(service, "anna")
    archive = opened(await fetched(service, found, await made(service, found)))
    files = {name.rpartition(".")[2]: archive.read(name) for name in archive.namelist() if name.startswith("attachm")}
    assert files == {"pdf": LETTER, "txt": b"kort"}


async def test_a82_the_rest_is_in_it_and_the_manifest_vouches_for_every_file(
    service: Service, anna: Caller, practice: Caller
) -> None:
    await fill(anna, practice)
    parts = service.application.parts
    assert parts is not None
    await parts.mover.drain()
    found = await visit(service, "anna")
    archive = opened(await fetched(service, found, await made(service, found)))
    manifest = json.loads(archive.read("manifest.json"))
    assert {each["name"] for each in manifest["files"]} == set(archive.namelist()) - {"manifest.json"}
    for each in manifest["files"]:
        assert sha256(archive.read(each["name"])).hexdigest() == each["sha256"]
    assert json.loads(archive.read("account/account.json"))["account"]["email"] == "anna@example.org"
    consents = json.loads(archive.read("permissions/consents.json"))
    stored = await service.database.fetch("SELECT id, text FROM consent WHERE patient = $1", record_of(found))
    assert {(each["id"], each["text"]) for each in consents} == {tuple(row) for row in stored}
    assert {"create", "delete"} <= {each["interaction"] for each in lines(archive, LOG)}
    page = archive.read("index.html").decode()
    assert "Kopie van uw gegevens" in page
    assert "<script" not in page
    assert '<html lang="nl">' in page


async def test_a82_nothing_of_another_person_is_in_it(
    service: Service, anna: Caller, bram: Caller, practice: Caller
) -> None:
    began = instant(service.server.clock())
    await bram.create(condition("Patient/bram", code={"text": "putter"}))
    for each in ("anna", "bram"):
        await practice.create(observation(f"Patient/{each}"))
    assert len(await practice.found("/Observation")) == 2
    parts = service.application.parts
    assert parts is not None
    await parts.mover.drain()
    found = await visit(service, "anna")
    archive = opened(await fetched(service, found, await made(service, found)))
    # The log outlives a reset: before, in tests that ran earlier, Bram may have been in Anna's record by her leave.
    log = [encode(line) for line in lines(archive, LOG) if line["at"] >= began]
    assert len(log) > 1, "that the practice wrote and looked is in it"
    everything = b"".join((*(archive.read(name) for name in archive.namelist() if name != LOG), *log))
    for trace in (b"putter", b"Bram", str(await service.key_of("bram")).encode()):
        assert trace not in everything
    assert re.search(rb"\bbram\b", everything) is None, "nor his id, which may be a part of one that was drawn"


async def test_a82_a_link_counts_once(service: Service) -> None:
    found = await visit(service, "anna")
    export = await made(service, found)
    secret = await exports.link(service.database, found.session, found.access, export.id, now=service.server.clock())
    assert await taken(service, found, secret)
    with pytest.raises(NotFound):
        await taken(service, found, secret)


async def test_a82_a_link_lasts_a_quarter_of_an_hour(service: Service) -> None:
    found = await visit(service, "anna")
    export = await made(service, found)
    secret = await exports.link(service.database, found.session, found.access, export.id, now=service.server.clock())
    with pytest.raises(NotFound):
        await taken(service, found, secret, later=(LINK_SECONDS + 1) * SECOND)


async def test_a82_a_link_is_for_the_session_that_asked(service: Service) -> None:
    found, elsewhere, bram = await visit(service, "anna"), await visit(service, "anna"), await visit(service, "bram")
    export = await made(service, found)
    secret = await exports.link(service.database, found.session, found.access, export.id, now=service.server.clock())
    for other in (elsewhere, bram):
        with pytest.raises(NotFound):
            await taken(service, other, secret)
    assert await taken(service, found, secret), "what others tried does not use it up"


async def test_a82_a_copy_is_its_makers(service: Service) -> None:
    export = await made(service, await visit(service, "anna"))
    bram = await visit(service, "bram")
    with pytest.raises(NotFound):
        await exports.link(service.database, bram.session, bram.access, export.id, now=service.server.clock())
    assert await exports.listed(service.database, bram.access) == []


async def test_a82_only_the_own_session_with_a_fresh_second_factor_asks(service: Service) -> None:
    stale = await visit(service, "anna", fresh=False)
    now = service.server.clock()
    with pytest.raises(Forbidden):
        await exports.ask(service.database, stale.access, now=now)
    found = await visit(service, "anna")
    for other in ({"kind": "app"}, {"role": "carer"}, {"role": "professional"}, {"patient": None}):
        with pytest.raises(Forbidden):
            await exports.ask(service.database, replace(found.access, **other), now=now)


async def test_a82_one_at_a_time_and_so_many_a_day(service: Service) -> None:
    found = await visit(service, "anna")
    now = service.server.clock()
    await exports.ask(service.database, found.access, now=now)
    with pytest.raises(Conflict, match="already"):
        await exports.ask(service.database, found.access, now=now)
    for _ in range(MOST_A_DAY - 1):
        await ExportWorker(service.server).run()
        await exports.ask(service.database, found.access, now=now)
    await ExportWorker(service.server).run()
    with pytest.raises(Conflict, match="tomorrow"):
        await exports.ask(service.database, found.access, now=now)


async def test_a82_after_a_week_it_is_gone(service: Service) -> None:
    found = await visit(service, "anna")
    export = await made(service, found)
    now = service.server.clock()
    assert await exports.end_what_is_over(service.database, now=now + KEPT - SECOND * 3600) == 0
    assert await exports.end_what_is_over(service.database, now=now + KEPT + SECOND) == 1
    assert await service.database.fetch("SELECT 1 FROM export_part") == []
    with pytest.raises(Gone):
        await exports.link(service.database, found.session, found.access, export.id, now=now)


async def test_a82_when_something_is_erased_the_copy_is_gone(service: Service, anna: Caller) -> None:
    kept = await anna.create(condition())
    found = await visit(service, "anna")
    export = await made(service, found)
    now = service.server.clock()
    secret = await exports.link(service.database, found.session, found.access, export.id, now=now)
    await erasures(service).one(found.access, "Condition", kept["id"], now=now, request="r")
    with pytest.raises(Gone):
        await taken(service, found, secret)
    assert await service.database.fetch("SELECT 1 FROM export_part") == []


async def represented(service: Service, labels: int = EVERY_LABEL) -> None:
    """Carla acts for Anna."""
    patient, carla, now = await service.key_of("anna"), await account(service, "carla"), service.server.clock()
    mandate = (patient, "m1", carla.id, "mentor", "active", "beschikking", 0, FOREVER, "beheer", now, 0, "")
    async with service.database.write() as writer:
        await writer.insert(INSERT_MANDATE, [mandate])
        permit = (person(carla.id), patient, "own-use", "m1", labels, int(EVERY_ACTION), 0, FOREVER)
        await writer.insert(INSERT_PERMIT, [permit])
        await writer.execute(RAISE_STAMP, person(carla.id))


async def withdraw(service: Service, labels: int | None = None) -> None:
    carla = person((await account(service, "carla")).id)
    async with service.database.write() as writer:
        if labels is None:
            await writer.execute("DELETE FROM permit WHERE recipient = $1", carla)
        else:
            await writer.execute("UPDATE permit SET labels = $2 WHERE recipient = $1", carla, labels)
        await writer.execute(RAISE_STAMP, carla)


async def test_a82_a_representative_gets_what_they_may_see_and_the_page_says_so(service: Service, anna: Caller) -> None:
    hidden = await anna.create(condition(code={"text": "kanariepiet"}))
    await anna.create(goal())
    await represented(service, service.server.labels.bits(("identity", "care-plan")))
    found = await visit(service, "carla", record="anna")
    archive = opened(await fetched(service, found, await made(service, found)))
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"kanariepiet" not in everything
    assert hidden["id"].encode() not in everything
    assert "ndjson/Goal.ndjson" in archive.namelist()
    assert "account" not in json.loads(archive.read("account/account.json"))
    assert LOG not in archive.namelist()
    assert "mag niet alle soorten gegevens zien" in archive.read("index.html").decode()


async def test_a82_a_copy_goes_with_the_mandate(service: Service) -> None:
    await represented(service)
    found = await visit(service, "carla", record="anna")
    await made(service, found)
    await withdraw(service)
    assert await exports.end_what_is_over(service.database, now=service.server.clock()) == 1
    assert await service.database.fetch("SELECT 1 FROM export_part") == []


async def test_a82_a_copy_that_holds_more_than_may_be_seen_now_is_not_given(service: Service) -> None:
    await represented(service)
    export = await made(service, await visit(service, "carla", record="anna"))
    await withdraw(service, labels=service.server.labels.bits(("identity",)))
    found = await visit(service, "carla", record="anna")
    with pytest.raises(Gone):
        await exports.link(service.database, found.session, found.access, export.id, now=service.server.clock())


async def test_a82_what_lies_in_the_database_is_sealed(service: Service, anna: Caller) -> None:
    await anna.create(condition(code={"text": "kanariepiet"}))
    found = await visit(service, "anna")
    await made(service, found)
    parts = await service.database.fetch("SELECT bytes FROM export_part")
    assert parts
    assert not any(bytes(row[0]).startswith(b"PK") or b"ndjson" in bytes(row[0]) for row in parts)


async def test_a82_a_copy_that_a_dead_process_left_is_taken_over(service: Service, anna: Caller) -> None:
    found = await visit(service, "anna")
    asked = await exports.ask(service.database, found.access, now=service.server.clock())
    # As kill -9 leaves it: claimed, with a piece, and nobody there any more.
    at = service.server.clock()
    await service.database.change("UPDATE export SET state = 'running', worker = 'dood', beat = $1", at)
    await service.database.change(
        "INSERT INTO export_part (patient, id, part, bytes) VALUES ($1, $2, 0, $3)", asked.patient, asked.id, b"half"
    )
    assert await ExportWorker(service.server).run() == 0, "it may still be there"
    await service.database.change("UPDATE export SET beat = $1", at - DEAD - SECOND)
    assert await ExportWorker(service.server).run() == 1
    ready = (await exports.listed(service.database, found.access))[0]
    assert opened(await fetched(service, found, ready)).read("index.html")


async def test_a82_who_lost_the_claim_stores_nothing_more(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await visit(service, "anna")
    asked = await exports.ask(service.database, found.access, now=service.server.clock())
    worker = ExportWorker(service.server)
    stolen = False

    async def log(*_: Any, **__: Any) -> None:
        nonlocal stolen
        stolen = True
        await service.database.change("UPDATE export SET worker = 'een ander' WHERE id = $1", asked.id)

    monkeypatch.setattr("app.auth.rights.copying.Copying._catalogue", log)
    assert await worker.run() == 0
    assert stolen
    assert await service.database.fetch("SELECT 1 FROM export_part") == []
    rows = await service.database.fetch("SELECT state, worker FROM export WHERE id = $1", asked.id)
    assert [tuple(row) for row in rows] == [("running", "een ander")]


async def test_a82_narrowing_while_it_is_made_begins_it_again(
    service: Service, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await anna.create(condition(code={"text": "kanariepiet"}))
    await represented(service)
    found = await visit(service, "carla", record="anna")
    await exports.ask(service.database, found.access, now=service.server.clock())

    async def narrowed(*_: Any, **__: Any) -> None:
        monkeypatch.undo()
        await withdraw(service, labels=service.server.labels.bits(("identity",)))

    monkeypatch.setattr("app.auth.rights.copying.Copying._lines", narrowed)
    assert await ExportWorker(service.server).run() == 0
    assert await ExportWorker(service.server).run() == 1


async def test_a_slice_holds_no_more_than_is_held_easily(
    service: Service, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = [binary(data=b64encode(bytes([65 + each]) * 3000).decode()) for each in range(5)]
    for each in large:
        kept = await anna.create(each)
    await anna.keep({**kept, "data": b64encode(b"kort").decode()})
    found = await visit(service, "anna")
    monkeypatch.setattr(contents, "HELD", 10_000)
    reading = contents.Contents(
        service.server, service.database, found.access, record_of(found), now=service.server.clock()
    )
    slices = [rows async for rows in reading.current("Binary")]
    assert [sum(len(row[3]) for row in rows) <= 10_000 for rows in slices] == [True] * len(slices)
    assert len({row[0] for rows in slices for row in rows}) == 5
    assert len(slices) < 5
    versions = [(row[0], row[1]) for rows in [rows async for rows in reading.versions("Binary")] for row in rows]
    assert versions == sorted(set(versions))
    assert len(versions) == 6
    monkeypatch.setattr(contents, "HELD", 1)
    assert [len(rows) async for rows in reading.current("Binary")] == [1] * 5


async def test_copies_that_are_gone_are_not_looked_through_again_and_again(service: Service) -> None:
    if service.database.dialect == "sqlite":
        plan = await service.database.fetch(f"EXPLAIN QUERY PLAN {exports._ENDED}", 1, "person:")
    else:
        async with service.database.write() as writer:
            await writer.execute("SET LOCAL enable_seqscan = off")  # which a table of a few rows is read by anyway
            plan = await writer.fetch(f"EXPLAIN {exports._ENDED}", 1, "person:")
    assert "ix_export_state" in "".join(str(column) for row in plan for column in row)


async def test_the_token_of_a_maker_that_was_killed_goes_once_it_has_expired(service: Service) -> None:
    now, patient = service.server.clock(), await service.key_of("anna")
    left = NewGrant(
        b"x" * 32, person("anna"), "patient/*.rs", 1, "own-use", client="service:export", patient=patient,
        expires=now, kind="service",
    )  # fmt: skip
    async with service.database.write() as writer:
        await write_grant(writer, left)
    await families.tidy(service.database, now=now)
    assert not await service.database.fetch("SELECT 1 FROM access_grant WHERE client = 'service:export'")

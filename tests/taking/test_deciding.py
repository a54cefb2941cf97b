"""What is kept is taken in once, by one at a time, and not for who may not give it any more. MODEL 3."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from app.errors import Conflict
from app.fhir.resource import Resource, encode
from app.server.intake import quarantine
from app.server.interactions.taking.again import Again
from tests import builders
from tests.integrity import problems as broken
from tests.rights.people import erasures, visit
from tests.server.service import Caller, Service, running_service
from tests.taking.conftest import system_of
from tests.taking.deliveries import collection, delivered, diabetes
from tests.taking.test_identity import decide, held
from tests.taking.test_quarantine import kept, wrong

MARK: Final = "kanariepiet"
OTHER: Final = {"resource": {"resourceType": "Patient", "birthDate": "1901-01-01"}}


def unnamed() -> Resource:
    """A delivery that is held, of what has no name of its source's own."""
    return collection(OTHER, {"resource": diabetes(note=[{"text": MARK}])})


async def test_letting_in_twice_at_once_stores_it_once(service: Service, gp: Caller, anna: Caller) -> None:
    await gp.post("/", unnamed())
    (one,) = await held(service)
    answers = await asyncio.gather(*(decide(anna, one.id, "release") for _ in range(5)))
    counts = Counter(each.status_code for each in answers)
    assert counts.pop(200) == 1
    assert counts.keys() <= {404, 409}
    assert len(await anna.found("/Condition")) == 1
    assert await held(service) == []
    assert await broken(service.database, service.server) == []


async def test_throwing_away_while_it_is_let_in_is_told(service: Service, gp: Caller, anna: Caller) -> None:
    await gp.post("/", unnamed())
    (one,) = await held(service)
    key, now = await service.key_of("anna"), service.server.clock()
    async with service.database.write() as writer:
        await quarantine.claim(writer, key, one.id, now=now)
    assert (await decide(anna, one.id, "drop")).status_code == 409
    assert (await decide(anna, one.id, "release")).status_code == 409
    async with service.database.write() as writer:
        with pytest.raises(Conflict):
            await quarantine.claim(writer, key, one.id, now=now)
        await quarantine.claim(writer, key, one.id, now=now + 600_000_000)  # who had it is gone


async def test_one_that_is_dropped_and_sent_again_is_held_again(service: Service, gp: Caller, anna: Caller) -> None:
    await gp.post("/", unnamed())
    (one,) = await held(service)
    dropped, sent = await asyncio.gather(decide(anna, one.id, "drop"), gp.post("/", unnamed()))
    assert (dropped.status_code, sent.status_code) == (204, 422)
    assert (await gp.post("/", unnamed())).status_code == 422
    (again,) = await held(service)
    assert again.id != one.id
    assert (await decide(anna, again.id, "release")).status_code == 200
    assert len(await anna.found("/Condition")) == 1


@pytest.mark.parametrize("how", ["collection", "batch"])
async def test_it_stays_where_consent_was_made_narrower_meanwhile(
    service: Service, gp: Caller, anna: Caller, how: str
) -> None:
    sent = (
        unnamed()
        if how == "collection"
        else builders.batch(*(builders.posted(each["resource"]) for each in unnamed()["entry"]))
    )
    await gp.post("/", sent)
    (one,) = await held(service)
    labels = service.server.labels.bits(("measurements",))
    async with service.database.write() as writer:
        await writer.execute("UPDATE permit SET labels = $1 WHERE recipient = 'organization:practice'", labels)
    assert (await decide(anna, one.id, "release")).status_code in (403, 404, 422)
    assert [each.id for each in await held(service)] == [one.id]
    async with service.database.write() as writer:
        await writer.execute("UPDATE permit SET labels = $1 WHERE recipient = 'organization:practice'", (1 << 62) - 1)
    assert (await decide(anna, one.id, "release")).status_code == 200
    assert len(await anna.found("/Condition")) == 1


async def test_two_tries_at_once_store_it_once(service: Service, gp: Caller, anna: Caller) -> None:
    await delivered(gp, wrong())
    async with service.database.write() as writer:
        right = encode({"clinicalStatus": diabetes()["clinicalStatus"]})[1:-1]
        (one,) = await kept(service)
        await writer.execute(
            "UPDATE quarantine SET received = $1", one.received.replace(b'"clinicalStatus":"wrong"', right)
        )

    async def told(*_: Any) -> None:
        """Nobody has to know."""

    again, now = Again(), service.server.clock()
    counts = await asyncio.gather(*(again.retry_all(service.server, now=now, told=told, program="") for _ in range(4)))
    assert sum(stored for stored, _ in counts) == 1
    assert len(await anna.found("/Condition")) == 1
    assert await kept(service) == []


async def test_there_is_an_end_to_what_is_kept(
    service: Service, gp: Caller, hospital: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gp.post("/", unnamed())
    monkeypatch.setattr(quarantine, "MOST_BYTES", 1000)
    big = collection(OTHER, {"resource": diabetes(note=[{"text": "x" * 1000}])})
    answer = await gp.post("/", big)
    assert answer.status_code == 422
    assert "Nor is it kept" in answer.text
    await hospital.post("/", unnamed())
    assert len(await held(service)) == 2, "each source has room of its own"


async def test_no_byte_of_it_is_left_in_the_files_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "zelfregie.db"
    async with running_service(f"sqlite:///{path}", tmp_path) as service:
        gp = await system_of(service, "practice", "anna")
        sizes = [MARK, MARK * 20_000]
        for text in sizes:
            await gp.post("/", builders.batch(builders.posted(diabetes(clinicalStatus="wrong", note=[{"text": text}]))))
        await gp.post("/", unnamed())
        await service.database.fold()
        assert MARK.encode() in _files(path)
        for one in await kept(service):
            assert (await decide(service.caller("anna"), one.id, "drop")).status_code == 204
        await service.database.fold()
        assert MARK.encode() not in _files(path)
        await gp.post("/", unnamed())
        anna = await visit(service, "anna")
        await erasures(service).source(anna.access, "organization:practice", now=service.server.clock(), request="r")
        assert MARK.encode() not in _files(path)


def _files(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")) if each.is_file())


async def test_nothing_of_it_is_in_the_log(
    service: Service, gp: Caller, anna: Caller, capfd: pytest.CaptureFixture[str]
) -> None:
    await delivered(gp, wrong())
    await gp.post("/", unnamed())
    for one in await kept(service):
        await decide(anna, one.id, "release")
    out, error = capfd.readouterr()
    assert MARK not in out + error
    rows = await service.database.fetch("SELECT * FROM audit")
    assert MARK not in str(rows)

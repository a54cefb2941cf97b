"""``kill -9`` while a copy of a record is made: another process makes it anew, and what is fetched is whole."""

from __future__ import annotations

import asyncio
import json
import random
import zipfile
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from signal import SIGKILL
from typing import Final

import httpx
import pytest

from app.auth.accounts.account import new_account, own_permit
from app.auth.accounts.acting import record_of
from app.auth.accounts.sessions import LogIn, Session, Sessions
from app.auth.accounts.tables import INSERT_ACCOUNT
from app.auth.rights import exports
from app.auth.rights.worker import DEAD
from app.auth.roles import Role
from app.database import open_database
from app.database.reading import reading
from app.errors import Gone
from app.server.access import Access
from app.server.server import FhirServer
from app.server.tables import INSERT_PERMIT
from tests.builders import binary, observation, posted, transaction
from tests.process import Process, serving
from tests.server.service import Caller
from tests.service import ORIGIN, SECRET, TENANT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

KILLED_AFTER: Final = (0, 2, 5)
"""Pieces that are stored when the process that makes the copy is killed: at its claim, early, and far on its way."""
LETTERS: Final = 16
MEASUREMENTS: Final = 1500
_PATIENCE: Final = 120.0
_PARTS: Final = "SELECT count(*), (SELECT e.state FROM export e WHERE e.id = $1) FROM export_part WHERE id = $1"


@asynccontextmanager
async def server_on(url: str) -> AsyncIterator[FhirServer]:
    """The server by itself, while no service has the database (SQLite) or whoever (PostgreSQL)."""
    database = await open_database(url, connections=2)
    try:
        yield FhirServer(database, f"{ORIGIN}/fhir/", SECRET.encode())
    finally:
        await database.close()


def started(stack: ExitStack, url: str, state: Path) -> Process:
    """A process of the service."""
    return stack.enter_context(serving(state, "serve", "--database", url, more={"ZELFREGIE_SECRET": SECRET}))


async def fill(url: str, state: Path) -> None:
    """Measurements, and letters that no archive makes smaller."""
    draw = random.Random(4)
    with ExitStack() as stack:
        service = started(stack, url, state)
        async with httpx.AsyncClient(base_url=service.address, timeout=60) as http:
            anna = Caller(http, "anna")
            for _ in range(LETTERS):
                data = b64encode(draw.randbytes(400_000)).decode()
                await anna.create(binary(contentType="application/pdf", data=data))
            for _ in range(MEASUREMENTS // 100):
                answer = await anna.post("/", transaction(*(posted(observation()) for _ in range(100))))
                assert answer.status_code == 200, answer.text
        service.stop()


async def anna_in(server: FhirServer, account: str) -> tuple[Session, Access]:
    """Her own session, in which the second factor was just given."""
    now, number = server.clock(), server.registry.number("Patient")
    sessions = Sessions(server.database, patient_type=number)
    cookie = await sessions.open(LogIn(account, TENANT, "password+totp", fresh=True), now=now)
    session = await sessions.find(cookie, now=now)
    assert session is not None
    chosen = await record_of(server, session, "anna", now=now)
    assert chosen is not None
    session = await sessions.choose(session, chosen.session_grant())
    access = await sessions.access(session, now=now)
    assert access is not None
    return session, access


async def ask(url: str) -> tuple[str, str]:
    """An account for Anna, and the copy that she asks for: the ids of both."""
    async with server_on(url) as server:
        number = server.registry.number("Patient")
        rows = await server.database.fetch("SELECT patient FROM alias WHERE type = $1 AND id = 'anna'", number)
        key, now = rows[0][0], server.clock()
        account = new_account(
            random.Random(5).randbytes, tenant=TENANT, role=Role.PATIENT, email="anna@example.org", name="Anna",
            verified=now, patient=key, now=now,
        )  # fmt: skip
        async with server.database.write() as writer:
            await writer.insert(INSERT_ACCOUNT, [account.row()])
            await writer.insert(INSERT_PERMIT, [own_permit(account.id, key)])
        _, access = await anna_in(server, account.id)
        return account.id, (await exports.ask(server.database, access, now=server.clock())).id


async def until(url: str, copy: str, state: str, *, parts: int = 0) -> None:
    """Return when the copy is in ``state`` with at least so many pieces."""
    async with asyncio.timeout(_PATIENCE), reading(url) as reader:
        while True:
            stored, found = (await reader.fetch(_PARTS, copy))[0]
            if found == state and stored >= parts:
                return
            assert found in ("waiting", "running"), f"the copy is {found} and was to be {state}"
            await asyncio.sleep(0.005)


async def a_minute_goes_by(url: str, account: str, copy: str) -> None:
    """Nobody was heard of for so long that another takes over. Before that, nothing of the copy is given out."""
    async with server_on(url) as server:
        session, access = await anna_in(server, account)
        with pytest.raises(Gone):
            await exports.link(server.database, session, access, copy, now=server.clock())
        silent = "UPDATE export SET beat = beat - $2 WHERE id = $1 AND state = 'running' RETURNING id"
        assert await server.database.change(silent, copy, DEAD), "it was not being made when it was killed"


@pytest.mark.parametrize("setting", ["sqlite", "postgresql"])
async def test_a_copy_that_was_being_made_when_its_process_was_killed_is_made_anew_and_whole(
    durable_url: str, setting: str, tmp_path: Path
) -> None:
    """On PostgreSQL the process that takes over runs already and waits; on SQLite it is the next one to start."""
    await fill(durable_url, tmp_path / "state-0")
    account, copy = await ask(durable_url)
    with ExitStack() as stack:
        maker = started(stack, durable_url, tmp_path / "state-1")
        for number, parts in enumerate(KILLED_AFTER, 2):
            await until(durable_url, copy, "running", parts=parts)
            maker.stop(SIGKILL)
            if setting == "postgresql":
                maker = started(stack, durable_url, tmp_path / f"state-{number}")
                await a_minute_goes_by(durable_url, account, copy)
            else:
                await a_minute_goes_by(durable_url, account, copy)
                maker = started(stack, durable_url, tmp_path / f"state-{number}")
        await until(durable_url, copy, "ready")
        assert maker.stop() == 0
    await assert_whole(durable_url, account, copy)


async def assert_whole(url: str, account: str, copy: str) -> None:
    """It is one archive, once, with everything; nobody left a piece of their own behind."""
    async with server_on(url) as server:
        session, access = await anna_in(server, account)
        export = next(each for each in await exports.listed(server.database, access) if each.id == copy)
        secret = await exports.link(server.database, session, access, copy, now=server.clock())
        seal = exports.archive_seal(server.page_key)
        download = await exports.fetch(server.database, seal, session, access, secret, now=server.clock())
        raw = b"".join([piece async for piece in download.pieces])
        parts = await server.database.fetch("SELECT part FROM export_part ORDER BY part")
        kept = await server.database.fetch(
            "SELECT r.type, count(*) FROM resource r WHERE r.patient = $1 AND r.deleted = 0 GROUP BY r.type",
            export.patient,
        )
    assert len(raw) == export.size
    assert [row[0] for row in parts] == list(range(len(parts)))
    assert len(parts) > max(KILLED_AFTER)
    archive = zipfile.ZipFile(BytesIO(raw))
    assert archive.testzip() is None
    names = Counter(archive.namelist())
    assert names.most_common(1)[0][1] == 1
    for number, count in kept:
        kind = server.registry.type_names[number]
        lines = archive.read(f"ndjson/{kind}.ndjson").splitlines()
        assert len({json.loads(line)["id"] for line in lines}) == len(lines) == count, kind
    manifest = json.loads(archive.read("manifest.json"))
    files = {each["name"]: each["sha256"] for each in manifest["files"]}
    assert files.keys() == names.keys() - {"manifest.json"}
    assert all(sha256(archive.read(name)).hexdigest() == told for name, told in files.items())

"""``kill -9`` in the middle of a document: all of it is there, or nothing; given again it is whole and once."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.auth.grants import NewGrant, write_grant
from app.auth.tokens import hash_token
from app.database import Database
from app.fhir.resource import encode
from app.server.server import FhirServer
from tests import builders
from tests.integrity import problems
from tests.process import free_port
from tests.server.service import JSON
from tests.service import PEOPLE, TENANT
from tests.soak.test_kill import looked_into, service_of
from tests.taking.deliveries import document, given

ROUNDS: Final = 8
SIZE: Final = 1500
TOKEN: Final = "the-practice"
pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


def sent(round_number: int) -> bytes:
    person, note = f"Patient/{PEOPLE[0]}", [{"text": f"ronde {round_number}"}]
    readings = (builders.counted(subject=person, note=note, valueQuantity={"value": each}) for each in range(SIZE))
    whole = document(*(given(each, f"{round_number}-{number}") for number, each in enumerate(readings)))
    head = {**whole["entry"][0]["resource"], "subject": builders.reference(person)}
    return encode({**whole, "entry": [given(head, f"c-{round_number}"), *whole["entry"][1:]]})


async def grant(database: Database, server: FhirServer) -> None:
    number = server.registry.number("Patient")
    ((key,),) = await database.fetch("SELECT patient FROM resource WHERE type = $1 AND id = $2", number, PEOPLE[0])
    made = NewGrant(
        hash=hash_token(TOKEN),
        recipient="organization:practice",
        scopes="system/*.cruds",
        tenant=TENANT,
        purpose="treatment",
        organization="practice",
        kind="system",
        role="organization",
        fhir_user="Organization/practice",
        patients=(key,),
        patient=key,
    )
    async with database.write() as writer:
        await write_grant(writer, made)


async def counts(database: Database, server: FhirServer) -> dict[int, tuple[int, int]]:
    """Of each round how many readings are there, and how many documents."""
    rows = await database.fetch(
        "SELECT key, type FROM delivered WHERE source = 'organization:practice' AND key >= 'id:' AND key < 'id;'"
    )
    composition = server.registry.number("Composition")
    found = {each: [0, 0] for each in range(ROUNDS)}
    for key, kind in rows:
        name = key.removeprefix("id:").removeprefix("c-")
        found[int(name.partition("-")[0])][kind == composition] += 1
    return {each: (one, two) for each, (one, two) in found.items()}


async def test_a_document_is_stored_whole_or_not_at_all(durable_url: str, tmp_path: Path) -> None:
    draw, port = random.Random(3), free_port()
    async with looked_into(durable_url) as (database, server):
        await grant(database, server)
    answered: set[int] = set()
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": JSON}
    for number in range(ROUNDS):
        with service_of(durable_url, tmp_path, port) as service:
            async with httpx.AsyncClient(base_url=service.address, timeout=120) as http:
                giving = asyncio.create_task(http.post("/", content=sent(number), headers=headers))
                await asyncio.wait([giving], timeout=draw.uniform(0.1, 2.5))
                service.stop(signal.SIGKILL)
                (answer,) = await asyncio.gather(giving, return_exceptions=True)
                assert isinstance(answer, httpx.Response | httpx.TransportError)
                if isinstance(answer, httpx.Response) and answer.status_code == 200:
                    answered.add(number)
        async with looked_into(durable_url) as (database, server):
            there = (await counts(database, server))[number]
            assert there in {(0, 0), (SIZE, 1)}, f"round {number}: {there}"
            assert number not in answered or there == (SIZE, 1), "what was answered is there"
            assert await problems(database, server) == []
    with service_of(durable_url, tmp_path, port) as service:
        async with httpx.AsyncClient(base_url=service.address, timeout=120) as http:
            for number in range(ROUNDS):
                answer = await http.post("/", content=sent(number), headers=headers)
                assert answer.status_code == 200, answer.text[:300]
        service.stop()
    async with looked_into(durable_url) as (database, server):
        assert set((await counts(database, server)).values()) == {(SIZE, 1)}
        number = server.registry.number("Observation")
        rows = await database.fetch("SELECT count(*) FROM resource WHERE type = $1 AND version > 1", number)
        assert rows[0][0] == 0, "given again the same makes no version"
        assert await problems(database, server) == []

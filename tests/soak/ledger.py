"""Clients that write all the time and remember what they were told, and what must be true of it after a kill."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import httpx

from app.audit.verify import verify_table
from app.database import Database
from app.fhir.resource import Resource, decode
from app.server.server import FhirServer
from tests import builders
from tests.integrity import problems
from tests.server.service import Caller
from tests.service import PEOPLE

CLIENTS: Final = 6
_HISTORY: Final = (
    "SELECT h.request, h.type, h.id, h.version, h.interaction, coalesce(h.body, (SELECT r.body FROM resource r"
    " WHERE r.patient = h.patient AND r.type = h.type AND r.id = h.id AND r.version = h.version)) FROM history h"
)
Version = tuple[str, str, int]
"""Type, id, version."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One write that was answered: how many changes it makes, and the versions that were named with their bytes."""

    changes: int
    versions: dict[Version, bytes | None]


@dataclass(slots=True)
class Ledger:
    """By request: what was acknowledged, and how many changes those make whose answer never came."""

    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, request: str, acknowledged: Acknowledged) -> None:
        del self.unknown[request]
        self.acknowledged[request] = acknowledged
        self._more.set()

    async def wait_for(self, more: int) -> None:
        """Until so many more writes were acknowledged."""
        goal = len(self.acknowledged) + more
        while len(self.acknowledged) < goal:
            self._more.clear()
            await self._more.wait()


class Client:
    """One connection, with resources of its own to change."""

    def __init__(self, number: int, ledger: Ledger, draw: random.Random, requests: Iterator[int]) -> None:
        self._person = PEOPLE[number % len(PEOPLE)]
        self._ledger = ledger
        self._draw = draw
        self._number = number
        self._requests = requests
        self._kept: dict[str, int] = {}

    async def write_until(self, address: str, ended: asyncio.Event) -> None:
        """Write until told otherwise; an answer that does not come is noted, and the next write is tried."""
        async with httpx.AsyncClient(base_url=address, timeout=30) as http:
            caller = Caller(http, self._person)
            while not ended.is_set():
                try:
                    await self._write(caller)
                except httpx.TransportError:
                    await asyncio.sleep(0.02)

    async def _write(self, caller: Caller) -> None:
        kind = self._draw.choice(["create", "create", "put", "put", "delete", "transaction", "transaction"])
        request = f"r-{next(self._requests)}"
        headers = {"x-request-id": request}
        subject = f"Patient/{self._person}"
        if kind == "create":
            resource = builders.observation(subject, effectiveDateTime=self._day(), note=[{"text": request}])
            await self._send(caller, request, 1, ("POST", "/Observation", resource), headers)
        elif kind == "put":
            name = self._name()
            if (version := self._kept.get(name)) is not None and self._draw.random() < 0.5:
                headers["if-match"] = f'W/"{version}"'
            resource = builders.goal(subject, id=name, startDate=self._day(), description={"text": request})
            await self._send(caller, request, 1, ("PUT", f"/Goal/{name}", resource), headers)
        elif kind == "delete":
            name = self._draw.choice([*self._kept]) if self._kept else ""
            if name:
                await self._send(caller, request, 1, ("DELETE", f"/Goal/{name}", None), headers)
                self._kept.pop(name, None)
        else:
            entries = self._entries(subject, request)
            await self._send(caller, request, len(entries), ("POST", "", builders.transaction(*entries)), headers)

    def _entries(self, subject: str, request: str) -> list[Resource]:
        """Several creates, one update, and at times a delete of what is certainly there."""
        entries = [
            builders.posted(builders.observation(subject, effectiveDateTime=self._day(), note=[{"text": request}]))
            for _ in range(self._draw.randint(2, 6))
        ]
        name = self._name()
        entries.append(builders.put(builders.goal(subject, id=name, description={"text": request})))
        others = [each for each in self._kept if each != name]
        if others and self._draw.random() < 0.3:
            gone = self._draw.choice(others)
            del self._kept[gone]
            entries.append(builders.deleted(f"Goal/{gone}"))
        self._kept.pop(name, None)
        return entries

    def _name(self) -> str:
        return f"c{self._number}-{self._draw.randrange(8)}"

    def _day(self) -> str:
        return f"2025-{self._draw.randint(1, 12):02}-{self._draw.randint(1, 28):02}"

    async def _send(
        self,
        caller: Caller,
        request: str,
        changes: int,
        sent: tuple[str, str, Resource | None],
        headers: dict[str, str],
    ) -> None:
        method, address, body = sent
        self._ledger.unknown[request] = changes
        if "if-match" in headers or method == "DELETE":
            name = address.rpartition("/")[2]
            known = self._kept.pop(name, None)  # until the answer is there
        else:
            known = None
        answer = await caller.send(method, address, body, headers)
        self._ledger.statuses[answer.status_code] += 1
        if answer.status_code in (200, 201, 204):
            self._ledger.note(request, Acknowledged(changes, self._versions(method, address, answer)))
        elif answer.status_code == 412 and known is None:
            self._ledger.wrong.append(f"{request}: {answer.text}")
        elif answer.status_code not in (404, 412, 503):
            self._ledger.wrong.append(f"{request} {method} {address}: {answer.status_code} {answer.text}")

    def _versions(self, method: str, address: str, answer: httpx.Response) -> dict[Version, bytes | None]:
        if method == "DELETE":
            version = int(answer.headers["etag"].strip('W/"'))
            return {("Goal", address.rpartition("/")[2], version): None}
        if address == "":
            entries = [entry["response"] for entry in decode(answer.content)["entry"]]
            return {_version_in(entry["location"]): None for entry in entries if "location" in entry}
        named = _version_in(answer.headers["location"])
        if method == "PUT":
            self._kept[named[1]] = named[2]
        return {named: answer.content}


def _version_in(location: str) -> Version:
    resource_type, resource_id, _, version = location.split("/")[-4:]
    return resource_type, resource_id, int(version)


class Load:
    """All clients, over several runs of the service."""

    def __init__(self, seed: int) -> None:
        self.ledger = Ledger()
        requests = count(1)
        self._clients = [
            Client(number, self.ledger, random.Random(seed * 100 + number), requests) for number in range(CLIENTS)
        ]
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, address: str) -> None:
        self._ended.clear()
        self._tasks = [asyncio.create_task(client.write_until(address, self._ended)) for client in self._clients]

    async def stop(self) -> None:
        """Return when every client has its last answer, or knows that none will come."""
        self._ended.set()
        await asyncio.gather(*self._tasks)


async def lies(ledger: Ledger, database: Database, server: FhirServer) -> list[str]:
    """What is not as the clients were told, or not as a database must be; empty when all is well."""
    names = server.registry.type_names
    changes: Counter[str] = Counter()
    stored: dict[Version, tuple[str, bytes | None]] = {}
    for request, type_number, resource_id, version, interaction, body in await database.fetch(_HISTORY):
        changes[request] += 1
        stored[names[type_number], resource_id, version] = (interaction, body)
    found = list(ledger.wrong)
    for request, told in ledger.acknowledged.items():
        if changes[request] != told.changes:
            found.append(f"{request} was acknowledged with {told.changes} changes, and {changes[request]} are there")
        for version, body in told.versions.items():
            if version not in stored:
                found.append(f"{request}: {version} was acknowledged and is not there")
            elif body is not None and stored[version][1] != body:
                found.append(f"{request}: {version} is not what was acknowledged")
    for request, whole in ledger.unknown.items():
        if changes[request] not in (0, whole):
            found.append(f"{request}: {changes[request]} of {whole} changes are there")
    return found + await problems(database, server)


async def silences(ledger: Ledger, database: Database) -> list[str]:
    """Acknowledged writes that the access log does not know, and what does not hold in its chains."""
    segments = [bytes(row[0]).splitlines() for row in await database.fetch("SELECT payload FROM audit")]
    logged = {decode(line).get("request") for lines in segments for line in lines}
    missing = [f"{request} is not in the access log" for request in ledger.acknowledged if request not in logged]
    return missing + [str(finding) for finding in await verify_table(database)]

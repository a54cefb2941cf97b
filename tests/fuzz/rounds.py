"""A round: two patients with marks in everything they have, requests by some callers, and what came of it."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.fhir.resource import encode
from app.server.ids import write_key
from tests import builders
from tests.fuzz.bodies import Bodies
from tests.fuzz.drawing import Requests
from tests.fuzz.judging import MARK, SENT, Judge, fuzz, marks
from tests.fuzz.queries import Queries
from tests.fuzz.records import kept_for_patients, record
from tests.integrity import problems
from tests.server.service import Caller, Service

STRANGERS: Final = (*["anna"] * 12, "anna-reader", "anna-observations", "anna-measurements", "anna-writer", "")
ALL: Final = (*["practice", "operator"] * 6, "anna-create-actions", "bram", "anna", "anna-read-actions", "")
_ABSENT: Final = "brem"


@dataclass(frozen=True, slots=True)
class World:
    """What was stored before, and what it is called."""

    own: Sequence[str]
    others: Sequence[str]
    key: str


@dataclass(frozen=True, slots=True)
class Callers:
    """Who asks, and what they may not see. ``twins``: from what names the other patient to what names nobody."""

    tokens: Sequence[str]
    hidden: str
    twins: Mapping[str, str]


def stranger(world: World) -> Callers:
    """Anna, with several tokens, who may see nothing of Bram."""
    return Callers(STRANGERS, MARK, {"bram": _ABSENT, world.key: "0" * len(world.key)})


def everyone(_: World) -> Callers:
    """All others, who may see most."""
    return Callers(ALL, "", {})


@dataclass(slots=True)
class Round:
    """One service with its records, and who asks what."""

    service: Service
    world: World
    seed: int
    judge: Judge

    @classmethod
    async def of(cls, service: Service, seed: int, *, each: int = 1) -> Round:
        """Records for both, with ``each`` resources of every type."""
        world = await fill(service, random.Random(seed), each)
        return cls(service, world, seed, Judge(service, twins={}))

    async def run(self, callers: Callers, number: int) -> None:
        """So many requests."""
        draw = random.Random(self.seed)
        server, world = self.service.server, self.world
        self.judge = Judge(self.service, twins=callers.twins, hidden=callers.hidden)
        names = [*world.own[:20], *world.others[:20], f"Patient/{world.others[-1]}", "Patient/anna", world.key, SENT]
        queries = Queries(draw, server, names, self.judge.pages)
        bodies = Bodies(draw, server, person="anna", mark=SENT, own=world.own)
        requests = Requests(draw, server, queries, bodies, own=world.own, others=[*world.others, world.key])
        await fuzz(self.judge, requests, callers.tokens, number)

    async def problems(self, log: str) -> str:
        """All that is wrong, for a failure's message; empty when nothing is. ``log`` is what was logged meanwhile."""
        found = list(self.judge.findings)
        found += await problems(self.service.database, self.service.server)
        journal = "\n".join(map(json.dumps, self.service.journal_lines()))
        for place, text in (("journal", journal + await self._audited()), ("log", log)):
            seen = [
                line
                for line in text.splitlines()
                for mark in (*marks(SENT), *marks(MARK))
                if mark.decode() in line.lower()
            ]
            found += [f"{place}: {line[:500]}" for line in seen[:3]]
        return "\n".join(found)

    async def _audited(self) -> str:
        """What of the journal is in the database."""
        rows = await self.service.database.fetch("SELECT payload FROM audit")
        return "\n".join(row[0].decode() for row in rows)


async def fill(service: Service, draw: random.Random, each: int) -> World:
    """Records of Anna and Bram with marks everywhere, of all types that a patient may have."""
    server = service.server
    types = [name for name in kept_for_patients(server.placement) if name in server.registry.stored]
    operator = service.caller("operator")
    kept: dict[str, list[str]] = {}
    for person, mark in (("anna", "eigen"), ("bram", MARK)):
        listed = record(person, mark, server.definitions, draw, types=types, each=each)
        accepted = [made["id"] for made in listed if await _is_stored(operator, person, made)]
        assert len(accepted) > 0.9 * len(listed), "too little was accepted"
        kept[person] = [*accepted, person]
    await operator.keep(
        builders.patient("bram", name=[{"family": MARK, "text": MARK}], telecom=[{"system": "phone", "value": MARK}])
    )
    gone = kept["bram"][0]
    bram = service.caller("bram")
    for resource_type in types:
        await bram.delete(f"/{resource_type}/{gone}")
    return World(kept["anna"], kept["bram"], write_key(await service.key_of("bram")))


async def _is_stored(caller: Caller, person: str, resource: dict[str, object]) -> bool:
    address = f"/Patient/{person}/{resource['resourceType']}/{resource['id']}"
    return (await caller.put(address, encode(resource))).status_code in (200, 201)

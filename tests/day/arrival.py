"""Where the day of a GP's system begins: the person has a plan, the practice is registered, let in and paired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from app.fhir.resource import Resource, decode
from tests.day import person
from tests.day.gp_system import GpSystem
from tests.oauth.apps import outside
from tests.server.service import Caller, Service

WORDS: Final = "Met de kleinkinderen naar het strand"
"""The goal of Anna's plan."""


@dataclass
class Day:
    """Who there is. ``at``: where each of the system's resources is kept here, by its address with the system."""

    service: Service
    anna: Caller
    practice: str
    gp: GpSystem
    at: dict[str, str] = field(default_factory=dict)
    plan: str = ""
    goal: str = ""

    async def kept(self, kind: str, number: str) -> Resource:
        """One of the system's resources as the person has it."""
        return await read(self.anna, f"/{self.at[f'{kind}/{number}']}")


@asynccontextmanager
async def arrived(service: Service, anna: Caller) -> AsyncIterator[Day]:
    """Anna has an individual care plan; an administrator registers the practice and its system; Anna lets the practice
    in and gives it a code; it signs in and says who she is there.
    """
    goal = {"name": "goal", "valueString": WORDS}
    begun = await anna.post("/Patient/$start", {"resourceType": "Parameters", "parameter": [goal]})
    assert begun.status_code == 201, begun.text
    own = decode(begun.content)
    practice = await person.registered(service)
    await person.consented(service, practice)
    async with outside(service) as http:
        gp = GpSystem(http)
        await gp.sign_in()
        await gp.pair(await person.code_for(service, practice))
        found = Day(service, anna, practice, gp)
        found.plan, found.goal = own["id"], own["goal"][0]["reference"].partition("/")[2]
        yield found


async def read(caller: Caller, address: str) -> Resource:
    answer = await caller.get(address)
    assert answer.status_code == 200, answer.text
    return decode(answer.content)

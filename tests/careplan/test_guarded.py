"""What the rules of the cycle read of a record is read while the caller's grant stands, and not a moment after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from app.auth.tokens import hash_token
from app.careplan.goals import BORN_BY
from app.careplan.meanwhile import changed_meanwhile
from app.careplan.names import Names
from app.careplan.plan import Cycle
from app.careplan.recent import recent, said_of, since_the_last_check, status_before_hold, to_decide
from app.server.access import Access, load_access
from app.server.rules import Overtaken
from app.server.store.guarded import GuardedReader
from app.server.store.read import GrantChanged
from tests.careplan.histories import NAMES, Journey, started
from tests.server.service import Caller, Service

Reading = Callable[[Service, GuardedReader, int, Journey], Awaitable[object]]
CYCLE: Final = Cycle(1, "plan", "2024-01-01T00:00:00Z", "")


async def _recent(_: Service, reader: GuardedReader, patient: int, journey: Journey) -> object:
    return await recent(reader, patient, journey.plan, Names(NAMES))


async def _last_check(_: Service, reader: GuardedReader, patient: int, journey: Journey) -> object:
    return await since_the_last_check(reader, patient, journey.plan, Names(NAMES), CYCLE)


async def _status(service: Service, reader: GuardedReader, patient: int, journey: Journey) -> object:
    return await status_before_hold(service.server, reader, patient, journey.plan, CYCLE)


async def _said(service: Service, reader: GuardedReader, patient: int, journey: Journey) -> object:
    return await said_of(service.server, reader, patient, [journey.goal], since=0)


async def _to_decide(service: Service, reader: GuardedReader, patient: int, journey: Journey) -> object:
    return await to_decide(service.server, reader, patient, await journey.read("CarePlan", journey.plan))


async def _born(service: Service, reader: GuardedReader, patient: int, journey: Journey) -> object:
    return await reader.fetch(BORN_BY, patient, service.server.registry.number("Goal"), journey.goal)


async def _meanwhile(service: Service, reader: GuardedReader, patient: int, journey: Journey) -> object:
    late = Overtaken(patient, reader.access, "CarePlan", journey.plan, 1, 2, reader.now)
    return await changed_meanwhile(reader.reader, late, journey.plan, service.server.definitions.type_numbers)


READINGS: Final[dict[str, Reading]] = {
    "what was decided": _recent,
    "when the last check ended": _last_check,
    "the status before": _status,
    "what was said": _said,
    "what is to be decided": _to_decide,
    "who entered it": _born,
    "what changed meanwhile": _meanwhile,
}


async def access_of(service: Service, token: str) -> Access:
    number = service.server.registry.number("Patient")
    now = service.server.clock()
    found = await load_access(service.database, hash_token(token), now=now, patient_type=number)
    assert found is not None
    return found


@pytest.mark.parametrize("what", READINGS)
async def test_nothing_is_read_for_a_grant_that_was_withdrawn_a_moment_ago(
    service: Service, anna: Caller, what: str
) -> None:
    journey, bystander = await started(anna), await access_of(service, "anna-planner")
    reader = GuardedReader(service.database, bystander, service.server.clock())
    patient = await service.key_of("anna")
    await READINGS[what](service, reader, patient, journey)
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM access_grant WHERE hash = $1", bystander.hash)
    with pytest.raises(GrantChanged):
        await READINGS[what](service, reader, patient, journey)

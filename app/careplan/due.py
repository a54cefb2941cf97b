"""What is due: on the day of its review a plan goes to the phase check, and the person is asked to look back; they are
asked to agree to a plan that was not agreed for long, and to fill in a questionnaire that the plan names.

Everybody's plans are gone through, a bounded number at a time; of those that an index says have nothing to do nothing
is read. It may be broken off, run again, and run in several processes at once: a Task has an id of its occasion, and a
plan is changed only as it was read. https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog

from app.auth import service_access
from app.careplan.cycle import events
from app.careplan.intent import Intent
from app.careplan.names import IZP, Names
from app.careplan.plan import Cycle, cycle_of, with_cycle
from app.careplan.recent import is_due
from app.careplan.schedule import askings
from app.careplan.tasks import agreement_task, plan_task, review_task, task_id
from app.errors import Conflict, PreconditionFailed, ZelfregieError
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource, decode
from app.server.access import Access
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.prepare import check_resource, finish

AGREE_WITHIN: Final = 14 * 24 * 3600 * 1_000_000
"""After how long in the phase plan (µs) somebody is asked whether they want to agree to it."""
AT_A_TIME: Final = 200
_REASON: Final = "due"
_PLANS: Final = (
    "SELECT p.patient, p.tenant, r.id, r.version, r.body FROM partition p"
    " JOIN claim c ON c.patient = p.patient AND c.name = $1"
    " JOIN resource r ON r.patient = p.patient AND r.n = c.n AND r.deleted = 0"
    " WHERE p.patient > $2 AND p.state = 'live' AND (r.updated <= $3 OR EXISTS (SELECT 1 FROM period d"
    " WHERE d.patient = p.patient AND d.type = $4 AND d.param IN ($5, $6) AND d.n = r.n AND d.low <= $7))"
    " ORDER BY p.patient LIMIT $8"
)
_TASK: Final = "SELECT 1 FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
"""Also one that was deleted: who threw it away is not asked again."""
_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class DueReport:
    """``opened``: plans that went to the phase check; ``tasks`` that were written; ``failed``: plans that could not be
    changed, with why in the service's log.
    """

    opened: int = 0
    tasks: int = 0
    failed: int = 0


class Found(NamedTuple):
    """A plan that may have something to do."""

    patient: int
    tenant: int
    id: str
    version: int
    plan: Resource

    @property
    def patient_id(self) -> str:
        found: str = self.plan["subject"]["reference"].rpartition("/")[2]
        return found


async def write_due(server: FhirServer, names: Names, *, now: int) -> DueReport:
    """Write what is due by ``now`` (µs); what is written has the time of the clock."""
    report = DueReport()
    async with AsyncExitStack() as stack:
        access = _accesses(server, stack)
        async for found in _plans(server, now=now):
            try:
                await _one(server, await access(found.tenant), found, names, report, now=now)
            except (PreconditionFailed, Conflict):
                continue  # changed a moment ago, or done by another process: what is left is for the next round
            except ZelfregieError as error:
                report.failed += 1
                _log.warning("due.failed", plan=found.id, problems=[each.rule for each in error.all_issues()])
            await asyncio.sleep(0)
    return report


async def due_by_clock(server: FhirServer, names: Names) -> DueReport:
    """The same by the clock, as a running service does now and then."""
    return await write_due(server, names, now=server.clock())


def _accesses(server: FhirServer, stack: AsyncExitStack) -> Callable[[int], Awaitable[Access]]:
    """The service's own access for a tenant, asked for when it is first needed."""
    known: dict[int, Access] = {}

    async def of(tenant: int) -> Access:
        if tenant not in known:
            granted = service_access(
                server.database,
                tenant=tenant,
                reason=_REASON,
                now=server.clock(),
                patient_type=server.registry.number("Patient"),
            )
            known[tenant] = await stack.enter_async_context(granted)
        return known[tenant]

    return of


async def _plans(server: FhirServer, *, now: int) -> AsyncIterator[Found]:
    """The open plans of all records that an index says may have something to do."""
    numbers = server.definitions.parameter_numbers
    after = 0
    binds = (server.registry.number("CarePlan"), numbers["next-review"], numbers["activity-date"], now)
    while rows := await server.database.fetch(_PLANS, IZP, after, now - AGREE_WITHIN, *binds, AT_A_TIME):
        for patient, tenant, plan_id, version, body in rows:
            yield Found(patient, tenant, plan_id, version, {**decode(body), "id": plan_id})
        after = rows[-1][0]


async def _one(server: FhirServer, access: Access, found: Found, names: Names, report: DueReport, *, now: int) -> None:
    cycle = cycle_of(found.plan, names)
    if cycle is None:
        return
    at = server.clock()
    tasks = await _missing(server, found, list(_tasks(found, cycle, names, now=now, at=at)))
    opens = found.plan["status"] == "active" and cycle.phase == "do" and is_due(cycle, now=now)
    if not tasks and not opens:
        return
    drafts = [await _draft(server, access, found.patient, each) for each in tasks]
    for draft in drafts:
        draft.if_none_match = True
    intent = None
    if opens:
        moved = events()["evaluate"].after(cycle, now=instant(at))
        plan = await _draft(server, access, found.patient, with_cycle(found.plan, moved, names))
        plan.if_match = found.version
        drafts.append(plan)
        intent = Intent("evaluate", seen=found.version)
    await execute(server, access, drafts, now=at, request=_REASON, service=True, intent=intent)
    report.opened += opens
    report.tasks += len(tasks)


def _tasks(found: Found, cycle: Cycle, names: Names, *, now: int, at: int) -> list[Resource]:
    """Everything that the person is to be asked by now, whether they were already or not."""
    status, patient = found.plan["status"], found.patient
    common: dict[str, Any] = {"plan_id": found.id, "patient_id": found.patient_id, "now": at}
    tasks: list[Resource] = []
    if cycle.phase == "plan" and status in ("draft", "active") and bounds(cycle.since)[0] + AGREE_WITHIN <= now:
        task = agreement_task(patient, found.id, cycle)
        tasks.append(plan_task(names, "agreement", task, since=cycle.since, **common))
    if status != "active" or cycle.phase == "plan":
        return tasks
    review = cycle.next_review if is_due(cycle, now=now) else ""
    if cycle.phase == "do" and review:
        task = review_task(patient, found.id, cycle)
        tasks.append(plan_task(names, "review", task, since=review, **common))
    for each in askings(found.plan, now=now, review=review):
        occasion = f"{each.activity} {each.questionnaire} {each.day}"
        told = [
            {"type": {"text": "questionnaire"}, "valueCanonical": each.questionnaire},
            {"type": {"text": "activity"}, "valueString": each.activity},
        ]
        task = task_id(patient, found.id, "questionnaire", occasion)
        tasks.append(plan_task(names, "questionnaire", task, since=each.day, input=told, **common))
    return tasks


async def _missing(server: FhirServer, found: Found, tasks: list[Resource]) -> list[Resource]:
    number = server.registry.number("Task")
    return [each for each in tasks if not await server.database.fetch(_TASK, found.patient, number, each["id"])]


async def _draft(server: FhirServer, access: Access, patient: int, resource: Resource) -> Draft:
    remarks = await check_resource(server, server.database, access, resource, may_hold_bsn=True, patient=patient)
    kind: str = resource["resourceType"]
    draft = Draft("update", kind, resource["id"], patient, resource, owned=True)
    draft.remarks = remarks
    return finish(server, draft)

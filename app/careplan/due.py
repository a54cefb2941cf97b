"""What is due: on the day of its review a plan goes to the phase check, and the person is asked to look back; they are
asked to agree to a plan that was not agreed for long, to fill in a questionnaire that the plan names, and to measure by
a protocol that it names.

Everybody's plans are gone through, a bounded number at a time; of those that an index says have nothing to do nothing
is read. It may be broken off, run again, and run in several processes at once: a Task has an id of its occasion, and a
plan is changed only as it was read. https://hl7.org/fhir/R4/task.html

What a running service does by itself stands in the access log, with the service as who did it: a line for each record
that something was written in. Nobody is shown what is read. A command, such as ``zelfregie due``, writes no lines, as a
load does not: what it wrote is known by ``history.actor`` and ``history.request``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog

from app.auth.grants import ServiceAccesses
from app.auth.recording import Recording
from app.careplan.cycle import events
from app.careplan.intent import Intent
from app.careplan.limits import most_asking
from app.careplan.measuring_rhythm import protocol_system, run_task, without_going_on
from app.careplan.names import IZP, Names
from app.careplan.plan import Cycle, cycle_of, with_cycle
from app.careplan.recent import is_due
from app.careplan.rhythm import rhythm_members, without_idle
from app.careplan.schedule import askings, measurings, one_by_one
from app.careplan.tasks import agreement_task, plan_task, review_task, task_id
from app.careplan.times import RHYTHM
from app.errors import Conflict, PreconditionFailed, ZelfregieError
from app.faults import trace_of
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource, decode
from app.server.access import Access
from app.server.search.terms import NO_SYSTEM, hash_token
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.prepare import check_resources, finish

AGREE_WITHIN: Final = 14 * 24 * 3600 * 1_000_000
"""After how long in the phase plan (µs) somebody is asked whether they want to agree to it."""
AT_A_TIME: Final = 200
EVENT: Final = "plan-due"
"""What the access log calls it."""
_REASON: Final = "due"
_HAS: Final = (
    "EXISTS (SELECT 1 FROM token t WHERE t.patient = p.patient AND t.type = $4 AND t.param = {param}"
    " AND t.value = {value} AND t.n = r.n)"
)
_PLANS: Final = (
    "SELECT p.patient, p.tenant, r.id, r.version, r.body FROM partition p"
    " JOIN claim c ON c.patient = p.patient AND c.name = $1"
    " JOIN resource r ON r.patient = p.patient AND r.n = c.n AND r.deleted = 0"
    # Nobody is asked to agree but in the phase plan, and nothing else is asked in it or of a plan that is not active.
    f" WHERE p.patient > $2 AND p.state = 'live' AND CASE WHEN {_HAS.format(param='$8', value='$9')}"
    f" THEN r.updated <= $3 ELSE {_HAS.format(param='$10', value='$11')} AND (EXISTS (SELECT 1 FROM period d"
    " WHERE d.patient = p.patient AND d.type = $4 AND d.param IN ($5, $6) AND d.n = r.n AND d.low <= $7)"
    " OR EXISTS (SELECT 1 FROM claim e WHERE e.patient = p.patient AND e.name = $12)) END"
    " ORDER BY p.patient LIMIT $13"
)
_TASKS: Final = "SELECT r.id FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id IN"
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


async def write_due(server: FhirServer, names: Names, *, now: int, recording: Recording | None = None) -> DueReport:
    """Write what is due by ``now`` (µs); what is written has the time of the clock. ``recording``: the access log of
    this process, where it has one.
    """
    report = DueReport()
    async with AsyncExitStack() as stack:
        number = server.registry.number("Patient")
        accesses = ServiceAccesses(server.database, stack, reason=_REASON, now=server.clock(), patient_type=number)
        async for found in _plans(server, now=now):
            try:
                written = await _one(server, await accesses.of(found.tenant), found, names, report, now=now)
                if written and recording is not None:
                    names_written = [f"{each.type}/{each.id}" for each in written]
                    await recording.by_service(
                        EVENT, patient=found.patient, resources=names_written, now=server.clock()
                    )
            except (PreconditionFailed, Conflict):
                continue  # changed a moment ago, or done by another process: what is left is for the next round
            except ZelfregieError as error:
                report.failed += 1
                _log.warning("due.failed", plan=found.id, problems=[each.rule for each in error.all_issues()])
            except Exception as error:  # noqa: BLE001 - one plan does not keep what is due from everybody after it
                report.failed += 1
                _log.error("due.fault", plan=found.id, trace=trace_of(error))
            await asyncio.sleep(0)
    return report


async def due_by_clock(server: FhirServer, names: Names, recording: Recording) -> DueReport:
    """The same by the clock, as a running service does now and then."""
    return await write_due(server, names, now=server.clock(), recording=recording)


async def _plans(server: FhirServer, *, now: int) -> AsyncIterator[Found]:
    """The open plans of all records that an index says may have something to do."""
    numbers = server.definitions.parameter_numbers
    after = 0
    days = (server.registry.number("CarePlan"), numbers["next-review"], numbers["activity-date"], now)
    codes = (numbers["phase"], hash_token(NO_SYSTEM, "plan"), numbers["status"], hash_token(NO_SYSTEM, "active"))
    while rows := await server.database.fetch(_PLANS, IZP, after, now - AGREE_WITHIN, *days, *codes, RHYTHM, AT_A_TIME):
        for patient, tenant, plan_id, version, body in rows:
            yield Found(patient, tenant, plan_id, version, {**decode(body), "id": plan_id})
        after = rows[-1][0]


async def _one(
    server: FhirServer, access: Access, found: Found, names: Names, report: DueReport, *, now: int
) -> list[Draft]:
    """What was written in one record."""
    cycle = cycle_of(found.plan, names)
    if cycle is None:
        return []
    at = server.clock()
    tasks = await _missing(server, found, await _tasks(found, cycle, names, now=now, at=at))
    tasks = await without_idle(server, access, found.patient, tasks, now=at)
    tasks = await without_going_on(server, found.patient, tasks, names.base)
    opens = found.plan["status"] == "active" and cycle.phase == "do" and is_due(cycle, now=now)
    if not tasks and not opens:
        return []
    moved = events()["evaluate"].after(cycle, now=instant(at)) if opens else None
    plans = [] if moved is None else [with_cycle(found.plan, moved, names)]
    drafts = await _drafts(server, access, found.patient, [*tasks, *plans])
    for draft in drafts[: len(tasks)]:
        draft.if_none_match = True
    for draft in drafts[len(tasks) :]:
        draft.if_match = found.version
    intent = Intent("evaluate", seen=found.version) if opens else None
    await execute(server, access, drafts, now=at, request=_REASON, service=True, intent=intent)
    report.opened += opens
    report.tasks += len(tasks)
    return drafts


async def _tasks(found: Found, cycle: Cycle, names: Names, *, now: int, at: int) -> list[Resource]:
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
    for alone in one_by_one(found.plan, protocol_system(names.base), most=most_asking()):
        for each in askings(alone, now=now, review=review, since=cycle.since):
            occasion = f"{each.activity} {each.questionnaire} {each.day}"
            task = task_id(patient, found.id, "questionnaire", occasion)
            told = rhythm_members(names, each)
            tasks.append(plan_task(names, "questionnaire", task, since=each.day, **told, **common))
        tasks += _runs(found, alone, names, since=cycle.since, now=now, at=at)
        await asyncio.sleep(0)  # a plan of many activities does not keep others from being served
    return tasks


def _runs(found: Found, plan: Resource, names: Names, *, since: str, now: int, at: int) -> Iterator[Resource]:
    for each in measurings(plan, now=now, system=protocol_system(names.base), since=since):
        task = task_id(found.patient, found.id, "protocol", f"{each.activity} {each.protocol} {each.day}")
        run = run_task(each, task, plan_id=found.id, patient_id=found.patient_id, canonical_base=names.base, now=at)
        if run is not None:
            yield run


async def _missing(server: FhirServer, found: Found, tasks: list[Resource]) -> list[Resource]:
    number = server.registry.number("Task")
    if not tasks:
        return []
    places = ", ".join(f"${place}" for place in range(3, 3 + len(tasks)))
    rows = await server.database.fetch(f"{_TASKS} ({places})", found.patient, number, *(each["id"] for each in tasks))
    known = {row[0] for row in rows}
    return [each for each in tasks if each["id"] not in known]


async def _drafts(server: FhirServer, access: Access, patient: int, resources: list[Resource]) -> list[Draft]:
    checked = await check_resources(server, server.database, access, resources, may_hold_bsn=True, patient=patient)
    drafts = []
    for resource, remarks in zip(resources, checked, strict=True):
        draft = Draft("update", resource["resourceType"], resource["id"], patient, resource, owned=True)
        draft.remarks = remarks
        drafts.append(finish(server, draft))
    return drafts

"""Measuring by a protocol that an activity of the plan asks for by its own rhythm: a run that is requested, as who
gives care requests one. It begins when the person says yes.

Nothing piles up: as long as the last run of an activity is open there is no other, and one that ended after a day came
round counts for that day. https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from app.careplan.people import SERVICE_NAME
from app.careplan.schedule import Measuring
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource, decode
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import SYSTEM, protocols
from app.measurements.protocols.tasks import ACTIVITY, ASKED, OPEN, Asking, activity_of, coded, is_run, task_of
from app.server.search.terms import hash_token
from app.server.server import FhirServer

_MOST: Final = 500
"""The newest runs of a protocol that are looked at."""
_RUNS: Final = (
    "SELECT DISTINCT r.n, r.updated, r.body FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient = $1 AND t.type = $2 AND t.param = $3 AND t.value = $4 AND r.deleted = 0"
    " ORDER BY r.n DESC LIMIT $5"
)


def protocol_system(canonical_base: str) -> str:
    """The code system of protocols."""
    return f"{canonical_base}/CodeSystem/{SYSTEM}"


def run_task(
    asked: Measuring, task: str, *, plan_id: str, patient_id: str, canonical_base: str, now: int
) -> Resource | None:
    """The Task with the id ``task``, for as many days as usual from the day that came round; None for a protocol that
    is not here.
    """
    protocol = protocols().get(asked.protocol)
    if protocol is None:
        return None
    run = Run(protocol, date.fromisoformat(asked.day), protocol.days[2], {})
    asking = Asking({"reference": f"Patient/{patient_id}"}, {"display": SERVICE_NAME}, "requested", "plan", plan_id)
    made = task_of(run, asking, canonical_base=canonical_base, now=instant(now))
    named = {"type": {"text": ACTIVITY}, "valueString": asked.activity}
    return {**made, "id": task, "focus": {"reference": f"CarePlan/{plan_id}"}, "input": [named]}


async def without_going_on(
    server: FhirServer, patient: int, tasks: Sequence[Resource], canonical_base: str
) -> list[Resource]:
    """The Tasks, but for runs of an activity of which one is open, or ended since the day of a new one."""
    found = []
    for each in tasks:
        if is_run(each, canonical_base):
            before = await _runs_before(server, patient, each, canonical_base)
            if any(_stands_for(updated, run, each) for updated, run in before):
                continue
        found.append(each)
    return found


async def _runs_before(
    server: FhirServer, patient: int, task: Resource, canonical_base: str
) -> list[tuple[int, Resource]]:
    """When it was changed last (µs), and the Task, of each run of the same protocol."""
    coding = coded(task["code"], canonical_base) or {}
    value = hash_token(coding["system"], coding["code"])
    number, parameter = server.registry.number("Task"), server.definitions.parameter_numbers["code"]
    rows = await server.database.fetch(_RUNS, patient, number, parameter, value, _MOST)
    return [(updated, decode(body)) for _, updated, body in rows]


def _stands_for(updated: int, before: Resource, task: Resource) -> bool:
    if before.get("focus") != task["focus"] or activity_of(before) != activity_of(task):
        return False
    is_open = before.get("status") in OPEN | ASKED
    return is_open or updated >= bounds(task["executionPeriod"]["start"])[0]

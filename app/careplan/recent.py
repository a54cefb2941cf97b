"""What a plan went through since it was last agreed, as the rules of the cycle need it: read from its revisions, the
newest first, whatever the caller may see of them.

Nothing of it is shown to anybody, and nothing is read once the caller's grant does not stand any more. What is shown of
the past goes through ``history``, under the access of now.
https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.careplan.names import Names
from app.careplan.past import Revision
from app.careplan.plan import OPEN_GOALS, Cycle, goals_of, local
from app.careplan.revision import claim_of
from app.fhir.dates import bounds
from app.fhir.resource import Resource, decode
from app.server.server import FhirServer
from app.server.store.guarded import GUARD, GuardedReader

_AT_A_TIME: Final = 20
_FIRST: Final = 1
_REVISIONS: Final = (
    "SELECT c.name, r.n, r.id, r.version, r.updated, r.deleted, r.body FROM claim c CROSS JOIN resource r"
    " WHERE c.patient = $4 AND c.name >= $5 AND c.name < $6 AND r.patient = $4 AND r.n = c.n"
    f" AND {GUARD} ORDER BY c.name DESC LIMIT $7"
)
_SAID: Final = (
    "SELECT DISTINCT l.target_id, r.n, r.id, r.body FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $4 AND l.type = $5 AND l.param = $6 AND l.target_type = $7 AND l.target_id IN ({goals})"
    f" AND r.deleted = 0 AND r.updated >= $8 AND {GUARD} ORDER BY r.n"
)
_GOALS: Final = (
    "SELECT r.id, r.body FROM resource r WHERE r.patient = $4 AND r.type = $5 AND r.id IN ({goals}) AND r.deleted = 0"
    f" AND {GUARD}"
)
_VERSION: Final = (
    "SELECT coalesce(h.body, (SELECT r.body FROM resource r WHERE r.patient = h.patient AND r.type = h.type"
    " AND r.id = h.id AND r.version = h.version)) FROM history h"
    f" WHERE h.patient = $4 AND h.type = $5 AND h.id = $6 AND h.version = $7 AND {GUARD}"
)
_AGREED: Final = frozenset({"accepted", "active", "on-hold"})
"""The statuses of goals that a check is about: what is only proposed is still to be agreed, and needs no decision."""
_VOID: Final = frozenset({"entered-in-error", "cancelled"})


@dataclass(slots=True)
class Recent:
    """``agreed`` (µs): when the plan was last agreed, 0 when it never was; ``decided``: what was decided about each
    goal since, in the check that is going on.
    """

    agreed: int = 0
    decided: dict[str, str] = field(default_factory=dict)


async def revisions_back(reader: GuardedReader, patient: int, plan_id: str) -> AsyncIterator[Revision]:
    """The revisions of a plan, the newest first; those that were erased are left out."""
    end = f"izp|{plan_id}}}"
    while rows := await reader.fetch(_REVISIONS, patient, claim_of(plan_id, _FIRST), end, _AT_A_TIME):
        for name, n, resource_id, version, updated, deleted, body in rows:
            if not deleted:
                number = int(name.rpartition("|")[2])
                yield Revision(number, n, resource_id, version, updated, erased=False, seen=True, body=body)
        if len(rows) < _AT_A_TIME:
            return
        end = rows[-1][0]


async def recent(reader: GuardedReader, patient: int, plan_id: str, names: Names) -> Recent:
    """Since the plan was last agreed. What was decided before it was opened for revision does not count any more."""
    found, counts = Recent(), True
    async for revision in revisions_back(reader, patient, plan_id):
        if revision.event == "agree":
            found.agreed = revision.updated
            break
        counts = counts and revision.event != "revise"
        if counts and revision.event == "decide":
            for goal, decision in decisions_in(revision.resource, names):
                found.decided.setdefault(goal, decision)
    return found


def decisions_in(revision: Resource, names: Names) -> list[tuple[str, str]]:
    """(Goal id, decision) of each that a revision carries."""
    found = []
    for each in revision.get("extension", ()):
        if each.get("url") == names.extension("goal-decision"):
            parts: dict[str, Any] = {part.get("url"): part for part in each.get("extension", ())}
            goal = local(parts.get("goal", {}).get("valueReference"))
            if goal is not None:
                found.append((goal[1], parts.get("decision", {}).get("valueCode", "")))
    return found


async def since_the_last_check(reader: GuardedReader, patient: int, plan_id: str, names: Names, cycle: Cycle) -> int:
    """When the check of the cycle before ended (µs); in the first cycle when the plan was started."""
    first = 0
    async for revision in revisions_back(reader, patient, plan_id):
        first = revision.updated
        if _cycle_in(revision.resource, names) < cycle.cycle:
            break
    return first


async def status_before_hold(
    server: FhirServer, reader: GuardedReader, patient: int, plan_id: str, cycle: Cycle
) -> str:
    """The status that the plan had when it was put on hold; where that is not known any more, that of a plan which was
    agreed or not, as it stands in its cycle.
    """
    agreed = cycle.cycle > 1 or cycle.phase != "plan"
    async for revision in revisions_back(reader, patient, plan_id):
        version = revision.replaced.get(("CarePlan", plan_id))
        if revision.event == "hold" and version is not None:
            rows = await reader.fetch(_VERSION, patient, server.registry.number("CarePlan"), plan_id, version)
            if rows and rows[0][0] is not None:
                found: str = decode(rows[0][0])["status"]
                return found
        agreed = agreed or revision.event == "agree"
    return "active" if agreed else "draft"


async def said_of(
    server: FhirServer, reader: GuardedReader, patient: int, goals: Sequence[str], *, since: int
) -> dict[str, list[Resource]]:
    """What was said of each goal since a moment (µs), as Observations in their order."""
    if not goals:
        return {}
    number = server.registry.number
    parameter = server.definitions.parameter_numbers["goal-focus"]
    binds = (patient, number("Observation"), parameter, number("Goal"), since)
    found: dict[str, list[Resource]] = {goal: [] for goal in goals}
    for goal, _, resource_id, body in await reader.fetch(_SAID.format(goals=_places(9, goals)), *binds, *goals):
        said = {**decode(body), "id": resource_id}
        if said.get("status") not in _VOID:
            found[goal].append(said)
    return found


async def to_decide(server: FhirServer, reader: GuardedReader, patient: int, plan: Resource) -> dict[str, str]:
    """The lifecycleStatus of every goal of the plan that is open, by id."""
    goals = goals_of(plan)
    if not goals:
        return {}
    statement = _GOALS.format(goals=_places(6, goals))
    rows = await reader.fetch(statement, patient, server.registry.number("Goal"), *goals)
    known = {row[0]: decode(row[1]).get("lifecycleStatus", "") for row in rows if row[1] is not None}
    return {goal: known[goal] for goal in goals if known.get(goal) in OPEN_GOALS}


def _places(first: int, values: Sequence[str]) -> str:
    """Placeholders for values, from the number of the first."""
    return ", ".join(f"${place}" for place in range(first, first + len(values)))


def needs_decision(goals: Mapping[str, str]) -> set[str]:
    """Those of open goals, with their status, that a check is about."""
    return {goal for goal, status in goals.items() if status in _AGREED}


def is_due(cycle: Cycle, *, now: int) -> bool:
    """Whether the day of the review has come."""
    return bool(cycle.next_review) and bounds(cycle.next_review)[0] <= now


def _cycle_in(revision: Resource, names: Names) -> int:
    for each in revision.get("extension", ()):
        if each.get("url") == names.revision:
            for part in each.get("extension", ()):
                if part.get("url") == "cycle":
                    number: int = part.get("valuePositiveInt", 0)
                    return number
    return 0

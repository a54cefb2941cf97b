"""Changing the plan by an operation: what is there is read, an event makes of it what follows, and all is written as
one, or made anew when somebody else was faster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.plan import goals_of, is_plan
from app.careplan.refusals import refusal, refused
from app.errors import Conflict, Invalid, NotFound, PreconditionFailed
from app.fhir.resource import Resource, decode
from app.fhir.scopes import NAMES
from app.server.challenges import beyond_scopes
from app.server.interactions.preconditions import check_known, if_match
from app.server.interactions.stored import all_stored_for, stored_for
from app.server.messages import Request, Target
from app.server.rules import Overtaken
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute, settle
from app.server.store.prepare import check_resources, finish, fresh_id

MOST_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of the plan as it is stored now."""

    resource: Resource
    version: int


@dataclass(frozen=True, slots=True)
class Current:
    """The plan as it is now, with those of its goals by id that the caller may see."""

    patient: int
    patient_id: str
    plan: Part
    goals: Mapping[str, Part]

    @property
    def id(self) -> str:
        """The plan's."""
        found: str = self.plan.resource["id"]
        return found


@dataclass(slots=True)
class Changed:
    """What an event makes of the plan: resources under their present ids, new ones with an id from ``fresh_id`` or
    none, and what is meant by it. ``right``: what the caller must be allowed where that is not to change what is
    changed: who may add records what was agreed by word of mouth, for one. ``known``: the version of what is updated
    besides the plan and its goals, by type and id.
    """

    intent: Intent
    updated: list[Resource] = field(default_factory=list)
    created: list[Resource] = field(default_factory=list)
    right: int | None = None
    known: Mapping[tuple[str, str], int] = field(default_factory=dict)


Make = Callable[[Current], Awaitable[Changed]]


def check_scopes(request: Request, action: int, *types: str) -> None:
    """An operation writes what its caller may write. Raises ``Forbidden``."""
    for each in types:
        if not request.access.scopes.allow(each, action):
            text = f"The token's scopes do not allow to {NAMES[action]} {each}, which this operation needs."
            raise beyond_scopes(request.access.scopes, text, (each, action))


async def current_of(server: FhirServer, request: Request, target: Target, names: Names) -> Current:
    """The individual care plan at the address. Raises ``NotFound``, also for another CarePlan."""
    stored = await stored_for(server, request, "CarePlan", target.id, patient_id=target.patient_id)
    plan = decode(stored.body)
    if not is_plan(plan, names):
        raise refused(NotFound, "other-plan", id=str(target.id))
    # What the caller may not see, what is not there and what was erased is left out: the plan goes on without it.
    found = await all_stored_for(server, request, "Goal", goals_of(plan), partition=stored.patient)
    goals = {goal: Part(decode(each.body), each.version) for goal, each in found.items()}
    patient_id = plan["subject"]["reference"].rpartition("/")[2]
    return Current(stored.patient, patient_id, Part(plan, stored.version), goals)


async def change(
    server: FhirServer, request: Request, target: Target, names: Names, make: Make
) -> tuple[Current, list[Draft]]:
    """Carry out an event. Raises as a write does, and what ``make`` raises."""
    wanted = if_match(request.headers)
    for _ in range(MOST_TRIES):
        current = await current_of(server, request, target, names)
        if wanted is not None:
            known = wanted, current.plan.version
            late = Overtaken(current.patient, request.access, "CarePlan", current.id, *known, request.now)
            await check_known(server, late)
        changed = await make(current)
        drafts = await drafts_of(server, request, current, changed)
        intent = replace(changed.intent, seen=current.plan.version)
        try:
            await execute(server, request.access, drafts, now=request.now, request=request.id, intent=intent)
        except PreconditionFailed:
            if wanted is not None:
                raise
            await settle(server)
            continue
        return current, drafts
    raise refused(Conflict, "keeps-changing", as_type="conflict")


async def drafts_of(server: FhirServer, request: Request, current: Current, changed: Changed) -> list[Draft]:
    """The drafts of a change; what is updated must be as it was read."""
    versions = {**changed.known, ("CarePlan", current.id): current.plan.version}
    versions |= {("Goal", each): part.version for each, part in current.goals.items()}
    every = [*((each, False) for each in changed.updated), *((each, True) for each in changed.created)]
    drafts = await drafts_for(server, request, current.patient, every)
    for draft in drafts[: len(changed.updated)]:
        draft.if_match = versions.get((draft.type, draft.id))
        draft.right = changed.right
    return drafts


async def draft_of(
    server: FhirServer, request: Request, patient: int, resource: Resource, *, new: bool = False
) -> Draft:
    """One resource that names its patient, checked and placed in that partition."""
    (draft,) = await drafts_for(server, request, patient, [(resource, new)])
    return draft


async def drafts_for(
    server: FhirServer, request: Request, patient: int, resources: Sequence[tuple[Resource, bool]]
) -> list[Draft]:
    """The same of several, checked together; of each, whether it is new."""
    listed = [each for each, _ in resources]
    checked = await check_resources(server, server.database, request.access, listed, may_hold_bsn=True, patient=patient)
    drafts = []
    for (resource, new), remarks in zip(resources, checked, strict=True):
        kind: str = resource["resourceType"]
        if new:
            resource_id = resource.get("id") or fresh_id(server, patient)
            draft = Draft("create", kind, resource_id, patient, resource, fresh=True, owned=True)
        else:
            draft = Draft("update", kind, resource["id"], patient, resource, owned=True)
        draft.remarks = remarks
        drafts.append(finish(server, draft))
    return drafts


def needed(value: str | None, code: str) -> str:
    """A text that must be there. Raises the refusal ``code``."""
    if value is None or not value.strip():
        raise refusal(code)
    return value.strip()


def patient_of(request: Request, target: Target) -> str:
    """The Patient's id that an operation on Patient is about. Raises ``Invalid``."""
    found = target.id or request.access.patient_id
    if not found:
        raise Invalid("Say for whom: call the operation below Patient/<id>.", "required")
    return found

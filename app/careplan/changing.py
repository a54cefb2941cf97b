"""Changing the plan by an operation: what is there is read, an event makes of it what follows, and all is written as
one, or made anew when somebody else was faster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from app.careplan.intent import Intent
from app.careplan.meanwhile import changed_meanwhile
from app.careplan.names import Names
from app.careplan.plan import goals_of, is_plan
from app.careplan.refusals import refusal
from app.errors import Conflict, Gone, Invalid, Issue, NotFound, PreconditionFailed
from app.fhir.resource import Resource, decode
from app.fhir.scopes import NAMES, Action
from app.server.challenges import beyond_scopes
from app.server.interactions.preconditions import if_match
from app.server.messages import Request, Target
from app.server.rules import Overtaken
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute, settle
from app.server.store.prepare import check_resource, finish, fresh_id
from app.server.store.read import Stored, read

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
    stored = await _read(server, request, "CarePlan", target.id, target.patient_id)
    plan = decode(stored.body)
    if not is_plan(plan, names):
        raise NotFound(f"CarePlan/{target.id} is not an individual care plan.", "business-rule")
    goals: dict[str, Part] = {}
    for goal in goals_of(plan) if request.access.scopes.allow("Goal", Action.READ) else ():
        try:
            found = await _read(server, request, "Goal", goal, None, partition=stored.patient)
        except (NotFound, Gone):
            continue  # not in what the caller may see, not there, or erased: the plan goes on without it
        goals[goal] = Part(decode(found.body), found.version)
    patient_id = plan["subject"]["reference"].rpartition("/")[2]
    return Current(stored.patient, patient_id, Part(plan, stored.version), goals)


async def change(
    server: FhirServer, request: Request, target: Target, names: Names, make: Make
) -> tuple[Current, list[Draft]]:
    """Carry out an event. Raises as a write does, and what ``make`` raises."""
    wanted = if_match(request.headers)
    for _ in range(MOST_TRIES):
        current = await current_of(server, request, target, names)
        if wanted not in (None, current.plan.version):
            raise await _overtaken(server, request, current, wanted)
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
    raise Conflict("Others keep changing this care plan; send it again.", "conflict")


async def _overtaken(server: FhirServer, request: Request, current: Current, known: int | None) -> PreconditionFailed:
    """That the plan is not at the version that If-Match names, and what changed since."""
    present = current.plan.version
    text = f"CarePlan/{current.id} is at version {present}, and not at version {known} as If-Match says."
    late = Overtaken(current.patient, request.access, "CarePlan", current.id, known or present, present)
    told = await changed_meanwhile(server.database, late, current.id, server.definitions.type_numbers)
    return PreconditionFailed(text, issues=(Issue("conflict", text), *told))


async def drafts_of(server: FhirServer, request: Request, current: Current, changed: Changed) -> list[Draft]:
    """The drafts of a change; what is updated must be as it was read."""
    versions = {**changed.known, ("CarePlan", current.id): current.plan.version}
    versions |= {("Goal", each): part.version for each, part in current.goals.items()}
    drafts = []
    for resource in changed.updated:
        draft = await draft_of(server, request, current.patient, resource)
        draft.if_match = versions.get((draft.type, draft.id))
        draft.right = changed.right
        drafts.append(draft)
    drafts += [await draft_of(server, request, current.patient, each, new=True) for each in changed.created]
    return drafts


async def draft_of(
    server: FhirServer, request: Request, patient: int, resource: Resource, *, new: bool = False
) -> Draft:
    """One resource that names its patient, checked and placed in that partition."""
    remarks = await check_resource(
        server, server.database, request.access, resource, may_hold_bsn=True, patient=patient
    )
    kind: str = resource["resourceType"]
    if new:
        resource_id = resource.get("id") or fresh_id(server, patient)
        draft = Draft("create", kind, resource_id, patient, resource, fresh=True, owned=True)
    else:
        draft = Draft("update", kind, resource["id"], patient, resource, owned=True)
    draft.remarks = remarks
    return finish(server, draft)


async def _read(
    server: FhirServer,
    request: Request,
    kind: str,
    resource_id: str,
    patient_id: str | None,
    *,
    partition: int | None = None,
) -> Stored:
    return await read(
        server.database,
        request.access,
        kind,
        resource_id,
        registry=server.registry,
        now=request.now,
        patient_id=patient_id,
        partition=partition,
    )


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

"""Writing an answer: the plan, what stands beside it and the proposal, as one."""

from __future__ import annotations

from app.careplan.changing import check_scopes, draft_of
from app.careplan.difference import PLAN
from app.careplan.intent import Intent
from app.careplan.proposals.answering import Written
from app.careplan.proposals.reading import Situation
from app.careplan.proposals.rules import PROPOSING
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute


async def write(server: FhirServer, request: Request, situation: Situation, written: Written, reason: str) -> None:
    """Write it. Raises as a write does, ``PreconditionFailed`` where somebody else was faster."""
    versions = {key: part.version for key, part in situation.parts.items()}
    versions[PLAN, situation.plan.resource["id"]] = situation.plan.version
    versions[PLAN, situation.id] = situation.proposal.version

    async def draft(resource: Resource, *, new: bool = False) -> Draft:
        check_scopes(request, Action.CREATE if new else Action.UPDATE, resource["resourceType"])
        made = await draft_of(server, request, situation.patient, resource, new=new)
        if not new:
            made.if_match = versions[made.type, made.id]
        return made

    drafts = [await draft(resource, new=new) for resource, new in written.plan]
    drafts += [await draft(resource) for resource in written.beside]
    if written.proposal is not None:
        drafts.append(await draft(written.proposal))
    source = f"{PLAN}/{situation.id}/_history/{situation.proposal.version}"
    intent: object = PROPOSING
    if written.plan:
        authors = {source: situation.proposal.resource["author"]}
        intent = Intent("accept", reason_text=reason, sources=(source,), authors=authors, seen=situation.plan.version)
    await execute(server, request.access, drafts, now=request.now, request=request.id, intent=intent)

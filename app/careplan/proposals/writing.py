"""Writing an answer: the plan, what stands beside it and the proposal, as one."""

from __future__ import annotations

from app.careplan.changing import check_scopes, drafts_for
from app.careplan.difference import PLAN
from app.careplan.intent import Intent
from app.careplan.proposals.answering import Written
from app.careplan.proposals.reading import Situation
from app.careplan.proposals.rules import PROPOSING
from app.fhir.scopes import Action
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.execute import execute


async def write(server: FhirServer, request: Request, situation: Situation, written: Written, reason: str) -> None:
    """Write it. Raises as a write does, ``PreconditionFailed`` where somebody else was faster."""
    versions = {key: part.version for key, part in situation.parts.items()}
    versions[PLAN, situation.plan.resource["id"]] = situation.plan.version
    versions[PLAN, situation.id] = situation.proposal.version

    listed = [*written.plan, *((each, False) for each in written.beside)]
    if written.proposal is not None:
        listed.append((written.proposal, False))
    for resource, new in listed:
        check_scopes(request, Action.CREATE if new else Action.UPDATE, resource["resourceType"])
    drafts = await drafts_for(server, request, situation.patient, listed)
    for draft, (_, new) in zip(drafts, listed, strict=True):
        if not new:
            draft.if_match = versions[draft.type, draft.id]
    source = f"{PLAN}/{situation.id}/_history/{situation.proposal.version}"
    intent: object = PROPOSING
    if written.plan:
        authors = {source: situation.proposal.resource["author"]}
        intent = Intent("accept", reason_text=reason, sources=(source,), authors=authors, seen=situation.plan.version)
    await execute(server, request.access, drafts, now=request.now, request=request.id, intent=intent)

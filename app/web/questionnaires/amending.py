"""Correcting answers that were sent: a working copy is filled in as any draft. What becomes of it when it is sent is
the server's rule, as for an app (``app/questionnaires/answers/amending.py``).
https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html
"""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from app.errors import Conflict
from app.fhir.resource import Resource
from app.questionnaires.answers.intake import COMPLETE
from app.server.working_copies import Original
from app.web.problems import PageProblem
from app.web.questionnaires.drafts import TYPE, Draft, draft_of, found
from app.web.questionnaires.visit import Visit

_NOT_COPIED: Final = ("id", "meta", "identifier", "text")


async def amend(visit: Visit) -> Response:
    """Begin to correct, or go on with that."""
    await visit.form()
    sent = await draft_of(visit, visit.part("id"))
    if sent.status not in COMPLETE:
        return visit.go(f"/questionnaires/{sent.id}")
    for each in await found(visit, TYPE, "status=in-progress&_sort=-_lastUpdated&_count=100"):
        if visit.original_of(each) == Original(sent.id, sent.version):
            return visit.go(f"/questionnaires/{each['id']}/overview")
    copy = {name: value for name, value in sent.response.items() if name not in _NOT_COPIED}
    reference = f"{TYPE}/{sent.id}/_history/{sent.version}"
    mark = {"url": visit.asking.names.amends, "valueReference": {"reference": reference}}
    body = {**copy, "status": "in-progress", "extension": [*copy.get("extension", ()), mark], **_who(visit)}
    made = (await visit.calls.post(TYPE, body)).resource
    return visit.go(f"/questionnaires/{made['id']}/overview")


async def send_amended(draft: Draft, body: Resource, of: Original) -> str:
    """Send a draft that is a copy of answers; ``body``: what it says as it would be sent. Gives what was done:
    ``amended``, or ``same`` where no answer differs. Raises ``PageProblem`` when the answers were changed elsewhere
    meanwhile, ``PreconditionFailed`` when the draft was, and ``Unprocessable``.
    """
    calls = draft.visit.calls
    try:
        called = await calls.put(f"{TYPE}/{draft.id}", {**body, **_who(draft.visit)}, if_match=f'W/"{draft.version}"')
    except Conflict:
        raise PageProblem(409, "questionnaires.problem.amended_elsewhere") from None
    return "same" if called.version == of.version else "amended"


async def discard(draft: Draft) -> None:
    """Take a working copy away; what was sent stays as it was."""
    await draft.visit.calls.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [_taken_away(draft)]})


def _who(visit: Visit) -> Resource:
    """Who corrects is who gives the answers from now on."""
    who = {"reference": visit.access.fhir_user or f"Patient/{visit.access.patient_id}"}
    return {"author": who, "source": who}


def _taken_away(draft: Draft) -> Resource:
    return {"request": {"method": "DELETE", "url": f"{TYPE}/{draft.id}", "ifMatch": f'W/"{draft.version}"'}}

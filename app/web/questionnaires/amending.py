"""Correcting answers that were sent: a working copy is filled in as any draft, and when it is sent the answers
themselves are amended and the copy goes. Every version of the answers stays.
https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html
"""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from app.errors import PreconditionFailed
from app.fhir.resource import Resource, parse_reference
from app.questionnaires.answers.intake import COMPLETE
from app.questionnaires.names import Names
from app.web.problems import PageProblem
from app.web.questionnaires.drafts import TYPE, Draft, draft_of, found, put_entry
from app.web.questionnaires.visit import Visit

_NOT_COPIED: Final = ("id", "meta", "identifier", "text")


def amended_by(response: Resource, names: Names) -> tuple[str, int] | None:
    """(Id, version) of the answers that a draft is a working copy of; None for one that is not."""
    for each in response.get("extension", ()):
        if each.get("url") == names.amends:
            literal = parse_reference(str(each.get("valueReference", {}).get("reference", "")))
            if literal is not None and literal.type == TYPE and str(literal.version).isdecimal():
                return literal.id, int(literal.version or 0)
    return None


async def amend(visit: Visit) -> Response:
    """Begin to correct, or go on with that."""
    await visit.form()
    sent = await draft_of(visit, visit.part("id"))
    if sent.status not in COMPLETE:
        return visit.go(f"/questionnaires/{sent.id}")
    for each in await found(visit, TYPE, "status=in-progress&_sort=-_lastUpdated&_count=100"):
        if amended_by(each, visit.asking.names) == (sent.id, sent.version):
            return visit.go(f"/questionnaires/{each['id']}/overview")
    copy = {name: value for name, value in sent.response.items() if name not in _NOT_COPIED}
    reference = f"{TYPE}/{sent.id}/_history/{sent.version}"
    mark = {"url": visit.asking.names.amends, "valueReference": {"reference": reference}}
    body = {**copy, "status": "in-progress", "extension": [*copy.get("extension", ()), mark], **_who(visit)}
    made = (await visit.calls.post(TYPE, body)).resource
    return visit.go(f"/questionnaires/{made['id']}/overview")


async def send_amended(draft: Draft, body: Resource, of: tuple[str, int]) -> str:
    """Amend the answers that a draft is a copy of, and take the copy away, all or nothing; ``body``: what the draft
    says as it would be sent. Gives what was done: ``amended``, or ``same`` where no answer differs. Raises
    ``PageProblem`` when the answers were changed elsewhere meanwhile, and ``Unprocessable``.
    """
    visit, (sent_id, version) = draft.visit, of
    called = await visit.calls.get(f"{TYPE}/{sent_id}")
    if called.version != version:
        raise PageProblem(409, "questionnaires.problem.amended_elsewhere")
    if called.resource.get("item") == body.get("item"):
        await discard(draft)
        return "same"
    made = {name: value for name, value in called.resource.items() if name not in ("item", "text")}
    made |= {"status": "amended", "authored": body["authored"], **_who(visit)}
    if "item" in body:
        made["item"] = body["item"]
    entries = [put_entry(f"{TYPE}/{sent_id}", made, version), _taken_away(draft)]
    try:
        await visit.calls.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    except PreconditionFailed:
        raise PageProblem(409, "questionnaires.problem.amended_elsewhere") from None
    return "amended"


async def discard(draft: Draft) -> None:
    """Take a working copy away; what was sent stays as it was."""
    await draft.visit.calls.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [_taken_away(draft)]})


def _who(visit: Visit) -> Resource:
    """Who corrects is who gives the answers from now on."""
    who = {"reference": visit.access.fhir_user or f"Patient/{visit.access.patient_id}"}
    return {"author": who, "source": who}


def _taken_away(draft: Draft) -> Resource:
    return {"request": {"method": "DELETE", "url": f"{TYPE}/{draft.id}", "ifMatch": f'W/"{draft.version}"'}}

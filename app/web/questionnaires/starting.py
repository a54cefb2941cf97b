"""Before the first question: what it is, whose wording it is, who fills in; then a draft with what is known already."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi.responses import Response

from app.auth.accounts.names import display_name
from app.auth.roles import Role
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.questionnaires.library import Held
from app.questionnaires.names import CORE
from app.web.questionnaires.asked import task_of
from app.web.questionnaires.drafts import TYPE, asked_in, draft_of, found, seen
from app.web.questionnaires.outline import ALL
from app.web.questionnaires.visit import Visit
from app.web.questionnaires.wording import said

COMPLETION: Final = f"{CORE}questionnaireresponse-completionMode"
HELPED: Final = "helped"
"""Somebody helps who is not known in the record."""
_SELF: Final = "self"


async def show_start(visit: Visit) -> Response:
    """The page before the questions, of a Questionnaire or of a Task that asks for one."""
    canonical, task = await _asked(visit, visit.query("questionnaire"), visit.query("task"))
    return await _page(visit, await visit.held(canonical), task)


async def start(visit: Visit) -> Response:
    """Begin: make the draft, and accept what was asked."""
    form = await visit.form()
    canonical, task = await _asked(visit, form.get("questionnaire"), form.get("task"))
    held = await visit.held(canonical)
    helpers = await _helpers(visit)
    who = form.get("who") or _SELF
    if who not in (_SELF, HELPED, *(reference for reference, _ in helpers)):
        return await _page(visit, held, task, problem=visit.visitor.t("questionnaires.who.problem"))
    response = await _populated(visit, held)
    _by(visit, response, who, dict(helpers))
    resource_id = await _created(visit, response, task)
    if form.get("mode") == ALL:
        return visit.go(f"/questionnaires/{resource_id}/fill/{ALL}")
    return visit.go(f"/questionnaires/{resource_id}/first")


async def show_first(visit: Visit) -> Response:
    """On to the first question."""
    draft = await draft_of(visit, visit.part("id"))
    pages = draft.pages
    return visit.go(f"/questionnaires/{draft.id}/" + (f"fill/{pages[0].key}" if pages else "overview"))


async def show_again(visit: Visit) -> Response:
    """What stands before the questions, of a draft."""
    draft = await draft_of(visit, visit.part("id"))
    if draft.status != "in-progress":
        return visit.go(f"/questionnaires/{draft.id}")
    return await _page(visit, draft.held, None, draft_id=draft.id)


async def _asked(visit: Visit, canonical: str, task_id: str) -> tuple[str, Resource | None]:
    """Which Questionnaire is meant, and the Task that asks for it."""
    if not task_id:
        return canonical, None
    task = await task_of(visit, task_id)
    return await asked_in(visit, task), task


async def _page(visit: Visit, held: Held, task: Resource | None, *, problem: str = "", draft_id: str = "") -> Response:
    url = held.form.resource.get("url", "")
    drafts = [] if draft_id else await found(visit, TYPE, "status=in-progress&_sort=-authored&_count=50")
    same = [
        each
        for each in drafts
        if each.get("questionnaire", "").partition("|")[0] == url and not visit.original_of(each)
    ]
    shape: Resource = {"resourceType": TYPE, "status": "in-progress"}
    questions = max((each.last for each in (await seen(visit, held, shape, 0)).pages), default=0)
    return visit.page(
        "start",
        status=422 if problem else 200,
        title=visit.title(held),
        lead=_lead(visit, held),
        canonical=held.form.canonical,
        licence=visit.licence(held),
        holder=held.form.resource.get("copyright", ""),
        task=task,
        drafts=[(each["id"], str(each.get("authored", ""))) for each in same],
        draft_id=draft_id,
        questions=questions,
        helpers=[] if draft_id else await _helpers(visit),
        is_own=visit.access.role == Role.PATIENT,
        problems={"who-1": problem} if problem else {},
    )


def _lead(visit: Visit, held: Held) -> str:
    """What the Questionnaire says of itself in the language of the page, where it has a translation of that. Without
    one a description is written for who installs it.
    """
    resource = held.form.resource
    words = said(resource, "description", visit.language)
    return words if words != resource.get("description") else ""


async def _helpers(visit: Visit) -> list[tuple[str, str]]:
    """References and names of the relatives that the record has."""
    if visit.access.role != Role.PATIENT:
        return []
    listed = await found(visit, "RelatedPerson", "_count=20")
    return [(f"RelatedPerson/{each['id']}", name) for each in listed if (name := display_name(each))]


async def _populated(visit: Visit, held: Held) -> Resource:
    """A draft with what is known: what ``$populate`` gives."""
    parameters: list[Resource] = [
        {"name": "questionnaireRef", "valueReference": {"reference": f"Questionnaire/{held.id}"}},
        {"name": "subject", "valueReference": {"reference": f"Patient/{visit.access.patient_id}"}},
    ]
    body: Resource = {"resourceType": "Parameters", "parameter": parameters}
    answered = (await visit.calls.post("Questionnaire/$populate", body)).resource
    made: dict[str, Any] = next(each["resource"] for each in answered["parameter"] if each["name"] == "response")
    return made


def _by(visit: Visit, response: Resource, who: str, helpers: dict[str, str]) -> None:
    """Who gives the answers, and who writes them down."""
    patient = {"reference": f"Patient/{visit.access.patient_id}"}
    caller = {"reference": visit.access.fhir_user} if visit.access.fhir_user else patient
    response["author"], response["source"] = caller, caller
    if who in helpers:
        response["author"] = {"reference": who, "display": helpers[who]}
    elif who == HELPED:
        mode = {"text": visit.visitor.t("questionnaires.who.helped_kept")}
        response.setdefault("extension", []).append({"url": COMPLETION, "valueCodeableConcept": mode})


async def _created(visit: Visit, response: Resource, task: Resource | None) -> str:
    """The id of the draft; a Task that was only requested is accepted in the same transaction."""
    if task is None or task.get("status") != "requested":
        return str((await visit.calls.post(TYPE, response)).resource["id"])
    accepted = {**task, "status": "accepted", "lastModified": instant(visit.now)}
    match = {"ifMatch": f'W/"{task["meta"]["versionId"]}"'}
    entries: list[Resource] = [
        {"resource": response, "request": {"method": "POST", "url": TYPE}},
        {"resource": accepted, "request": {"method": "PUT", "url": f"Task/{task['id']}", **match}},
    ]
    answer = (await visit.calls.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})).resource
    location = str(answer["entry"][0]["response"]["location"])
    return location.partition("/_history/")[0].rpartition("/")[2]


def address(canonical: str = "", task: str = "") -> str:
    """Where a questionnaire begins."""
    asked = urlencode(
        {name: value for name, value in (("questionnaire", canonical), ("task", task)) if value}, quote_via=quote
    )
    return f"/questionnaires/start?{asked}"

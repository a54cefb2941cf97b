"""What others asked to fill in: say yes, or say no with a reason. Beginning to fill in says yes as well.
https://hl7.org/fhir/R4/task.html#statemachine
"""

from __future__ import annotations

from typing import Any, Final

from fastapi.responses import Response

from app.errors import PreconditionFailed
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.questionnaires.asking.request import codes_of
from app.questionnaires.asking.transitions import transitions
from app.web.problems import PageProblem
from app.web.questionnaires.drafts import asked_in, open_tasks
from app.web.questionnaires.visit import Visit
from app.web.questionnaires.wording import said

WAYS: Final = ("rejected", "failed")
"""Somebody does not want to, or cannot."""
MOST: Final = 1000
"""Characters of a reason."""


async def show_decline(visit: Visit) -> Response:
    """Say no: which way, and why."""
    return await _page(visit, await task_of(visit, visit.part("id")))


async def decline(visit: Visit) -> Response:
    """What was asked is rejected, or cannot be done; an offer of the service needs no reason."""
    form = await visit.form()
    task = await task_of(visit, visit.part("id"))
    way, reason = form.get("way"), " ".join(form.get("reason").split())
    t = visit.visitor.t
    problems = {}
    if way not in WAYS:
        problems["way"] = t("questionnaires.decline.choose")
    if not reason and not _is_offer(visit, task):
        problems["reason"] = t("questionnaires.decline.say")
    if len(reason) > MOST:
        problems["reason"] = t("questionnaires.decline.long", most=MOST)
    if problems:
        return await _page(visit, task, way=way, reason=reason, problems=problems, status=422)
    changed = {**task, "status": way}
    if reason:
        changed["statusReason"] = {"text": reason}
    return await _written(visit, changed, "declined")


async def accept(visit: Visit) -> Response:
    """Say yes, to fill it in later."""
    await visit.form()
    task = await task_of(visit, visit.part("id"))
    if task["status"] != "requested":
        return visit.go("/questionnaires?done=accepted")
    return await _written(visit, {**task, "status": "accepted"}, "accepted")


async def task_of(visit: Visit, task_id: str) -> Resource:
    """An open Task that asks for a questionnaire. Raises ``PageProblem`` for one that is over or is not there."""
    found = next((each for each in await open_tasks(visit) if each["id"] == task_id), None)
    if found is None:
        raise PageProblem(404, "questionnaires.problem.task_over")
    return found


async def title_of(visit: Visit, task: Resource) -> str:
    """What the questionnaire that a Task asks for is called."""
    canonical = await asked_in(visit, task)
    held = await visit.find(canonical) if canonical else None
    title = visit.title(held) if held is not None else said(task, "description", visit.language)
    return title or visit.visitor.t("questionnaires.list.nameless")


async def _written(visit: Visit, task: Resource, done: str) -> Response:
    body = {**task, "lastModified": instant(visit.now)}
    try:
        await visit.calls.put(f"Task/{task['id']}", body, if_match=f'W/"{task["meta"]["versionId"]}"')
    except PreconditionFailed:
        raise PageProblem(409, "questionnaires.problem.task_changed") from None
    return visit.go(f"/questionnaires?done={done}")


def _is_offer(visit: Visit, task: Resource) -> bool:
    return not transitions().offers.isdisjoint(codes_of(task, visit.asking.names.system("plan-task")))


async def _page(visit: Visit, task: Resource, *, status: int = 200, **values: Any) -> Response:
    given = {"way": "", "reason": "", "problems": {}, **values}
    return visit.page(
        "decline",
        status=status,
        task=task,
        title=await title_of(visit, task),
        who=str(task.get("requester", {}).get("display", "")),
        is_offer=_is_offer(visit, task),
        most=MOST,
        **given,
    )

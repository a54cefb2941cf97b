"""``/questionnaires``: what is asked, drafts to go on with, what one can fill in oneself, and what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi.responses import Response

from app.fhir.resource import Resource
from app.questionnaires.library import Held
from app.web.dates import day_of
from app.web.questionnaires.asked import title_of
from app.web.questionnaires.drafts import TYPE, found, open_tasks
from app.web.questionnaires.starting import address
from app.web.questionnaires.visit import Visit

_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One questionnaire in a list. ``status`` and ``task``: those of the Task that asks for it, and ``more`` who asks;
    of a draft that corrects answers ``status`` is amending.
    """

    title: str
    address: str
    more: str = ""
    day: str = ""
    status: str = ""
    task: str = ""


async def show(visit: Visit) -> Response:
    """The lists."""
    usable, closed = await _library(visit)
    return visit.page(
        "list",
        asked=[await _task(visit, each) for each in await open_tasks(visit)],
        drafts=await _responses(visit, "status=in-progress&_sort=-authored&_count=50"),
        library=usable,
        closed=closed,
        answered=await _responses(visit, "status=completed,amended&_sort=-authored&_count=100"),
    )


async def _library(visit: Visit) -> tuple[list[Line], list[Line]]:
    """What can be filled in, and what cannot as its wording is not here."""
    listed = await found(visit, "Questionnaire", f"_count={_MOST}")
    usable: dict[str, Line] = {}
    closed: dict[str, Line] = {}
    for url in sorted({str(each.get("url", "")) for each in listed} - {""}):
        held = await visit.find(url)
        if held is None or not _is_for_people(held):
            continue
        line = Line(visit.title(held), address(url))
        if visit.refusal(held) is not None:
            closed[url] = line
        elif held.form.resource.get("status") == "active":
            usable[url] = line
    return (
        sorted(usable.values(), key=lambda each: each.title.casefold()),
        sorted(closed.values(), key=lambda each: each.title.casefold()),
    )


def _is_for_people(held: Held) -> bool:
    types = held.form.resource.get("subjectType")
    return (not types or "Patient" in types) and held.form.resource.get("status") != "retired"


async def _task(visit: Visit, task: Resource) -> Line:
    return Line(
        await title_of(visit, task),
        address(task=task["id"]),
        str(task.get("requester", {}).get("display", "")),
        day_of(str(task.get("authoredOn", "")), visit.language),
        task["status"],
        task["id"],
    )


async def _responses(visit: Visit, query: str) -> list[Line]:
    lines = []
    for each in await found(visit, TYPE, query):
        held = await visit.find(str(each.get("questionnaire", "")))
        title = visit.title(held) if held is not None else visit.visitor.t("questionnaires.list.nameless")
        when = day_of(str(each.get("authored") or each["meta"]["lastUpdated"]), visit.language)
        shown = held is not None and visit.refusal(held) is None
        place = f"/questionnaires/{each['id']}" if shown else f"/data/item/{TYPE}/{each['id']}"
        status = "amending" if visit.original_of(each) else ""
        lines.append(Line(title, place, day=when, status=status))
    return lines

"""Questionnaires that the plan asks for by its own rhythm, as Tasks like those of anybody else who asks.

What cannot be filled in here is not asked: a questionnaire that is not held, or whose wording may not be used. Nothing
piles up: as long as the last asking of an activity is open there is no other, and one that was answered or declined
after a day came round counts for that day. https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.careplan.names import Names
from app.careplan.schedule import Asking
from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.questionnaires.asking.reading import Before, asked_before
from app.questionnaires.asking.request import asked_url, asking_members, is_asking
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.licensing import may_be_asked
from app.questionnaires.names import Names as QuestionnaireNames
from app.server.access import Access
from app.server.server import FhirServer

ACTIVITY: Final = "activity"
"""``Task.input.type.text`` of the id of the plan's activity."""


def rhythm_members(names: Names, asking: Asking) -> Resource:
    """What a Task for one asking has besides what every Task about the plan has."""
    made = asking_members(
        QuestionnaireNames(names.base), asking.questionnaire, "questionnaire", period={"start": asking.day}
    )
    made["input"].append({"type": {"text": ACTIVITY}, "valueString": asking.activity})
    return made


async def without_idle(
    server: FhirServer, access: Access, patient: int, tasks: Sequence[Resource], *, now: int
) -> list[Resource]:
    """The Tasks, but for those that ask for what cannot be filled in, or for what the person was asked already."""
    if not any(map(is_asking, tasks)):
        return list(tasks)
    reader, library = server.database, QuestionnaireLibrary(server.canonical_base)
    before = await asked_before(reader, server.definitions, patient)
    found = []
    for each in tasks:
        if is_asking(each):
            held = await library.find(server, reader, access.catalogues, each["input"][0]["valueCanonical"])
            if held is None or not may_be_asked(held, now=now) or any(_stands_for(one, each) for one in before):
                continue
        found.append(each)
    return found


def _stands_for(before: Before, task: Resource) -> bool:
    """Whether an earlier Task of the same activity is still open, or ended since the day of a new one."""
    if before.url != asked_url(task) or _activity(before.task) != _activity(task):
        return False
    return before.is_open or before.updated >= bounds(task["restriction"]["period"]["start"])[0]


def _activity(task: Resource) -> tuple[str, str]:
    """(Plan, id of its activity) that a Task is for."""
    inputs: list[Resource] = task.get("input", [])
    named = [str(each.get("valueString", "")) for each in inputs if each.get("type", {}).get("text") == ACTIVITY]
    return str(task.get("focus", {}).get("reference", "")), next(iter(named), "")

"""What the service asks of a person about their plan, or shows them, as Tasks. https://hl7.org/fhir/R4/task.html

A Task has the data categories of the plan that it is about. Its id follows from what it is for, so that nothing is
asked twice, however often and by how many processes it is looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import Any, Final, Literal

import yaml

from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.people import SERVICE_NAME
from app.careplan.plan import Cycle
from app.careplan.words import Words, day, filled
from app.database import Reader
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.server.ids import new_id, write_key
from app.server.rules import ChangeSet

Kind = Literal["review", "agreement", "questionnaire", "word-of-mouth", "experience", "protocol"]
OPEN_TASKS: Final = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
_TASK: Final = "SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"
_LONGEST: Final = 200
"""Characters of who was there."""
_TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = yaml.load(
        Path(__file__).with_name("tasks.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def task_id(patient: int, plan_id: str, kind: Kind, occasion: str) -> str:
    """The id of the Task for one occasion: a day, a phase, a revision."""
    digest = hashlib.sha256(f"{plan_id}\n{kind}\n{occasion}".encode()).digest()
    return new_id(write_key(patient), lambda length: digest[:length])


def review_task(patient: int, plan_id: str, cycle: Cycle) -> str:
    """The id of the Task for the review on the day that the plan names."""
    return task_id(patient, plan_id, "review", cycle.next_review)


def agreement_task(patient: int, plan_id: str, cycle: Cycle) -> str:
    """The id of the Task to agree to a plan that is in the phase plan since a moment."""
    return task_id(patient, plan_id, "agreement", f"{cycle.cycle} {cycle.since}")


async def answered_tasks(
    reader: Reader, change: ChangeSet, types: Mapping[str, int], plan_id: str, moved: tuple[Cycle, Cycle]
) -> list[Resource]:
    """The open Tasks that an event answers, as they are then: what was to be done is done, was objected to, or is not
    needed any more. ``moved``: where the plan was, and where it is now.
    """
    before, after = moved
    intent = change.intent
    assert isinstance(intent, Intent)
    patient = change.patient
    answers: dict[str, str] = {}
    if intent.event == "agree":
        answers[agreement_task(patient, plan_id, before)] = "completed"
    if intent.event == "decide" and after.phase == "plan":
        answers[review_task(patient, plan_id, before)] = "completed"
    if intent.event == "revise":
        answers |= {source.removeprefix("Provenance/"): "rejected" for source in intent.sources}
    if intent.event == "close":
        answers |= {make(patient, plan_id, before): "cancelled" for make in (review_task, agreement_task)}
    found = []
    for task, status in answers.items():
        rows = await reader.fetch(_TASK, patient, types["Task"], task)
        held = decode(rows[0][0]) if rows and rows[0][0] is not None else {}
        if held.get("status") in OPEN_TASKS:
            found.append({**held, "id": task, "status": status, "lastModified": instant(change.now)})
    return found


def plan_task(
    names: Names, kind: Kind, task: str, *, plan_id: str, patient_id: str, now: int, since: str = "", **members: Any
) -> Resource:
    """The Task with the id ``task``, for the person whose plan it is. ``since``: from when it is to be done."""
    return _told(names, kind, _texts()[kind], task, plan_id, patient_id, now=now, since=since, **members)


def _told(
    names: Names,
    kind: Kind,
    texts: Mapping[str, str],
    *place: str,
    now: int,
    since: str = "",
    **members: Any,
) -> Resource:
    """The same in other words. ``place``: the ids of the Task, the plan and the person."""
    task, plan_id, patient_id = place
    english = [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": texts["en"]}]
    person = {"reference": f"Patient/{patient_id}"}
    plan = {"reference": f"CarePlan/{plan_id}"}
    found: dict[str, Any] = {
        "resourceType": "Task",
        "id": task,
        "basedOn": [plan],
        "status": "requested",
        "intent": "plan",
        "code": {"coding": [{"system": names.system("plan-task"), "code": kind}]},
        "description": texts["nl"],
        "_description": {"extension": [{"url": _TRANSLATION, "extension": english}]},
        "focus": plan,
        "for": person,
        "authoredOn": instant(now),
        "lastModified": instant(now),
        "requester": {"display": SERVICE_NAME},
        "owner": person,
        **members,
    }
    if since:
        found["executionPeriod"] = {"start": since}
    return found


def mouth_task(names: Names, revision: Resource, plan_id: str, plan: Resource, intent: Intent, *, now: int) -> Resource:
    """Shows the person what a professional recorded as agreed by word of mouth: when, how and who was there. It has the
    id of the revision, so that an objection finds it.
    """
    shown = {"type": {"text": "revision"}, "valueReference": {"reference": f"Provenance/{revision['id']}"}}
    patient_id = plan["subject"]["reference"].rpartition("/")[2]
    task: str = revision["id"]
    return _told(names, "word-of-mouth", _recorded(intent), task, plan_id, patient_id, now=now, input=[shown])


def _recorded(intent: Intent) -> Words:
    """What was recorded by word of mouth, for the person. Who was there is named where that was said by name."""
    mouth, texts = intent.mouth, _texts()
    assert mouth is not None
    named = ", ".join(" ".join(str(each["display"]).split()) for each in mouth.present if each.get("display"))
    named = shorten(named, _LONGEST, placeholder="…")
    present = filled(texts["present"], names=named) if named else ""
    row = texts["word-of-mouth-decided" if intent.event == "decide" else "word-of-mouth"]
    return filled(row, when=day(mouth.when), how=texts[mouth.how], present=present)

"""What the service asks of a person about their plan, or shows them, as Tasks. https://hl7.org/fhir/R4/task.html

A Task has the data categories of the plan that it is about. Its id follows from what it is for, so that nothing is
asked twice, however often and by how many processes it is looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from app.careplan.names import Names
from app.careplan.people import SERVICE_NAME
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.server.ids import new_id, write_key

Kind = Literal["review", "agreement", "questionnaire", "word-of-mouth"]
OPEN_TASKS: Final = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
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


def plan_task(
    names: Names, kind: Kind, task: str, *, plan_id: str, patient_id: str, now: int, since: str = "", **members: Any
) -> Resource:
    """The Task with the id ``task``, for the person whose plan it is. ``since``: from when it is to be done."""
    texts = _texts()[kind]
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


def mouth_task(names: Names, revision: Resource, plan_id: str, plan: Resource, *, now: int) -> Resource:
    """Shows the person what a professional recorded as agreed by word of mouth. It has the id of the revision, so that
    an objection finds it.
    """
    shown = {"type": {"text": "revision"}, "valueReference": {"reference": f"Provenance/{revision['id']}"}}
    patient_id = plan["subject"]["reference"].rpartition("/")[2]
    task: str = revision["id"]
    return plan_task(names, "word-of-mouth", task, plan_id=plan_id, patient_id=patient_id, now=now, input=[shown])

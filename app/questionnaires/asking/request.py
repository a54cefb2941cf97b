"""A Task that asks for a questionnaire, as a resource: what makes it one, what it asks for, and how it is written here.

In shape that of Nictiz (vl-QuestionnaireProvisioningTask) and of SDC. https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.fhir.resource import Resource
from app.questionnaires.names import TASK_CODE, Names
from app.server.labels import QUESTIONNAIRE

TASK: Final = "Task"
RESPONSE: Final = "QuestionnaireResponse"
MARK: Final = TASK_CODE[1].encode()
"""Stands in the bytes of every one."""


def is_asking(task: Resource | None) -> bool:
    """Whether a resource is a Task that asks for a questionnaire."""
    if task is None or task.get("resourceType", TASK) != TASK:
        return False
    return TASK_CODE in {(each.get("system"), each.get("code")) for each in _codings(task)}


def codes_of(task: Resource, system: str) -> frozenset[str]:
    """The codes of a system that say what kind of asking it is."""
    return frozenset(each.get("code", "") for each in _codings(task) if each.get("system") == system)


def _codings(task: Resource) -> list[Resource]:
    found: list[Resource] = task.get("code", {}).get("coding", [])
    return found


def asked_inputs(task: Resource) -> list[tuple[int, Resource]]:
    """(Number, input) of each that names a Questionnaire."""
    return list(_named(task.get("input", ()), QUESTIONNAIRE))


def answers_in(task: Resource) -> list[tuple[int, Resource]]:
    """(Number, output) of each that names a response."""
    return list(_named(task.get("output", ()), RESPONSE))


def asked_url(task: Resource) -> str:
    """The canonical that it asks for, without version; "" where it asks by reference."""
    named = (str(each.get("valueCanonical", "")) for _, each in asked_inputs(task))
    return next(named, "").partition("|")[0]


def _named(listed: Any, text: str) -> Iterator[tuple[int, Resource]]:
    for number, each in enumerate(listed):
        if each.get("type", {}).get("text") == text:
            yield number, each


def asking_members(names: Names, canonical: str, kind: str, *, period: Mapping[str, str] | None = None) -> Resource:
    """What makes a Task one of ours that asks for a Questionnaire. ``kind``: a code of the code system plan-task;
    ``period``: within which it is to be filled in.
    """
    system, code = TASK_CODE
    own = {"system": names.system("plan-task"), "code": kind}
    made: dict[str, Any] = {
        "meta": {"profile": [names.request]},
        "intent": "order",
        "code": {"coding": [{"system": system, "code": code}, own]},
        "input": [{"type": {"text": QUESTIONNAIRE}, "valueCanonical": canonical}],
    }
    if period:
        made["restriction"] = {"period": dict(period)}
    return made

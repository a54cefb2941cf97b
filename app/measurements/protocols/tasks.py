"""A run as a Task, and back. https://hl7.org/fhir/R4/task.html

``code`` is the protocol with its version, ``executionPeriod`` the days, ``input`` the numbers that were entered,
``output`` the result. Doing is not revising: how far it is stands in the Task and in the readings, never in the plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final

from app.errors import Invalid, Issue
from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.fhir.ucum import SYSTEM as UCUM
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import SYSTEM, Protocol, numbers, protocols
from app.measurements.readings import quantity_in
from app.measurements.refusals import issue
from app.measurements.statistics.spans import local
from app.measurements.words import Words, day, filled, rounded, table, translations
from app.server.ids import new_id, write_key

OPEN: Final = frozenset({"accepted", "ready", "in-progress", "on-hold"})
"""Statuses of a run that is being done."""
ASKED: Final = frozenset({"draft", "requested", "received"})
RESULT: Final = "result"
ACTIVITY: Final = "activity"
"""``Task.input.type.text`` of the id of the plan's activity that asks for the run by its rhythm."""
MARK: Final = b"/CodeSystem/protocol"
"""In the bytes of every run."""


def texts() -> Mapping[str, Any]:
    """What is said of runs."""
    return table("protocols/texts.yaml")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a run of whom: ``requester`` and ``person`` are References; ``plan``: the id of the CarePlan that
    it is based on, or empty.
    """

    person: Resource
    requester: Resource
    status: str
    intent: str
    plan: str = ""


def task_of(run: Run, asking: Asking, *, canonical_base: str, now: str) -> Resource:
    """The Task, without an id."""
    protocol = run.protocol
    said = filled(texts()["task"]["asked"], name=protocol.words, first=day(run.first), last=day(run.last))
    task: Resource = {
        "resourceType": "Task",
        "status": asking.status,
        "intent": asking.intent,
        "code": {"coding": [coding_of(protocol, canonical_base)], "text": protocol.words["nl"]},
        "description": said["nl"],
        "_description": translations(said),
        "for": asking.person,
        "executionPeriod": {"start": run.first.isoformat(), "end": run.last.isoformat()},
        "authoredOn": now,
        "lastModified": now,
        "requester": asking.requester,
        "owner": asking.person,
    }
    if asking.plan:
        task["basedOn"] = [{"reference": f"CarePlan/{asking.plan}"}]
    if run.numbers:
        task["input"] = [
            {"type": {"text": name}, "valueQuantity": quantity(protocol, each)} for name, each in run.numbers.items()
        ]
    return task


def coding_of(protocol: Protocol, canonical_base: str) -> dict[str, str]:
    """The protocol, with its version."""
    return {
        "system": f"{canonical_base}/CodeSystem/{SYSTEM}",
        "version": protocol.version,
        "code": protocol.name,
        "display": protocol.words["en"],
    }


def quantity(protocol: Protocol, amount: Fraction) -> dict[str, Any]:
    """A number that was entered, in the unit of what the protocol measures."""
    value = protocol.measures[0].value
    return {"value": rounded(amount, value.decimals + 3), "unit": value.unit_nl, "system": UCUM, "code": value.unit}


def coded(concept: Any, canonical_base: str) -> Mapping[str, str] | None:
    """The coding of a protocol in a CodeableConcept; None where it has none of ours."""
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    system = f"{canonical_base}/CodeSystem/{SYSTEM}"
    return next((each for each in codings if each.get("system") == system), None)


def is_run(task: Resource, canonical_base: str) -> bool:
    """Whether a Task is meant as a run of a protocol."""
    return coded(task.get("code"), canonical_base) is not None


def activity_of(task: Resource) -> str:
    """The id of the plan's activity that asked for a run by its rhythm; "" where none did."""
    inputs: list[Resource] = task.get("input", [])
    named = (str(each.get("valueString", "")) for each in inputs if each.get("type", {}).get("text") == ACTIVITY)
    return next(named, "")


def run_of(task: Resource, canonical_base: str) -> Run:
    """The run that a Task is. Raises ``Invalid`` with an issue per mistake."""
    found, issues = _read(task, canonical_base)
    if found is None or issues:
        raise Invalid("", issues=tuple(issues))
    return found


def issues_of(task: Resource, canonical_base: str) -> list[Issue]:
    """What is wrong with a Task that is meant as a run."""
    return _read(task, canonical_base)[1]


def _read(task: Resource, canonical_base: str) -> tuple[Run | None, list[Issue]]:
    coding = coded(task.get("code"), canonical_base) or {}
    protocol = protocols().get(coding.get("code", ""))
    if protocol is None:
        return None, [issue("protocol-unknown", "Task.code", protocols=", ".join(protocols()))]
    period = task.get("executionPeriod", {})
    first, last = (_date(period.get(each)) for each in ("start", "end"))
    if first is None or last is None:
        return None, [issue("protocol-days-needed", "Task.executionPeriod")]
    issues = length_issues(protocol, (last - first).days + 1, "Task.executionPeriod")
    entered: dict[str, Fraction] = {}
    for at, each in enumerate(task.get("input", ())):
        name = each.get("type", {}).get("text", "")
        if name in numbers():
            amount = quantity_in(each.get("valueQuantity"), protocol.measures[0].value)
            if amount is None or name not in protocol.asks:
                issues.append(number_issue(protocol, name, f"Task.input[{at}]"))
            else:
                entered[name] = amount
    return Run(protocol, first, max(1, (last - first).days + 1), entered), issues


def length_issues(protocol: Protocol, days: int, path: str) -> list[Issue]:
    """That a run takes too few or too many days."""
    least, most, _ = protocol.days
    if least <= days <= most:
        return []
    return [issue("protocol-length", path, name=protocol.words, least=str(least), most=str(most))]


def number_issue(protocol: Protocol, name: str, path: str) -> Issue:
    """That a number is not entered as it is to be."""
    if name not in protocol.asks:
        return issue("protocol-number-unused", path, name=numbers()[name], protocol=protocol.words)
    units: Words = {"nl": protocol.measures[0].value.unit_nl, "en": protocol.measures[0].value.unit_en}
    return issue("protocol-number", path, name=numbers()[name], unit=units)


def _date(text: Any) -> date | None:
    if not isinstance(text, str):
        return None
    try:
        return local(bounds(text)[0]).date()
    except (Invalid, OverflowError, ValueError):
        return None


def result_id(patient: int, task_id: str) -> str:
    """The id of the Observation that a run gives: always the same."""
    digest = hashlib.sha256(f"protocol-result\n{task_id}".encode()).digest()
    return new_id(write_key(patient), lambda length: digest[:length])


def dated(task: Resource, run: Run) -> Resource:
    """A Task with the days of a run, which may be others than it had."""
    said = filled(texts()["task"]["asked"], name=run.protocol.words, first=day(run.first), last=day(run.last))
    return {
        **task,
        "description": said["nl"],
        "_description": translations(said),
        "executionPeriod": {"start": run.first.isoformat(), "end": run.last.isoformat()},
    }


def completed(task: Resource, observation_id: str, *, now: str) -> Resource:
    """A Task whose run is over, with its result."""
    result = {"type": {"text": RESULT}, "valueReference": {"reference": f"Observation/{observation_id}"}}
    others = [each for each in task.get("output", ()) if each.get("type", {}).get("text") != RESULT]
    return {**task, "status": "completed", "lastModified": now, "output": [*others, result]}

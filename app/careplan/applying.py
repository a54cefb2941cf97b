"""A template made into a plan that somebody may choose from: goals and agreements as examples, not stored.

A subset of https://hl7.org/fhir/R4/plandefinition-operation-apply.html: nothing is evaluated here, so what holds under
a condition only is left out, and said so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from app.careplan.merging.facts import codes_of, text_of
from app.careplan.names import Names
from app.careplan.templates import TRANSLATION, table
from app.careplan.words import Language
from app.fhir.dates import local_date
from app.fhir.resource import Resource

_DAYS: Final = {"d": 1, "wk": 7, "mo": 30, "a": 365}
_KINDS: Final = frozenset(
    {
        "Appointment",
        "CommunicationRequest",
        "DeviceRequest",
        "MedicationRequest",
        "NutritionOrder",
        "Task",
        "ServiceRequest",
        "VisionPrescription",
    }
)
"""What ``CarePlan.activity.detail.kind`` can be. https://hl7.org/fhir/R4/valueset-care-plan-activity-kind.html"""
_TIMINGS: Final = {"timingTiming": "scheduledTiming", "timingPeriod": "scheduledPeriod"}
_NOT_OF_A_GOAL: Final = ("due",)


@dataclass(frozen=True, slots=True)
class Applied:
    """For whom a template is applied. ``conditions``: theirs, as far as the caller may see them; ``plan``: the open
    individual care plan, "" where there is none; ``held``: definitions by canonical.
    """

    patient_id: str
    conditions: Sequence[Resource]
    plan: str
    held: Mapping[str, Resource]
    language: Language
    now: int


def applied(template: Resource, to: Applied, names: Names) -> Resource:
    """The CarePlan: ``draft``, ``proposal``, its goals contained."""
    subject = {"reference": f"Patient/{to.patient_id}"}
    goals = [_goal(each, number, to, subject) for number, each in enumerate(template.get("goal", ()), 1)]
    known = {each["id"] for each in goals}
    left: list[str] = []
    activities = [
        _activity(each, number, known, to, names)
        for number, each in enumerate(_actions(template.get("action", ()), left, to.language), 1)
    ]
    plan: dict[str, Any] = {
        "resourceType": "CarePlan",
        "language": to.language,
        "contained": goals,
        "instantiatesCanonical": [_versioned(template)],
        "basedOn": [{"reference": f"CarePlan/{to.plan}"}] if to.plan else [],
        "status": "draft",
        "intent": "proposal",
        "title": said(template, "title", to.language),
        "description": said(template, "description", to.language),
        "subject": subject,
        "created": local_date(to.now).isoformat(),
        "addresses": [{"reference": f"Condition/{each['id']}"} for each in _about(template, to.conditions)],
        "goal": [{"reference": f"#{each['id']}"} for each in goals],
        "activity": activities,
        "note": [{"text": table()["text"]["conditional"][to.language].format(name=each)} for each in left],
    }
    return {name: value for name, value in plan.items() if value not in ([], "")}


def said(holder: Resource, name: str, language: Language) -> str:
    """An element in a language, where it is there in that; as it is otherwise."""
    for each in holder.get(f"_{name}", {}).get("extension", ()):
        if each.get("url") == TRANSLATION:
            parts = {part.get("url"): part for part in each.get("extension", ())}
            spoken = parts.get("lang", {}).get("valueCode", "")
            if str(spoken).partition("-")[0] == language and (found := parts.get("content", {}).get("valueString")):
                return str(found)
    return str(holder.get(name, ""))


def _concept(concept: Resource, language: Language) -> Resource:
    text = said(concept, "text", language) or text_of(concept)
    found = {name: value for name, value in concept.items() if name in ("coding", "text")}
    return {**found, "text": text} if text else found


def _versioned(definition: Resource) -> str:
    url = str(definition.get("url") or f"{definition['resourceType']}/{definition['id']}")
    return f"{url}|{definition['version']}" if definition.get("version") else url


def _goal(goal: Resource, number: int, to: Applied, subject: Resource) -> Resource:
    found: dict[str, Any] = {
        "resourceType": "Goal",
        "id": goal.get("id") or f"goal-{number}",
        "lifecycleStatus": "proposed",
        "description": _concept(goal.get("description", {}), to.language),
        "subject": subject,
    }
    if "category" in goal:
        found["category"] = [_concept(goal["category"], to.language)]
    if "priority" in goal:
        found["priority"] = goal["priority"]
    codes = {code for each in goal.get("addresses", ()) for code in codes_of([each])}
    addresses = [{"reference": f"Condition/{each['id']}"} for each in _with_codes(to.conditions, codes)]
    if addresses:
        found["addresses"] = addresses
    targets = [_target(each, to) for each in goal.get("target", ())]
    if targets := [each for each in targets if each]:
        found["target"] = targets
    return found


def _target(target: Resource, to: Applied) -> Resource:
    found = {name: value for name, value in target.items() if name not in _NOT_OF_A_GOAL}
    if "measure" in found:
        found["measure"] = _concept(found["measure"], to.language)
    due = target.get("due", {})
    days = _DAYS.get(str(due.get("code") or due.get("unit")))
    if days is not None and "value" in due:
        found["dueDate"] = (local_date(to.now) + timedelta(days=int(due["value"]) * days)).isoformat()
    return found


def _about(template: Resource, conditions: Sequence[Resource]) -> list[Resource]:
    """The person's own conditions that a template says it is for."""
    concepts = [each.get("valueCodeableConcept", {}) for each in template.get("useContext", ())]
    concepts += [each for goal in template.get("goal", ()) for each in goal.get("addresses", ())]
    return _with_codes(conditions, set(codes_of(concepts)))


def _with_codes(conditions: Sequence[Resource], codes: set[tuple[str, str]]) -> list[Resource]:
    return [each for each in conditions if codes & set(codes_of([each.get("code", {})]))]


def _actions(actions: Sequence[Resource], left: list[str], language: Language) -> Iterator[Resource]:
    """Every action that is done, those within others too; what has a condition goes into ``left`` by its name."""
    for each in actions:
        if each.get("condition"):
            left.append(said(each, "title", language) or str(each.get("id", "")))
        elif each.get("action"):
            yield from _actions(each["action"], left, language)
        else:
            yield each


def _activity(action: Resource, number: int, goals: set[str], to: Applied, names: Names) -> Resource:
    canonical = str(action.get("definitionCanonical", ""))
    definition = to.held.get(canonical, {})
    detail: dict[str, Any] = {"status": "not-started"}
    if definition.get("kind") in _KINDS:
        detail["kind"] = definition["kind"]
    if canonical:
        detail["instantiatesCanonical"] = [_versioned(definition) if definition.get("url") else canonical]
    if "code" in definition:
        detail["code"] = _concept(definition["code"], to.language)
    elif action.get("code"):
        detail["code"] = _concept(action["code"][0], to.language)
    text = said(action, "title", to.language) or said(action, "description", to.language)
    detail["description"] = text or said(definition, "title", to.language) or canonical
    linked = [{"reference": f"#{each}"} for each in action.get("goalId", ()) if each in goals]
    if linked:
        detail["goal"] = linked
    parts: list[Resource] = [{"url": "who", "valueReference": {"reference": f"Patient/{to.patient_id}"}}]
    system = names.system("agreement-form")
    form = next((code for each, code in codes_of(definition.get("topic", ())) if each == system), "")
    if form:
        parts.append({"url": "preferredForm", "valueCode": form})
    for source in (action, definition):
        for name, place in _TIMINGS.items():
            if name in source and not any(each in detail for each in _TIMINGS.values()):
                detail[place] = source[name]
    if "scheduledTiming" in detail:
        parts.append({"url": "frequency", "valueTiming": detail["scheduledTiming"]})
    agreement = {"url": names.extension("agreement"), "extension": parts}
    return {"id": action.get("id") or f"action-{number}", "extension": [agreement], "detail": detail}

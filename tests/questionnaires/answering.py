"""Questionnaires and answers, made short."""

from __future__ import annotations

from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource
from app.questionnaires.answers.checking import problems
from app.questionnaires.answers.choices import ValueSets, nothing_held
from app.questionnaires.items import form_of

URL: Final = "http://example.org/Questionnaire/proef"
CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"
UCUM: Final = "http://unitsofmeasure.org"


def item(link_id: str, kind: str = "string", *items: Resource, **members: Any) -> Resource:
    """An item of a Questionnaire; ``extension`` is a dict from the end of a canonical to its value member and value."""
    made: Resource = {"linkId": link_id, "type": kind, **members}
    if "extension" in made:
        made["extension"] = [
            {"url": url if url.startswith("http") else f"{CORE}{url}", **value} for url, value in made["extension"]
        ]
    if items:
        made["item"] = list(items)
    return made


def when(question: str, operator: str, **answer: Any) -> Resource:
    return {"question": question, "operator": operator, **answer}


def coding(code: str, system: str | None = "http://example.org/codes") -> Resource:
    return {"code": code} if system is None else {"system": system, "code": code}


def quantity(value: Any, code: str) -> Resource:
    return {"value": value, "unit": code, "system": UCUM, "code": code}


def questionnaire(*items: Resource, **members: Any) -> Resource:
    return {
        "resourceType": "Questionnaire",
        "url": URL,
        "version": "1",
        "title": "Proef",
        "status": "active",
        **members,
        "item": list(items),
    }


def given(link_id: str, *values: Any, items: list[Resource] | None = None, **members: Any) -> Resource:
    """An item of a response. A value is (member without ``value``, value), or an answer as it stands."""
    made: Resource = {"linkId": link_id, **members}
    answers = [each if isinstance(each, dict) else {f"value{each[0]}": each[1]} for each in values]
    if answers:
        made["answer"] = answers
    if items is not None:
        made["item"] = items
    return made


def response(*items: Resource, **members: Any) -> Resource:
    made: Resource = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{URL}|1",
        "status": "completed",
        "subject": {"reference": "Patient/anna"},
        "authored": "2026-11-01T10:00:00Z",
        **members,
    }
    if items:
        made["item"] = list(items)
    return made


def found(
    asked: Resource, answers: Resource, *, complete: bool = True, value_sets: ValueSets = nothing_held
) -> list[Issue]:
    return problems(form_of(asked), answers, complete=complete, value_sets=value_sets)


def rules(issues: list[Issue]) -> list[tuple[str, str]]:
    """(rule without prefix, place below the response) of each."""
    return [
        (
            str(each.rule).removeprefix("questionnaire-"),
            each.expression[0].removeprefix("QuestionnaireResponse").lstrip("."),
        )
        for each in issues
        if each.severity != "information"
    ]

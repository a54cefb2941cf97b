"""What one demo patient filled in and has to do: answers to our own lists, and tasks. https://hl7.org/fhir/R4/questionnaireresponse.html"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

from fhir.resources.R4B.period import Period
from fhir.resources.R4B.questionnaireresponse import (
    QuestionnaireResponse,
    QuestionnaireResponseItem,
    QuestionnaireResponseItemAnswer,
)
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.task import Task, TaskInput, TaskOutput, TaskRestriction

from app.cli.demo.catalogue import DECISION, PORTRAIT, questionnaire_url, role_reference
from app.cli.demo.kinds import LOINC
from app.cli.demo.persona import Decision, Persona, Portrait
from app.cli.demo.terms import concept, dutch_time, reference, words
from app.cli.demo.who import patient_reference

LIST_TASK: Final = 1
CHORE: Final = 2
LIST_NAMES: Final = {PORTRAIT: "Wie ben ik en wat vind ik belangrijk?", DECISION: "Samen beslissen"}
LIST_TASK_TEXT: Final = "Vul de lijst 'Wie ben ik en wat vind ik belangrijk?' in."


def _answer_reference(persona: Persona, questionnaire: str) -> Reference:
    return reference(
        "QuestionnaireResponse", f"{persona.short}-{questionnaire}", f"Antwoorden: {LIST_NAMES[questionnaire]}"
    )


def answer_references(persona: Persona) -> list[Reference]:
    """The patient's answered lists, for ``CarePlan.supportingInfo``."""
    lists = [PORTRAIT] if persona.decision is None else [PORTRAIT, DECISION]
    return [_answer_reference(persona, questionnaire) for questionnaire in lists]


def task_reference(persona: Persona, number: int) -> Reference:
    """Task ``LIST_TASK`` or ``CHORE`` of the patient."""
    return reference(
        "Task", f"{persona.short}-task-{number}", persona.chore.text if number == CHORE else LIST_TASK_TEXT
    )


def answers(persona: Persona, *, today: date) -> Iterator[QuestionnaireResponse]:
    """The list "Wie ben ik" of the first day of the plan; "Samen beslissen" of a week later if there was a choice."""
    begun = today - timedelta(days=persona.plan_days)
    yield _response(persona, PORTRAIT, _portrait_items(persona.portrait), dutch_time(begun, 10))
    if persona.decision is not None:
        yield _response(persona, DECISION, _decision_items(persona.decision), dutch_time(begun + timedelta(days=7), 10))


def _response(
    persona: Persona, questionnaire: str, items: list[QuestionnaireResponseItem], authored: datetime
) -> QuestionnaireResponse:
    return QuestionnaireResponse(
        id=f"{persona.short}-{questionnaire}",
        language="nl",
        questionnaire=f"{questionnaire_url(questionnaire)}|1",
        status="completed",
        subject=patient_reference(persona),
        authored=authored,
        author=patient_reference(persona),
        source=patient_reference(persona),
        item=items,
    )


def _answer(link_id: str, value: str | int) -> QuestionnaireResponseItem:
    answer = (
        QuestionnaireResponseItemAnswer(valueInteger=value)
        if isinstance(value, int)
        else QuestionnaireResponseItemAnswer(valueString=value)
    )
    return QuestionnaireResponseItem(linkId=link_id, answer=[answer])


def _portrait_items(portrait: Portrait) -> list[QuestionnaireResponseItem]:
    return [
        _answer("feeling", portrait.feeling),
        _answer("matters", portrait.matters),
        _answer("goes-well", portrait.goes_well),
        _answer("difficult", portrait.difficult),
        _answer("confidence", portrait.confidence),
    ]


def _decision_items(decision: Decision) -> list[QuestionnaireResponseItem]:
    options = [
        QuestionnaireResponseItem(
            linkId="option",
            item=[
                _answer("option-text", option),
                _answer("option-for", reason_for),
                _answer("option-against", reason_against),
            ],
        )
        for option, reason_for, reason_against in decision.options
    ]
    return [
        _answer("choice", decision.choice),
        *options,
        _answer("preference", decision.preference),
        _answer("outcome", decision.outcome),
    ]


def tasks(persona: Persona, *, today: date) -> Iterator[Task]:
    """The list that was filled in, as a completed task with its answers, and one thing that is still to do."""
    begun = today - timedelta(days=persona.plan_days)
    yield Task(
        id=f"{persona.short}-task-{LIST_TASK}",
        language="nl",
        status="completed",
        intent="order",
        code=concept(LOINC, "74468-0", "Questionnaire form definition Document"),
        description=LIST_TASK_TEXT,
        authoredOn=dutch_time(begun - timedelta(days=2), 9),
        lastModified=dutch_time(begun, 10),
        requester=role_reference(persona.team[1]),
        owner=patient_reference(persona),
        input=[
            TaskInput(
                type=words("Questionnaire"), valueReference=reference("Questionnaire", PORTRAIT, LIST_NAMES[PORTRAIT])
            )
        ],
        output=[TaskOutput(type=words("QuestionnaireResponse"), valueReference=_answer_reference(persona, PORTRAIT))],
        **_for(persona),
    )
    asked = today - timedelta(days=min(persona.plan_days, 5))
    yield Task(
        id=f"{persona.short}-task-{CHORE}",
        language="nl",
        status=persona.chore.status,
        intent="order",
        description=persona.chore.text,
        authoredOn=dutch_time(asked, 9),
        lastModified=dutch_time(asked, 9),
        requester=role_reference(persona.team[1]),
        owner=patient_reference(persona),
        restriction=TaskRestriction(
            period=Period(end=dutch_time(today + timedelta(days=persona.chore.days_ahead), 22))
        ),
        **_for(persona),
    )


def _for(persona: Persona) -> dict[str, Any]:
    """The element ``for``: a word of Python, so it cannot be written as an argument."""
    return {"for": patient_reference(persona)}

"""What one demo patient filled in and has to do: answers to our own lists, and tasks. https://hl7.org/fhir/R4/questionnaireresponse.html"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.period import Period
from fhir.resources.R4B.questionnaireresponse import (
    QuestionnaireResponse,
    QuestionnaireResponseItem,
    QuestionnaireResponseItemAnswer,
)
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.task import Task, TaskInput, TaskOutput, TaskRestriction

from app.cli.demo.catalogue import role_reference
from app.cli.demo.kinds import LOINC
from app.cli.demo.persona import Decision, Persona
from app.cli.demo.terms import OUR_PROFILE, OURS, concept, dutch_time, profiled, reference, words
from app.cli.demo.who import goal_reference, patient_reference

PORTRAIT: Final = "wie-ben-ik"
DECISION: Final = "samen-beslissen"
PROFILES: Final = {PORTRAIT: "WhoIAm", DECISION: "SharedDecision"}
LIST_TASK: Final = 1
CHORE: Final = 2
LIST_NAMES: Final = {PORTRAIT: "Wie ben ik, wat is belangrijk", DECISION: "Samen beslissen"}
LIST_TASK_TEXT: Final = "Vul de lijst 'Wie ben ik, wat is belangrijk' in."


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
    yield _response(persona, PORTRAIT, _portrait_items(persona), dutch_time(begun, 10))
    if persona.decision is not None:
        decided = dutch_time(begun + timedelta(days=7), 10)
        response = _response(persona, DECISION, _decision_items(persona.decision), decided)
        response.extension = [_led_to(persona, persona.decision.goal)]
        yield response


def _led_to(persona: Persona, goal: int) -> Extension:
    return Extension(
        url=OUR_PROFILE + "led-to", extension=[Extension(url="goal", valueReference=goal_reference(persona, goal))]
    )


def _response(
    persona: Persona, questionnaire: str, items: list[QuestionnaireResponseItem], authored: datetime
) -> QuestionnaireResponse:
    return QuestionnaireResponse(
        id=f"{persona.short}-{questionnaire}",
        meta=profiled(OUR_PROFILE + PROFILES[questionnaire]),
        language="nl",
        questionnaire=f"{OURS}Questionnaire/{questionnaire}",
        status="completed",
        subject=patient_reference(persona),
        authored=authored,
        author=patient_reference(persona),
        source=patient_reference(persona),
        item=items,
    )


def _answer(link_id: str, text: str) -> QuestionnaireResponseItem:
    return QuestionnaireResponseItem(linkId=link_id, answer=[QuestionnaireResponseItemAnswer(valueString=text)])


def _portrait_items(persona: Persona) -> list[QuestionnaireResponseItem]:
    portrait = persona.portrait
    return [
        _answer("called", persona.name.given),
        _answer("life", portrait.life),
        _answer("important", portrait.matters),
        _answer("going-well", portrait.goes_well),
        _answer("worries", portrait.worries),
    ]


def _decision_items(decision: Decision) -> list[QuestionnaireResponseItem]:
    last = len(decision.options) - 1
    options = [
        QuestionnaireResponseItem(
            linkId="option",
            item=[
                _answer("option.name", option),
                QuestionnaireResponseItem(
                    linkId="option.nothing", answer=[QuestionnaireResponseItemAnswer(valueBoolean=number == last)]
                ),
                _answer("option.for", reason_for),
                _answer("option.against", reason_against),
            ],
        )
        for number, (option, reason_for, reason_against) in enumerate(decision.options)
    ]
    decided = Coding(system=f"{OURS}CodeSystem/decision-outcome", code="decided", display="Besloten")
    return [
        _answer("choice", decision.choice),
        *options,
        _answer("preferences", decision.preference),
        QuestionnaireResponseItem(linkId="outcome", answer=[QuestionnaireResponseItemAnswer(valueCoding=decided)]),
        _answer("decision", decision.decision),
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

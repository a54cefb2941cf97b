"""The individual care plan (IZP) of one demo patient: goals, care team and plan. https://hl7.org/fhir/R4/careplan.html"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from fhir.resources.R4B.annotation import Annotation
from fhir.resources.R4B.careplan import CarePlan, CarePlanActivity, CarePlanActivityDetail
from fhir.resources.R4B.careteam import CareTeam, CareTeamParticipant
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.goal import Goal, GoalTarget
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.period import Period
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.timing import Timing, TimingRepeat

from app.cli.demo.answers import CHORE, answer_references, task_reference
from app.cli.demo.catalogue import PROFESSIONALS, role_reference, workplace_reference
from app.cli.demo.kinds import LOINC, demo_kind
from app.cli.demo.persona import Agreement, GoalWords, HowOften, Persona
from app.cli.demo.terms import (
    GOAL_KINDS,
    HL7_EXTENSION,
    OUR_PROFILE,
    OURS,
    SNOMED,
    TERMINOLOGY,
    concept,
    dutch_time,
    profiled,
    quantity,
    reference,
    to_the_day,
    words,
)
from app.cli.demo.who import (
    condition_reference,
    contact_reference,
    goal_id,
    goal_reference,
    patient_reference,
    person_reference,
)

PLAN_CATEGORY = "izp"
PLAN_CATEGORY_SNOMED = "135411000146103"
CASE_MANAGER_SNOMED = "768832004"
CYCLE_DAYS = 180
"""A cycle of plan, do and check takes half a year; making the plan takes the first ``PLANNING_DAYS``."""
PLANNING_DAYS = 14


def plan_start(persona: Persona, today: date) -> date:
    """The day on which the plan was begun."""
    return today - timedelta(days=persona.plan_days)


def goals(persona: Persona, *, today: date) -> Iterator[Goal]:
    """The goals, those that others name as their milestone first."""
    for number in sorted(range(len(persona.goals)), key=lambda number: bool(persona.goals[number].milestones)):
        yield _goal(persona, number, today)


def _goal(persona: Persona, number: int, today: date) -> Goal:
    words_of = persona.goals[number]
    agreed = persona.plan_status != "draft"
    start = plan_start(persona, today)
    kinds = (words_of.kind, "personal") if words_of.personal else (words_of.kind,)
    return Goal(
        id=goal_id(persona, number),
        meta=profiled(OUR_PROFILE + ("PersonalGoal" if words_of.personal else "PlanGoal")),
        language="nl",
        extension=[_milestone(persona, target) for target in words_of.milestones] or None,
        lifecycleStatus=_lifecycle(words_of) if agreed else "proposed",
        achievementStatus=_achievement(words_of) if agreed else None,
        category=[concept(f"{OURS}CodeSystem/goal-category", kind, GOAL_KINDS[kind]) for kind in kinds],
        priority=concept(
            TERMINOLOGY + "goal-priority", f"{words_of.priority}-priority", f"{words_of.priority.capitalize()} Priority"
        ),
        description=words(words_of.text),
        subject=patient_reference(persona),
        startDate=start,
        target=_targets(words_of, today),
        statusDate=today - timedelta(days=min(persona.plan_days, 35)),
        expressedBy=patient_reference(persona) if words_of.personal else role_reference(persona.team[1]),
        addresses=[condition_reference(persona, problem) for problem in words_of.problems] or None,
        note=[Annotation(authorReference=patient_reference(persona), text=words_of.why)] if words_of.why else None,
    )


def _lifecycle(words_of: GoalWords) -> str:
    return "completed" if words_of.achievement == "achieved" else "active"


def _achievement(words_of: GoalWords) -> CodeableConcept:
    code = words_of.achievement
    return concept(
        TERMINOLOGY + "goal-achievement", code, code.replace("-", " ").title() if code != "no-change" else "No Change"
    )


def _milestone(persona: Persona, number: int) -> Extension:
    """The HL7 extension that says: reaching that goal is a step towards this one."""
    kind = concept(TERMINOLOGY + "goal-relationship-type", "milestone", "Milestone")
    return Extension(
        url=HL7_EXTENSION + "goal-relationship",
        extension=[
            Extension(url="type", valueCodeableConcept=kind),
            Extension(url="target", valueReference=goal_reference(persona, number)),
        ],
    )


def _targets(words_of: GoalWords, today: date) -> list[GoalTarget] | None:
    if words_of.target is not None:
        target = words_of.target
        kind = demo_kind(target.kind)
        code, display = kind.codes[0]
        return [
            GoalTarget(
                measure=concept(LOINC, code, display, kind.text),
                detailQuantity=quantity(Decimal(target.value), kind, target.comparator),
                dueDate=today + timedelta(days=target.days),
            )
        ]
    if words_of.due_days is not None:
        return [GoalTarget(dueDate=today + timedelta(days=words_of.due_days))]
    return None


def rating(persona: Persona, *, today: date) -> Observation:
    """How sure the patient is of the first goal, asked when the plan was begun."""
    return Observation(
        id=f"{persona.short}-confidence-1",
        meta=profiled(OUR_PROFILE + "GoalRating"),
        language="nl",
        status="final",
        code=concept(f"{OURS}CodeSystem/goal-observation", "confidence", "Vertrouwen om het doel te halen"),
        subject=patient_reference(persona),
        focus=[goal_reference(persona, 0)],
        effectiveDateTime=dutch_time(plan_start(persona, today), 10),
        performer=[patient_reference(persona)],
        valueInteger=persona.portrait.confidence,
    )


def _team_reference(persona: Persona) -> Reference:
    return reference("CareTeam", f"{persona.short}-team", f"Zorgteam van {persona.name.full}")


def care_team(persona: Persona, *, today: date) -> CareTeam:
    """The patient, the one near them, the responsible clinician and one coordinator, then the others."""
    participants = [CareTeamParticipant(role=[words("patiënt")], member=patient_reference(persona))]
    if persona.contact is not None:
        participants.append(
            CareTeamParticipant(role=[words(persona.contact.relation)], member=contact_reference(persona))
        )
    for position, role in enumerate(persona.team):
        professional = PROFESSIONALS[role]
        participants.append(
            CareTeamParticipant(role=[_team_role(position, professional.profession)], member=role_reference(role))
        )
    practice = PROFESSIONALS[persona.team[0]].workplace
    return CareTeam(
        id=f"{persona.short}-team",
        meta=profiled(OUR_PROFILE + "CareNetwork"),
        language="nl",
        status="active" if persona.plan_status != "draft" else "proposed",
        name=f"Zorgteam van {persona.name.full}",
        subject=patient_reference(persona),
        period=Period(start=to_the_day(plan_start(persona, today))),
        participant=participants,
        reasonReference=[condition_reference(persona, number) for number in range(len(persona.problems))],
        managingOrganization=[workplace_reference(practice)],
    )


def _team_role(position: int, profession: str) -> CodeableConcept:
    if position == 0:
        return concept(
            TERMINOLOGY + "v3-ParticipationType", "RESP", "Responsible Party", f"hoofdbehandelaar ({profession})"
        )
    if position == 1:
        return concept(SNOMED, CASE_MANAGER_SNOMED, "casemanager", f"centrale zorgverlener ({profession})")
    return words(profession)


def _activity(persona: Persona, number: int, agreement: Agreement) -> CarePlanActivity:
    return CarePlanActivity(
        id=f"agreement-{number}",
        detail=CarePlanActivityDetail(
            status=agreement.status,
            description=agreement.text,
            goal=[goal_reference(persona, goal) for goal in agreement.goals],
            scheduledTiming=_timing(agreement.how_often) if agreement.how_often is not None else None,
            performer=[person_reference(persona, agreement.by)],
        ),
    )


def _timing(how_often: HowOften) -> Timing:
    return Timing(
        repeat=TimingRepeat(frequency=how_often.times, period=Decimal(how_often.every), periodUnit=how_often.unit)
    )


def _cycle(persona: Persona, today: date) -> Extension:
    """Where the plan is in its cycle: a draft is in the phase plan of the first, the others are being carried out."""
    if persona.plan_status == "draft":
        number, phase, since = 1, "plan", plan_start(persona, today)
    else:
        before, days = divmod(persona.plan_days - PLANNING_DAYS, CYCLE_DAYS)
        number, phase, since = before + 1, "do", today - timedelta(days=days)
    return Extension(
        url=OUR_PROFILE + "plan-cycle",
        extension=[
            Extension(url="cycle", valuePositiveInt=number),
            Extension(url="phase", valueCode=phase),
            Extension(url="since", valueDateTime=to_the_day(since)),
            Extension(url="nextReview", valueDate=since + timedelta(days=CYCLE_DAYS)),
        ],
    )


def care_plan(persona: Persona, *, today: date) -> CarePlan:
    """The one plan across all conditions: intent plan, our own category ``izp`` with the SNOMED code beside it."""
    start = plan_start(persona, today)
    activities = [_activity(persona, number, agreement) for number, agreement in enumerate(persona.agreements, start=1)]
    activities.append(CarePlanActivity(id="task-1", reference=task_reference(persona, CHORE)))
    return CarePlan(
        id=f"{persona.short}-plan",
        meta=profiled(OUR_PROFILE + "IndividualCarePlan"),
        language="nl",
        extension=[_cycle(persona, today)],
        status=persona.plan_status,
        intent="plan",
        category=[
            CodeableConcept(
                coding=[
                    Coding(
                        system=f"{OURS}CodeSystem/care-plan-category",
                        code=PLAN_CATEGORY,
                        display="Individueel zorgplan",
                    ),
                    Coding(system=SNOMED, code=PLAN_CATEGORY_SNOMED, display="Multidisciplinary care regime"),
                ]
            )
        ],
        title=f"Plan van {persona.name.full}",
        description=persona.portrait.matters,
        subject=patient_reference(persona),
        period=Period(start=to_the_day(start)),
        created=to_the_day(start),
        author=patient_reference(persona),
        contributor=[role_reference(persona.team[1])],
        careTeam=[_team_reference(persona)],
        addresses=[condition_reference(persona, number) for number in range(len(persona.problems))],
        supportingInfo=answer_references(persona),
        goal=[goal_reference(persona, number) for number in range(len(persona.goals))],
        activity=activities,
    )

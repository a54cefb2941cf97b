"""What was done and is planned in a BgZ, and the plans of others beside the IZP, as ``bgz_kinds.py`` has the rest.
https://informatiestandaarden.nictiz.nl/wiki/MedMij:V2020.01/FHIR_BGZ_2017
"""

from __future__ import annotations

from typing import Any

from app.fhir.resource import Resource
from benchmarks.bgz_kinds import (
    ATC,
    BY_GP,
    NL_CORE,
    PRACTICE,
    SNOMED,
    ZIB,
    Holder,
    concept,
    reference,
)


def procedure(holder: Holder, number: int, when: str) -> Resource:
    return holder.resource(
        "Procedure", f"procedure-{number}", f"{ZIB}zib-Procedure", status="completed",
        category=concept(SNOMED, "387713003", "Operatie"), code={"text": f"Ingreep {number}"}, subject=holder.subject,
        performedPeriod={"start": when}, performer=[{"actor": PRACTICE}],
        reasonReference=[reference("Condition/problem-0", "Aandoening")],
    )  # fmt: skip


def admission(holder: Holder, number: int, start: str, end: str) -> Resource:
    inpatient = {"system": "http://hl7.org/fhir/v3/ActCode", "code": "IMP", "display": "Opname"}
    return holder.resource(
        "Encounter", f"admission-{number}", f"{ZIB}zib-Encounter", status="finished", subject=holder.subject,
        participant=[{"individual": BY_GP}], period={"start": start, "end": end},
        diagnosis=[{"condition": reference("Condition/problem-0", "Aandoening")}], serviceProvider=PRACTICE,
        **{"class": inpatient},
    )  # fmt: skip


def planned(holder: Holder) -> list[Resource]:
    """What is planned: section 17."""
    return [planned_procedure(holder), planned_vaccination(holder), planned_device(holder), appointment(holder)]


def planned_procedure(holder: Holder) -> Resource:
    return holder.resource(
        "ProcedureRequest", "planned-procedure", f"{ZIB}zib-ProcedureRequest", status="active", intent="plan",
        code=concept(SNOMED, "410172000", "Controle van de ogen"), subject=holder.subject,
        occurrencePeriod={"start": "2027-03-13"}, performer=PRACTICE,
        reasonReference=[reference("Condition/problem-0", "Aandoening")],
    )  # fmt: skip


def planned_vaccination(holder: Holder) -> Resource:
    listed: Any = {
        "date": "2026-10", "vaccineCode": concept(ATC, "J07BB02", "Griepvaccin"),
        "forecastStatus": concept("http://hl7.org/fhir/immunization-recommendation-status", "due", "Due"),
    }  # fmt: skip
    ordered = {
        "url": f"{ZIB}zib-VaccinationRecommendation-OrderStatus",
        "valueCodeableConcept": concept("http://hl7.org/fhir/v3/ActStatus", "new", "Ordered"),
    }
    return holder.resource(
        "ImmunizationRecommendation", "planned-vaccination", f"{ZIB}zib-VaccinationRecommendation", extension=[ordered],
        patient=holder.subject, recommendation=[listed],
    )  # fmt: skip


def planned_device(holder: Holder) -> Resource:
    return holder.resource(
        "DeviceRequest", "planned-device", f"{ZIB}zib-MedicalDeviceRequest", status="active",
        intent=concept("http://hl7.org/fhir/request-intent", "order", "Order"),
        codeCodeableConcept={"text": "Bloeddrukmeter"}, subject=holder.subject,
        occurrencePeriod={"start": "2027-01-15"}, requester={"agent": BY_GP},
    )  # fmt: skip


def appointment(holder: Holder) -> Resource:
    return holder.resource(
        "Appointment", "appointment", "http://nictiz.nl/fhir/StructureDefinition/eAfspraak-Appointment",
        status="booked", description="Controle", start="2027-01-20T09:00:00+01:00", end="2027-01-20T09:20:00+01:00",
        participant=[
            {"actor": holder.subject, "status": "accepted"},
            {"actor": BY_GP, "status": "accepted"},
        ],
    )  # fmt: skip


def care_plan(holder: Holder, number: int, title: str) -> list[Resource]:
    """An active plan of somebody else's making, with its goal: one intervention with its reason."""
    goal = reference(f"Goal/goal-{number}", title)
    exercise = concept(SNOMED, "229065009", "Oefentherapie")
    return [
        holder.resource(
            "Goal", f"goal-{number}", f"{ZIB}zib-TreatmentObjective", status="in-progress",
            description={"text": f"{title}: stap voor stap beter"}, subject=holder.subject, startDate="2026-01-05",
            addresses=[reference("Condition/problem-0", "Aandoening")],
        ),
        holder.resource(
            "CarePlan", f"plan-{number}", f"{NL_CORE}nl-core-careplan", status="active", intent="plan", title=title,
            subject=holder.subject, period={"start": "2026-01-05"}, author=[BY_GP], goal=[goal],
            activity=[
                {
                    "detail": {
                        "category": concept(SNOMED, "9632001", "Verpleegkundige interventie"), "code": exercise,
                        "reasonReference": [reference("Condition/problem-0", "Aandoening")], "goal": [goal],
                        "status": "in-progress",
                        "scheduledTiming": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "wk"}},
                    }
                }
            ],
        ),
    ]  # fmt: skip

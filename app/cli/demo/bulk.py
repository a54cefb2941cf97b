"""Synthetic patients in any number, for load tests and benchmarks. https://hl7.org/fhir/R4/observation-vitalsigns.html

Plain dicts without fhir.resources: a million Observations in about twenty seconds. Nobody here exists; nothing reads a
clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from app.fhir.dates import LOCAL
from app.fhir.resource import Resource

START: Final = datetime(2024, 1, 1, 7, tzinfo=LOCAL)
DAYS: Final = 730
_PROFILE: Final = "http://nictiz.nl/fhir/StructureDefinition/"
_SYSTEMS: Final = "https://zelfregie.example/fhir/"


@dataclass(frozen=True, slots=True)
class VitalSign:
    """One code with its range: ``low`` to ``high`` in units of the last of ``digits`` decimals, ``unit`` in UCUM."""

    code: str
    display: str
    text: str
    unit: str
    low: int
    high: int
    digits: int
    profile: str | None = None


VITAL_SIGNS: Final = (
    VitalSign("29463-7", "Body weight", "Gewicht", "kg", 5500, 11000, 2, "nl-core-BodyWeight"),
    VitalSign("8867-4", "Heart rate", "Hartslag", "/min", 52, 110, 0, "nl-core-HeartRate"),
    VitalSign("8310-5", "Body temperature", "Temperatuur", "Cel", 360, 385, 1),
    VitalSign(
        "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "Zuurstof in het bloed", "%", 90, 100, 0
    ),
    VitalSign("9279-1", "Respiratory rate", "Ademhaling", "/min", 11, 24, 0),
)


def bulk_patients(patients: int, observations: int, *, seed: int) -> Iterator[list[Resource]]:
    """For each patient one list: Patient, Goal, CarePlan and ``observations`` vital signs, 1.2 kB of JSON each.

    The codes take turns, so each of the five gets a fifth; the times are spread evenly over two years, oldest first.
    Ids are unique over all lists. The same seed gives the same lists, and a patient's list does not depend on how many
    patients are asked for.
    """
    for number in range(1, patients + 1):
        chance = random.Random(f"{seed} {number}")
        yield _patient_with_data(f"bulk-{number:06d}", observations, chance)


def _patient_with_data(patient: str, observations: int, chance: random.Random) -> list[Resource]:
    display = f"Proefpersoon {patient[5:]}"
    # In one sitting each code is measured once, some minutes apart.
    sittings = -(-observations // len(VITAL_SIGNS))
    resources = [_patient(patient, display, chance), _goal(patient, display), _care_plan(patient, display)]
    for number in range(observations):
        sitting, turn = divmod(number, len(VITAL_SIGNS))
        minutes = sitting * DAYS * 24 * 60 // sittings + 4 * turn + chance.randrange(4)
        taken = (START + timedelta(minutes=minutes)).isoformat()
        resources.append(_observation(patient, display, number + 1, taken=taken, sign=VITAL_SIGNS[turn], chance=chance))
    return resources


def _reference(target_type: str, target_id: str, display: str) -> dict[str, Any]:
    return {"reference": f"{target_type}/{target_id}", "type": target_type, "display": display}


def _patient(patient: str, display: str, chance: random.Random) -> Resource:
    born = date(1935, 1, 1) + timedelta(days=chance.randrange(365 * 65))
    return {
        "resourceType": "Patient",
        "id": patient,
        "active": True,
        "identifier": [{"system": f"{_SYSTEMS}NamingSystem/bulk-patient", "value": patient}],
        "name": [{"use": "official", "text": display, "family": display.rpartition(" ")[2], "given": ["Proefpersoon"]}],
        "gender": chance.choice(("female", "male")),
        "birthDate": born.isoformat(),
        "address": [
            {
                "use": "home",
                "line": ["Verzonnenlaan 1"],
                "city": "Modelstad",
                "postalCode": "0101 AA",
                "country": "Nederland",
            }
        ],
    }


def _goal(patient: str, display: str) -> Resource:
    category = {"system": f"{_SYSTEMS}CodeSystem/goal-category", "code": "personal", "display": "Personal goal"}
    return {
        "resourceType": "Goal",
        "id": f"{patient}-goal-1",
        "meta": {"profile": [f"{_SYSTEMS}StructureDefinition/PersonalGoal"]},
        "lifecycleStatus": "active",
        "category": [{"coding": [category]}],
        "description": {"text": "Ik wil elke dag een half uur wandelen."},
        "subject": _reference("Patient", patient, display),
        "startDate": START.date().isoformat(),
        "expressedBy": _reference("Patient", patient, display),
    }


def _care_plan(patient: str, display: str) -> Resource:
    """A plan as a provider has one, beside which an individual care plan may be started: that would leave a revision of
    its own, and these records have as many resources as were asked for.
    """
    snomed = {"system": "http://snomed.info/sct", "code": "135411000146103"}
    return {
        "resourceType": "CarePlan",
        "id": f"{patient}-plan",
        "status": "active",
        "intent": "plan",
        "category": [{"coding": [snomed]}],
        "title": f"Plan van {display}",
        "subject": _reference("Patient", patient, display),
        "period": {"start": START.date().isoformat()},
        "created": START.date().isoformat(),
        "author": _reference("Patient", patient, display),
        "goal": [_reference("Goal", f"{patient}-goal-1", "Ik wil elke dag een half uur wandelen.")],
        "activity": [
            {
                "id": "agreement-1",
                "detail": {"status": "in-progress", "description": "Ik wandel na het eten een half uur."},
            },
        ],
    }


def _observation(
    patient: str, display: str, number: int, *, taken: str, sign: VitalSign, chance: random.Random
) -> Resource:
    observation_id = f"{patient}-o-{number:05d}"
    category = {
        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
        "code": "vital-signs",
        "display": "Vital Signs",
    }
    resource: Resource = {
        "resourceType": "Observation",
        "id": observation_id,
        "language": "nl",
        "identifier": [{"system": f"{_SYSTEMS}NamingSystem/bulk-observation", "value": observation_id}],
        "status": "final",
        "category": [{"coding": [category], "text": "Vitale functies"}],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": sign.code, "display": sign.display}],
            "text": sign.text,
        },
        "subject": _reference("Patient", patient, display),
        "effectiveDateTime": taken,
        "issued": f"{taken[:16]}:30.000{taken[19:]}",
        "performer": [_reference("Patient", patient, display)],
        "valueQuantity": {
            "value": Decimal(chance.randint(sign.low, sign.high)).scaleb(-sign.digits),
            "unit": sign.unit,
            "system": "http://unitsofmeasure.org",
            "code": sign.unit,
        },
        "note": [
            {
                "time": taken,
                "text": "Thuis gemeten, na vijf minuten rustig zitten, met de eigen meter.",
            }
        ],
        "method": {"text": "Zelf gemeten met een meter voor thuis"},
        "device": {"display": "Meter voor thuis, model Voorbeeld 1 (bestaat niet)"},
    }
    if sign.profile is not None:
        resource["meta"] = {"profile": [_PROFILE + sign.profile]}
    return resource

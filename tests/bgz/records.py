"""Resources of a BgZ as two sources may give them, and what is in an answer."""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource
from tests import builders
from tests.builders import LOINC, SNOMED, concept, made, reference
from tests.server.service import Caller

ANNA: Final = reference("Patient/anna")
ALLERGY_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
ALLERGY_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
CONDITION_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ABSENT: Final = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
PRK: Final = "urn:oid:2.16.840.1.113883.2.4.4.10"
MEDICATION_USE: Final = concept("urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3", "6")


def allergy(**members: Any) -> Resource:
    defaults = {
        "clinicalStatus": concept(ALLERGY_CLINICAL, "active"),
        "patient": ANNA,
        "code": concept(SNOMED, "91936005", text="Penicilline"),
        "recordedDate": "2020-02-03",
    }
    return made("AllergyIntolerance", defaults, members)


def medication(**members: Any) -> Resource:
    """Use of metformin, by its PRK code."""
    defaults = {
        "status": "active",
        "category": MEDICATION_USE,
        "subject": ANNA,
        "medicationCodeableConcept": concept(PRK, "35645", text="Metformine tablet 500 mg"),
        "effectivePeriod": {"start": "2025-01-01", "end": "2025-12-31"},
        "dosage": [{"text": "2 keer per dag 1 tablet"}],
    }
    return made("MedicationStatement", defaults, members)


def laboratory(**members: Any) -> Resource:
    """A haemoglobin."""
    defaults = {
        "category": [concept(SNOMED, "275711006")],
        "code": concept(LOINC, "718-7", text="Hemoglobine"),
        "effectiveDateTime": "2026-03-02T08:30:00+01:00",
        "valueQuantity": {"value": 8.6, "unit": "mmol/L", "system": builders.UCUM, "code": "mmol/L"},
    }
    return builders.observation(**{**defaults, **members})


def one_of_each() -> dict[str, list[Resource]]:
    """By section of the BgZ, what belongs to it; below ``""`` what belongs to none."""
    return {
        "payer": [made("Coverage", {"status": "active", "beneficiary": ANNA, "payor": [ANNA]}, {})],
        "treatment-directive": [builders.consent(category=[_snomed("11291000146105")], scope=_scope("treatment"))],
        "advance-directive": [builders.consent(), builders.consent(category=[_snomed("11341000146107")])],
        "functional-status": [builders.observation(category=[_snomed("118228005")], code=_snomed("283239008"))],
        "problems": [builders.condition()],
        "living-situation": [_social("365508006")],
        "drug-use": [_social("228366006"), _social("228366006", effectiveDateTime="2020-01-01")],
        "alcohol-use": [_social("228273003")],
        "tobacco-use": [_social("365980008")],
        "nutrition": [
            made(
                "NutritionOrder",
                _order(subject=None, patient=ANNA, dateTime="2026-01-01", oralDiet={"instruction": "Vers"}),
                {},
            )
        ],
        "alerts": [made("Flag", {"status": "active", "code": {"text": "Let op"}, "subject": ANNA}, {})],
        "allergies": [allergy()],
        "medication-use": [medication(), medication(category=None)],
        "medication-agreement": [made("MedicationRequest", _order(category=[_snomed("16076005")], **_METFORMIN), {})],
        "administration-agreement": [
            made("MedicationDispense", {"status": "completed", "category": _snomed("422037009"), **_METFORMIN}, {})
        ],
        "devices": [
            made("DeviceUseStatement", {"status": "active", "device": reference("Device/none"), "subject": ANNA}, {})
        ],
        "vaccinations": [_vaccination("completed")],
        "blood-pressure": [pressure()],
        "body-weight": [builders.observation()],
        "body-height": [builders.observation(code=concept(LOINC, "8302-2"), valueQuantity=_cm(170))],
        "laboratory": [laboratory()],
        "procedures": [_procedure("387713003")],
        "admissions": [_encounter("IMP"), _encounter("ACUTE")],
        "planned-procedures": [made("ServiceRequest", _order(), {})],
        "planned-vaccinations": [_recommendation()],
        "planned-devices": [made("DeviceRequest", _order(codeCodeableConcept={"text": "Rollator"}), {})],
        "appointments": [builders.appointment()],
        "": [
            _vaccination("not-done"),
            _procedure("103693007"),
            _encounter("AMB"),
            made("ServiceRequest", _order(status="completed"), {}),
            builders.appointment(status="fulfilled"),
            builders.observation(code=concept(LOINC, "8310-5"), valueQuantity=_celsius(37)),
            builders.goal(),
        ],
    }


_METFORMIN: Final = {"subject": ANNA, "medicationReference": reference("Medication/metformin")}


def _snomed(code: str) -> Resource:
    return concept(SNOMED, code)


def _order(**members: Any) -> Resource:
    return {"status": "active", "intent": "order", "subject": ANNA, **members}


def _scope(code: str) -> Resource:
    return concept("http://terminology.hl7.org/CodeSystem/consentscope", code)


def _social(code: str, **members: Any) -> Resource:
    value = {"valueQuantity": None, "valueString": "Ja"}
    return builders.observation(**{"category": None, "code": concept(SNOMED, code), **value, **members})


def _vaccination(status: str) -> Resource:
    given = {"status": status, "vaccineCode": {"text": "Griep"}, "patient": ANNA, "occurrenceDateTime": "2025-10-01"}
    return made("Immunization", given, {})


def _procedure(code: str) -> Resource:
    done = {"status": "completed", "category": concept(SNOMED, code), "subject": ANNA, "code": {"text": "Ingreep"}}
    return made("Procedure", done, {})


def _encounter(code: str) -> Resource:
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    return made("Encounter", {"status": "finished", "class": {"system": system, "code": code}, "subject": ANNA}, {})


def _recommendation() -> Resource:
    due = {"vaccineCode": [{"text": "Griep"}], "forecastStatus": {"text": "aan de beurt"}}
    return made("ImmunizationRecommendation", {"patient": ANNA, "date": "2026-10-01", "recommendation": [due]}, {})


def _cm(value: int) -> Resource:
    return {"value": value, "unit": "cm", "system": builders.UCUM, "code": "cm"}


def _celsius(value: int) -> Resource:
    return {"value": value, "unit": "°C", "system": builders.UCUM, "code": "Cel"}


def pressure(upper: int = 138, **members: Any) -> Resource:
    def part(code: str, value: int) -> Resource:
        amount = {"value": value, "unit": "mmHg", "system": builders.UCUM, "code": "mm[Hg]"}
        return {"code": concept(LOINC, code), "valueQuantity": amount}

    parts = [part("8480-6", upper), part("8462-4", 82)]
    return builders.observation(
        **{"code": concept(LOINC, "85354-9"), "valueQuantity": None, "component": parts, **members}
    )


async def keep_one_of_each(caller: Caller) -> dict[str, set[str]]:
    """Store them; by section the addresses."""
    found: dict[str, set[str]] = {}
    for section, resources in one_of_each().items():
        for each in resources:
            stored = await caller.create({name: value for name, value in each.items() if value is not None})
            found.setdefault(section, set()).add(f"{stored['resourceType']}/{stored['id']}")
    return found


def addresses(bundle: Resource, mode: str = "match") -> list[str]:
    """What a searchset has, by type and id."""
    return [
        f"{each['resource']['resourceType']}/{each['resource']['id']}"
        for each in bundle.get("entry", ())
        if each["search"]["mode"] == mode
    ]

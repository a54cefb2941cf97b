"""Every element of the clinical and medication types that only one version has, what is added to them, and what happens
when a resource is changed between coming in and going out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from app.fhir.definitions import Element
from app.fhir.resource import Resource
from app.fhir.stu3 import R4_TYPES
from app.fhir.stu3.sides import R4, STU3, Side
from app.fhir.stu3.tables import Addition, tables
from tests.fhir.generated import Maker
from tests.stu3.examples import TRANSLATOR, errors
from tests.stu3.expected import MEDICATION, PATIENT, SUBJECT, Members, added, carried, coded

ADDED: Final = {
    "4.0": {
        "AllergyIntolerance.clinicalStatus": "unknown",
        "Condition.clinicalStatus": "unknown",
        "Consent.category": "unknown",
        "Consent.scope": "from its category, else unknown",
        "Immunization.occurrenceDateTime": "unknown",
        "Immunization.protocolApplied.doseNumberPositiveInt": "unknown",
        "ImmunizationRecommendation.date": "unknown",
        "Media.status": "unknown",
        "MedicationDispense.status": "unknown",
        "MedicationRequest.status": "unknown",
        "NutritionOrder.intent": "from its status, else unknown",
        "NutritionOrder.status": "unknown",
    },
    "3.0": {
        "AllergyIntolerance.verificationStatus": "unknown",
        "Condition.clinicalStatus": "unknown",
        "Consent.patient": "unknown",
        "Consent.policyRule": "unsupported",
        "DeviceRequest.intent": "unsupported",
        "Immunization.notGiven": "unknown",
        "Immunization.primarySource": "unknown",
        "Immunization.status": "unsupported",
        "Immunization.vaccinationProtocol.doseStatus": "unknown",
        "Immunization.vaccinationProtocol.targetDisease": "unknown",
        "ImmunizationRecommendation.recommendation.date": "unknown",
        "Media.type": "unknown",
        "MedicationRequest.intent": "unsupported",
        "MedicationRequest.substitution.allowed": "unsupported",
        "MedicationStatement.status": "unsupported",
        "MedicationStatement.taken": "unknown",
        "ProcedureRequest.code": "unknown",
        "ProcedureRequest.intent": "unsupported",
        "SampledData.data": "unknown",
        "Specimen.subject": "unknown",
    },
}
"""By the version that demands it: what is added, and with which reason where there is no value. Never a status."""
TYPES: Final = sorted({*R4_TYPES} & {path.partition(".")[0] for paths in ADDED.values() for path in paths} | {
    "Device", "DeviceUseStatement", "DiagnosticReport", "Flag", "List", "Medication", "MedicationAdministration",
    "Observation", "Procedure", "Substance",
})  # fmt: skip
ALIKE: Final = frozenset(
    {"id", "extension", "modifierExtension", "contained", "implicitRules", "language", "text", "meta"}
)
PERIOD: Final = {"start": "2026-01-01", "end": "2026-02-01"}


def test_what_is_added_to_these_types_is_listed() -> None:
    types = {*TYPES, "SampledData", "Timing", "Dosage"}
    for version, listed in ADDED.items():
        found: dict[str, Addition] = {}
        for table in tables().values():
            if table.stu3 in types:
                additions = table.add_r4 if version == "4.0" else table.add_stu3
                found |= {f"{path}.{each.name}": each for path, several in additions.items() for each in several}
        assert found.keys() == listed.keys()
        for path, each in found.items():
            assert each.why
            assert each.value is None, path
            assert listed[path].endswith(each.absent)
            assert listed[path].startswith("from") == (each.derive in ("consent-scope", "nutrition-intent"))


def _members(side: Side, kind: str) -> Iterator[tuple[str, Element]]:
    for name, element in side.elements(kind).items():
        if name not in ALIKE:
            yield name, element


def _with(side: Side, kind: str, name: str, element: Element) -> Resource:
    """A resource with what its type demands and this member, twice where there may be several."""
    seed = f"{kind}.{name}"
    maker = Maker(side.definitions, random.Random(seed), richness=0.0, beside=0.0)
    choice = {each for each, other in side.elements(kind).items() if element.choice and other.choice == element.choice}
    needed = {each: value for each, value in maker.object(kind).items() if each not in choice}
    rich = Maker(side.definitions, random.Random(seed), richness=1.0, beside=0.0)
    made = [rich.value(kind, name, element, depth=1) for _ in range(2 if element.many else 1)]
    return {"resourceType": kind, **needed, name: made if element.many else made[0]}


@pytest.mark.parametrize("kind", TYPES)
def test_every_element_of_r4_goes_out_and_comes_back(kind: str) -> None:
    for name, element in _members(R4, R4_TYPES[kind]):
        given = _with(R4, R4_TYPES[kind], name, element)
        without = TRANSLATOR.to_stu3(given)
        assert TRANSLATOR.to_r4(without) == given, name
        if not errors(given, R4.definitions):
            assert errors(without, STU3.definitions) == [], name


@pytest.mark.parametrize("kind", TYPES)
def test_every_element_of_stu3_comes_in_and_goes_back(kind: str) -> None:
    for name, element in _members(STU3, kind):
        given = _with(STU3, kind, name, element)
        within = TRANSLATOR.to_r4(given)
        assert TRANSLATOR.to_stu3(within) == given, name
        if not errors(given, STU3.definitions):
            assert errors(within, R4.definitions) == [], name


@pytest.mark.parametrize("kind", TYPES)
def test_a_modifier_that_the_other_version_has_no_rule_for_modifies_there(kind: str) -> None:
    rows = tables()[kind].rows.get(kind, ())
    for source, other, names in ((R4, STU3, [row.r4 for row in rows]), (STU3, R4, [row.stu3 for row in rows])):
        here, there = (R4_TYPES[kind], kind) if source is R4 else (kind, R4_TYPES[kind])
        translate = TRANSLATOR.to_stu3 if source is R4 else TRANSLATOR.to_r4
        ruled = {name for several in names for name in several}
        for name, element in _members(source, here):
            if element.modifier and name not in ruled and name not in other.elements(there):
                made = translate(_with(source, here, name, element))
                url = carried(source.version, f"{here}.{name}")["url"]
                assert [each["url"] for each in made["modifierExtension"]] == [url]


CHANGES: Final[dict[str, tuple[Resource, Members, Members]]] = {
    "what was not done was done after all": (
        {
            "resourceType": "Procedure",
            **SUBJECT,
            "status": "completed",
            "notDone": True,
            "notDoneReason": {"text": "x"},
        },
        {"status": "completed", "statusReason": None},
        {"resourceType": "Procedure", **SUBJECT, "status": "completed"},
    ),
    "it is taken again": (
        {
            "resourceType": "MedicationStatement",
            **SUBJECT,
            **MEDICATION,
            "status": "stopped",
            "taken": "n",
            "reasonNotTaken": [{"text": "x"}],
        },
        {"status": "active", "statusReason": None},
        {"resourceType": "MedicationStatement", **SUBJECT, **MEDICATION, "status": "active", "taken": "y"},
    ),
    "the vaccine was given": (
        {
            "resourceType": "Immunization",
            **PATIENT,
            "vaccineCode": {"text": "griep"},
            "primarySource": True,
            "status": "completed",
            "notGiven": True,
            "explanation": {"reasonNotGiven": [{"text": "koorts"}]},
        },
        {"status": "completed", "statusReason": None, "_occurrenceDateTime": None, "occurrenceDateTime": "2026"},
        {
            "resourceType": "Immunization",
            **PATIENT,
            "vaccineCode": {"text": "griep"},
            "primarySource": True,
            "status": "completed",
            "notGiven": False,
            "date": "2026",
        },
    ),
    "a status that was added is really set": (
        {"resourceType": "MedicationRequest", **SUBJECT, **MEDICATION, "intent": "order"},
        {"_status": None, "status": "active"},
        {"resourceType": "MedicationRequest", **SUBJECT, **MEDICATION, "intent": "order", "status": "active"},
    ),
    "a status that was added is set beside the mark": (
        {"resourceType": "MedicationDispense", **SUBJECT, **MEDICATION},
        {"status": "completed"},
        {"resourceType": "MedicationDispense", **SUBJECT, **MEDICATION, "status": "completed"},
    ),
    "a problem whose certainty is unknown is over": (
        {"resourceType": "Condition", **SUBJECT, "clinicalStatus": "active", "verificationStatus": "unknown"},
        {"clinicalStatus": coded("condition-clinical", "resolved")},
        {"resourceType": "Condition", **SUBJECT, "clinicalStatus": "resolved", "verificationStatus": "unknown"},
    ),
    "a problem whose certainty is unknown is confirmed": (
        {"resourceType": "Condition", **SUBJECT, "clinicalStatus": "active", "verificationStatus": "unknown"},
        {"verificationStatus": coded("condition-ver-status", "confirmed")},
        {"resourceType": "Condition", **SUBJECT, "clinicalStatus": "active", "verificationStatus": "confirmed"},
    ),
    "what belongs to an episode gets an encounter": (
        {
            "resourceType": "Condition",
            **SUBJECT,
            "clinicalStatus": "active",
            "context": {"reference": "EpisodeOfCare/care"},
        },
        {"encounter": {"reference": "Encounter/visit"}},
        {
            "resourceType": "Condition",
            **SUBJECT,
            "clinicalStatus": "active",
            "context": {"reference": "Encounter/visit"},
        },
    ),
    "the rules of a consent are withdrawn": (
        {
            "resourceType": "Consent",
            **PATIENT,
            "status": "active",
            "category": [{"text": "c"}],
            "policyRule": "http://elsewhere.example/policy",
            "period": PERIOD,
            "except": [{"type": "deny", "class": [{"code": "x"}]}],
        },
        {"provision": None},
        {
            "resourceType": "Consent",
            **PATIENT,
            "status": "active",
            "category": [{"text": "c"}],
            "policyRule": "http://elsewhere.example/policy",
        },
    ),
    "a diet that was asked for is given": (
        {"resourceType": "NutritionOrder", **PATIENT, "dateTime": "2026", "status": "requested"},
        {"status": "active"},
        {"resourceType": "NutritionOrder", **PATIENT, "dateTime": "2026", "status": "active"},
    ),
    "the intent of a diet is really an order": (
        {"resourceType": "NutritionOrder", **PATIENT, "dateTime": "2026", "status": "draft"},
        {"intent": "order", "_intent": None},
        {
            "resourceType": "NutritionOrder",
            **PATIENT,
            "dateTime": "2026",
            "status": "draft",
            "extension": [
                carried("4.0", "NutritionOrder.status", valueCode="draft"),
                carried("4.0", "NutritionOrder.intent", valueCode="order"),
            ],
        },
    ),
}
"""A resource of STU3, what is changed of its R4 form (None: taken away), and what it then is in STU3."""


@pytest.mark.parametrize("case", CHANGES)
def test_what_was_carried_does_not_come_back_over_a_change(case: str) -> None:
    given, change, expected = CHANGES[case]
    within = {**TRANSLATOR.to_r4(given), **change}
    changed: dict[str, Any] = {name: value for name, value in within.items() if value is not None}
    assert TRANSLATOR.to_stu3(changed) == expected


def test_what_r4_does_not_say_of_a_problem_is_told_to_stu3_and_not_taken_for_its_own() -> None:
    given = {"resourceType": "Condition", **SUBJECT, "code": {"text": "astma"}}
    without = TRANSLATOR.to_stu3(given)
    assert without["_clinicalStatus"] == added("3.0", absent="unknown")
    assert TRANSLATOR.to_r4(without) == given
    wrong = {**given, "verificationStatus": coded("condition-ver-status", "entered-in-error")}
    assert "_clinicalStatus" not in TRANSLATOR.to_stu3(wrong)


def test_relations_that_r4_does_not_have_stay_when_others_change() -> None:
    def related(kind: str | None, name: str) -> Members:
        return {**({"type": kind} if kind else {}), "target": {"reference": f"Observation/{name}"}}

    given: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "related": [
            related("has-member", "a"),
            related("replaces", "b"),
            related(None, "c"),
            related("qualified-by", "d"),
        ],
    }
    made = TRANSLATOR.to_r4(given)
    changed = TRANSLATOR.to_stu3({**made, "hasMember": [{"reference": "Observation/z"}]})
    assert changed["related"] == [
        related("has-member", "z"), related("replaces", "b"), related(None, "c"), related("qualified-by", "d")
    ]  # fmt: skip
    less = TRANSLATOR.to_stu3({name: each for name, each in made.items() if name != "hasMember"})
    assert less["related"] == given["related"][1:]
    for each in (changed, less):
        assert TRANSLATOR.to_stu3(TRANSLATOR.to_r4(each)) == each

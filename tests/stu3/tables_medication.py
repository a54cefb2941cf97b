"""Medication: each rule and code of its tables.
https://hl7.org/fhir/R4/medicationstatement-version-maps.html and those of the other types
"""

from __future__ import annotations

from typing import Final

from tests.stu3.expected import MEDICATION, SUBJECT, Members, added, carried

VISIT: Final = {"reference": "Encounter/visit"}
NURSE: Final = {"reference": "Practitioner/nurse"}
NOTE: Final = {"text": "uitleg"}
OTHER: Final = {"text": "nog iets"}
ABROAD: Final = {"reference": "http://elsewhere.example/fhir/PlanDefinition/p"}
DOSE: Final = {"value": 1, "unit": "stuk"}
STRENGTH: Final = {"numerator": {"value": 500}, "denominator": {"value": 1}}
TAKEN: Final[Members] = {**SUBJECT, **MEDICATION}
GIVEN: Final[Members] = {**TAKEN, "effectiveDateTime": "2026-01-01"}
BOTH: Final[dict[str, tuple[str, Members, Members]]] = {
    **{
        f"statement {status}, {taken}": (
            "MedicationStatement",
            {**TAKEN, "status": status, "taken": taken},
            {**TAKEN, "status": status},
        )
        for status, taken in (("active", "y"), ("completed", "y"))
    },
    "request": (
        "MedicationRequest",
        {
            **TAKEN,
            "status": "active",
            "intent": "order",
            "definition": [ABROAD],
            "category": NOTE,
            "context": VISIT,
            "requester": {"agent": NURSE},
            "substitution": {"allowed": True},
            "dispenseRequest": {"numberOfRepeatsAllowed": 2},
        },
        {
            **TAKEN,
            "status": "active",
            "intent": "order",
            "instantiatesCanonical": [ABROAD["reference"]],
            "category": [NOTE],
            "encounter": VISIT,
            "requester": NURSE,
            "substitution": {"allowedBoolean": True},
            "dispenseRequest": {"numberOfRepeatsAllowed": 2},
        },
    ),
    "dose and rate": (
        "MedicationRequest",
        {**TAKEN, "status": "active", "intent": "order", "dosageInstruction": [{"text": "1x", "doseQuantity": DOSE}]},
        {
            **TAKEN,
            "status": "active",
            "intent": "order",
            "dosageInstruction": [{"text": "1x", "doseAndRate": [{"doseQuantity": DOSE}]}],
        },
    ),
    "dispense": ("MedicationDispense", {**TAKEN, "status": "completed"}, {**TAKEN, "status": "completed"}),
    "not dispensed": (
        "MedicationDispense",
        {**TAKEN, "notDone": True, "notDoneReasonCodeableConcept": NOTE},
        {**TAKEN, "status": "declined", "statusReasonCodeableConcept": NOTE},
    ),
    "not dispensed for an issue": (
        "MedicationDispense",
        {**TAKEN, "notDone": True, "notDoneReasonReference": {"reference": "DetectedIssue/i"}},
        {**TAKEN, "status": "declined", "statusReasonReference": {"reference": "DetectedIssue/i"}},
    ),
    "administration": (
        "MedicationAdministration",
        {
            **GIVEN,
            "status": "completed",
            "definition": [ABROAD],
            "prescription": {"reference": "MedicationRequest/m"},
            "reasonCode": [NOTE],
        },
        {
            **GIVEN,
            "status": "completed",
            "instantiates": [ABROAD["reference"]],
            "request": {"reference": "MedicationRequest/m"},
            "reasonCode": [NOTE],
        },
    ),
    "not administered": (
        "MedicationAdministration",
        {**GIVEN, "status": "stopped", "notGiven": True, "reasonNotGiven": [NOTE, OTHER]},
        {**GIVEN, "status": "not-done", "statusReason": [NOTE, OTHER]},
    ),
    "medication": (
        "Medication",
        {
            "ingredient": [{"itemCodeableConcept": NOTE, "amount": STRENGTH}],
            "package": {"batch": [{"lotNumber": "L", "expirationDate": "2027"}]},
        },
        {
            "ingredient": [{"itemCodeableConcept": NOTE, "strength": STRENGTH}],
            "batch": {"lotNumber": "L", "expirationDate": "2027"},
        },
    ),
}
"""STU3's type, and what is exactly the same in both versions."""


def _statement(status: str, taken: str, r4: str, *, reason: bool = False) -> tuple[str, Members, Members]:
    said = {"status": status, "taken": taken}
    kept = [carried("3.0", f"MedicationStatement.{name}", valueCode=code) for name, code in said.items()]
    if not reason:
        return "MedicationStatement", {**TAKEN, **said}, {**TAKEN, "status": r4, "extension": kept}
    kept.append(carried("3.0", "MedicationStatement.reasonNotTaken", valueCodeableConcept=NOTE))
    return (
        "MedicationStatement",
        {**TAKEN, **said, "reasonNotTaken": [NOTE]},
        {**TAKEN, "status": r4, "statusReason": [NOTE], "extension": kept},
    )


IN: Final[dict[str, tuple[str, Members, Members]]] = {
    **{
        f"statement {status}, {taken}": _statement(status, taken, r4)
        for status, taken, r4 in (
            ("active", "n", "not-taken"),
            ("completed", "n", "not-taken"),
            ("active", "unk", "unknown"),
            ("completed", "unk", "unknown"),
            ("active", "na", "active"),
            ("intended", "n", "intended"),
            ("intended", "na", "intended"),
            ("on-hold", "y", "on-hold"),
            ("stopped", "n", "stopped"),
            ("stopped", "unk", "stopped"),
            ("entered-in-error", "n", "entered-in-error"),
        )
    },
    "why it is not taken": _statement("active", "n", "not-taken", reason=True),
    "why it was stopped": _statement("stopped", "n", "stopped", reason=True),
    "request without status": (
        "MedicationRequest",
        {**TAKEN, "intent": "plan"},
        {**TAKEN, "intent": "plan", "_status": added("4.0", absent="unknown")},
    ),
    "dispense without status": ("MedicationDispense", TAKEN, {**TAKEN, "_status": added("4.0", absent="unknown")}),
    "not administered is not completed": (
        "MedicationAdministration",
        {**GIVEN, "status": "completed", "notGiven": True},
        {
            **GIVEN,
            "status": "not-done",
            "extension": [
                carried("3.0", "MedicationAdministration.status", valueCode="completed"),
                carried("3.0", "MedicationAdministration.notGiven", valueBoolean=True),
            ],
        },
    ),
    "what R4 does not have of a medication": (
        "Medication",
        {"isBrand": True, "isOverTheCounter": False, "package": {"container": NOTE}},
        {
            "extension": [
                carried("3.0", "Medication.package", extension=[{"url": "container", "valueCodeableConcept": NOTE}]),
                carried("3.0", "Medication.isBrand", valueBoolean=True),
                carried("3.0", "Medication.isOverTheCounter", valueBoolean=False),
            ]
        },
    ),
}
"""From STU3, with what R4 cannot say or demands besides."""

OUT: Final[dict[str, tuple[str, Members, Members]]] = {
    "not taken": (
        "MedicationStatement",
        {**TAKEN, "status": "not-taken", "statusReason": [NOTE]},
        {**TAKEN, "_status": added("3.0", absent="unsupported"), "taken": "n", "reasonNotTaken": [NOTE]},
    ),
    "not known": (
        "MedicationStatement",
        {**TAKEN, "status": "unknown"},
        {**TAKEN, "_status": added("3.0", absent="unsupported"), "taken": "unk"},
    ),
    **{
        f"whether what is {status} was taken": (
            "MedicationStatement",
            {**TAKEN, "status": status},
            {**TAKEN, "status": status, "_taken": added("3.0", absent="unknown")},
        )
        for status in ("intended", "on-hold", "stopped", "entered-in-error")
    },
    **{
        f"{intent} is an order": (
            "MedicationRequest",
            {**TAKEN, "status": "active", "intent": intent},
            {
                **TAKEN,
                "status": "active",
                "intent": "order",
                "extension": [carried("4.0", "MedicationRequest.intent", valueCode=intent)],
            },
        )
        for intent in ("original-order", "reflex-order", "filler-order")
    },
    "an option is none": (
        "MedicationRequest",
        {**TAKEN, "status": "active", "intent": "option", "doNotPerform": True},
        {
            **TAKEN,
            "status": "active",
            "_intent": added("3.0", absent="unsupported"),
            "modifierExtension": [
                carried("4.0", "MedicationRequest.intent", valueCode="option"),
                carried("4.0", "MedicationRequest.doNotPerform", valueBoolean=True),
            ],
        },
    ),
    "what may be dispensed instead": (
        "MedicationRequest",
        {**TAKEN, "status": "active", "intent": "order", "substitution": {"allowedCodeableConcept": NOTE}},
        {
            **TAKEN,
            "status": "active",
            "intent": "order",
            "substitution": {
                "_allowed": added("3.0", absent="unsupported"),
                "extension": [carried("4.0", "MedicationRequest.substitution.allowed", valueCodeableConcept=NOTE)],
            },
        },
    ),
    **{
        f"a dispense that is {status}": (
            "MedicationDispense",
            {**TAKEN, "status": status},
            {**TAKEN, "modifierExtension": [carried("4.0", "MedicationDispense.status", valueCode=status)]},
        )
        for status in ("cancelled", "unknown")
    },
    "why it was not given beside why it was to be": (
        "MedicationAdministration",
        {**GIVEN, "status": "not-done", "reasonCode": [NOTE]},
        {
            **GIVEN,
            "status": "stopped",
            "notGiven": True,
            "extension": [
                carried("4.0", "MedicationAdministration.status", valueCode="not-done"),
                carried("4.0", "MedicationAdministration.reasonCode", valueCodeableConcept=NOTE),
            ],
        },
    ),
    "early in the morning is in the morning": (
        "MedicationStatement",
        {**TAKEN, "status": "active", "dosage": [{"timing": {"repeat": {"when": ["MORN.early"], "offset": 5}}}]},
        {
            **TAKEN,
            "status": "active",
            "taken": "y",
            "dosage": [
                {
                    "timing": {
                        "repeat": {
                            "when": ["MORN"],
                            "offset": 5,
                            "extension": [carried("4.0", "Timing.repeat.when", valueCode="MORN.early")],
                        }
                    }
                }
            ],
        },
    ),
}
"""From R4, with what STU3 cannot say or demands besides."""

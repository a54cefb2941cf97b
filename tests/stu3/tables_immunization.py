"""Immunization and advice to immunize: each rule and code of their tables.
https://hl7.org/fhir/R4/immunization-version-maps.html
https://hl7.org/fhir/R4/immunizationrecommendation-version-maps.html
"""

from __future__ import annotations

from typing import Final

from tests.stu3.expected import PATIENT, Members, added, carried

NURSE: Final = {"reference": "Practitioner/nurse"}
NOTE: Final = {"text": "uitleg"}
OTHER: Final = {"text": "nog iets"}
SHOT: Final[Members] = {**PATIENT, "vaccineCode": {"text": "griep"}, "primarySource": True}
ADVICE: Final[Members] = {"vaccineCode": {"text": "griep"}, "forecastStatus": {"text": "nodig"}}
ADVICE_R4: Final[Members] = {**ADVICE, "vaccineCode": [ADVICE["vaccineCode"]]}
WHEN: Final[Members] = {"occurrenceDateTime": "2026-01-01"}
BOTH: Final[dict[str, tuple[str, Members, Members]]] = {
    "immunization": (
        "Immunization",
        {
            **SHOT,
            "status": "completed",
            "notGiven": False,
            "date": "2026-01-01",
            "practitioner": [{"role": NOTE, "actor": NURSE}],
            "explanation": {"reason": [NOTE, OTHER]},
            "reaction": [{"date": "2026-01-02"}],
        },
        {
            **SHOT,
            **WHEN,
            "status": "completed",
            "performer": [{"function": NOTE, "actor": NURSE}],
            "reasonCode": [NOTE, OTHER],
            "reaction": [{"date": "2026-01-02"}],
        },
    ),
    "advice to immunize": (
        "ImmunizationRecommendation",
        {
            **PATIENT,
            "recommendation": [
                {**ADVICE, "date": "2026", "doseNumber": 2, "protocol": {"description": "d", "series": "s"}},
                {**ADVICE, "date": "2026"},
            ],
        },
        {
            **PATIENT,
            "date": "2026",
            "recommendation": [
                {**ADVICE_R4, "doseNumberPositiveInt": 2, "description": "d", "series": "s"},
                ADVICE_R4,
            ],
        },
    ),
}
"""STU3's type, and what is exactly the same in both versions."""

IN: Final[dict[str, tuple[str, Members, Members]]] = {
    "not immunized is not completed": (
        "Immunization",
        {**SHOT, "status": "completed", "notGiven": True, "explanation": {"reasonNotGiven": [NOTE]}},
        {
            **SHOT,
            "status": "not-done",
            "statusReason": NOTE,
            "_occurrenceDateTime": added("4.0", absent="unknown"),
            "extension": [
                carried("3.0", "Immunization.status", valueCode="completed"),
                carried("3.0", "Immunization.notGiven", valueBoolean=True),
                carried(
                    "3.0",
                    "Immunization.explanation",
                    extension=[{"url": "reasonNotGiven", "valueCodeableConcept": NOTE}],
                ),
            ],
        },
    ),
    "protocol": (
        "Immunization",
        {
            **SHOT,
            "status": "completed",
            "notGiven": False,
            "date": "2026-01-01",
            "vaccinationProtocol": [{"seriesDoses": 3, "targetDisease": [NOTE], "doseStatus": OTHER}],
        },
        {
            **SHOT,
            **WHEN,
            "status": "completed",
            "protocolApplied": [
                {
                    "seriesDosesPositiveInt": 3,
                    "targetDisease": [NOTE],
                    "_doseNumberPositiveInt": added("4.0", absent="unknown"),
                    "extension": [
                        carried("3.0", "Immunization.vaccinationProtocol.doseStatus", valueCodeableConcept=OTHER)
                    ],
                }
            ],
        },
    ),
    "recommendations of several dates": (
        "ImmunizationRecommendation",
        {**PATIENT, "recommendation": [{**ADVICE, "date": "2025"}, {**ADVICE, "date": "2026"}]},
        {
            **PATIENT,
            "_date": added("4.0", absent="unknown"),
            "recommendation": [
                {
                    **ADVICE_R4,
                    "extension": [carried("3.0", "ImmunizationRecommendation.recommendation.date", valueDateTime=date)],
                }
                for date in ("2025", "2026")
            ],
        },
    ),
}
"""From STU3, with what R4 cannot say or demands besides."""

OUT: Final[dict[str, tuple[str, Members, Members]]] = {
    "not immunized": (
        "Immunization",
        {**SHOT, **WHEN, "status": "not-done", "statusReason": NOTE},
        {
            **SHOT,
            "date": "2026-01-01",
            "_status": added("3.0", absent="unsupported"),
            "notGiven": True,
            "explanation": {"reasonNotGiven": [NOTE]},
        },
    ),
    "immunized, entered in error, once upon a time": (
        "Immunization",
        {**PATIENT, "vaccineCode": NOTE, "status": "entered-in-error", "occurrenceString": "als kind"},
        {
            **PATIENT,
            "vaccineCode": NOTE,
            "status": "entered-in-error",
            "_notGiven": added("3.0", absent="unknown"),
            "_primarySource": added("3.0", absent="unknown"),
            "extension": [carried("4.0", "Immunization.occurrence", valueString="als kind")],
        },
    ),
    "protocol": (
        "Immunization",
        {**SHOT, **WHEN, "status": "completed", "protocolApplied": [{"doseNumberString": "eerste"}]},
        {
            **SHOT,
            "date": "2026-01-01",
            "status": "completed",
            "notGiven": False,
            "vaccinationProtocol": [
                {
                    "targetDisease": [added("3.0", absent="unknown")],
                    "doseStatus": added("3.0", absent="unknown"),
                    "extension": [carried("4.0", "Immunization.protocolApplied.doseNumber", valueString="eerste")],
                }
            ],
        },
    ),
}
"""From R4, with what STU3 cannot say or demands besides."""

"""Conditions, allergies, procedures, observations, reports and the like: each rule and code of their tables.
https://hl7.org/fhir/R4/condition-version-maps.html and those of the other types
"""

from __future__ import annotations

from typing import Final

from tests.stu3.expected import PATIENT, SUBJECT, Members, added, carried, coded

VISIT: Final = {"reference": "Encounter/visit"}
EPISODE: Final = {"reference": "EpisodeOfCare/care"}
NURSE: Final = {"reference": "Practitioner/nurse"}
CLINIC: Final = {"reference": "Organization/clinic"}
ROLE: Final = {"reference": "PractitionerRole/role", "display": "Wijkverpleegkundige"}
NOTE: Final = {"text": "uitleg"}
ABROAD: Final = {"reference": "http://elsewhere.example/fhir/PlanDefinition/p"}
ACTIVE: Final = coded("condition-clinical", "active")
ALLERGIC: Final = coded("allergyintolerance-clinical", "active")
FLAG: Final[Members] = {**SUBJECT, "status": "active", "code": NOTE}
OBSERVATION: Final[Members] = {"status": "final", "code": NOTE}
PERIOD: Final = {"start": "2026-01-01", "end": "2026-02-01"}
CONTENT: Final[Members] = {"content": {"contentType": "image/png", "url": "https://elsewhere.example/x.png"}}
NO_STATUS: Final[Members] = {"_status": added("4.0", absent="unknown")}
BOTH: Final[dict[str, tuple[str, Members, Members]]] = {
    **{
        f"condition, clinical {code}": (
            "Condition",
            {**SUBJECT, "clinicalStatus": code},
            {**SUBJECT, "clinicalStatus": coded("condition-clinical", code)},
        )
        for code in ("active", "recurrence", "inactive", "remission", "resolved")
    },
    **{
        f"condition, {code}": (
            "Condition",
            {**SUBJECT, "clinicalStatus": "active", "verificationStatus": code},
            {**SUBJECT, "clinicalStatus": ACTIVE, "verificationStatus": coded("condition-ver-status", code)},
        )
        for code in ("provisional", "differential", "confirmed", "refuted")
    },
    "condition, entered in error": (
        "Condition",
        {**SUBJECT, "verificationStatus": "entered-in-error"},
        {**SUBJECT, "verificationStatus": coded("condition-ver-status", "entered-in-error")},
    ),
    "condition, over": (
        "Condition",
        {**SUBJECT, "clinicalStatus": "resolved", "abatementDateTime": "2026"},
        {**SUBJECT, "clinicalStatus": coded("condition-clinical", "resolved"), "abatementDateTime": "2026"},
    ),
    "condition, when and where": (
        "Condition",
        {**SUBJECT, "clinicalStatus": "active", "context": VISIT, "assertedDate": "2026", "stage": {"summary": NOTE}},
        {**SUBJECT, "clinicalStatus": ACTIVE, "encounter": VISIT, "recordedDate": "2026", "stage": [{"summary": NOTE}]},
    ),
    **{
        f"allergy, clinical {code}": (
            "AllergyIntolerance",
            {**PATIENT, "clinicalStatus": code, "verificationStatus": "confirmed", "assertedDate": "2026"},
            {
                **PATIENT,
                "clinicalStatus": coded("allergyintolerance-clinical", code),
                "verificationStatus": coded("allergyintolerance-verification", "confirmed"),
                "recordedDate": "2026",
            },
        )
        for code in ("active", "inactive", "resolved")
    },
    **{
        f"allergy, {code}": (
            "AllergyIntolerance",
            {**PATIENT, "clinicalStatus": "active", "verificationStatus": code},
            {
                **PATIENT,
                "clinicalStatus": ALLERGIC,
                "verificationStatus": coded("allergyintolerance-verification", code),
            },
        )
        for code in ("unconfirmed", "refuted")
    },
    "allergy, entered in error": (
        "AllergyIntolerance",
        {**PATIENT, "verificationStatus": "entered-in-error"},
        {**PATIENT, "verificationStatus": coded("allergyintolerance-verification", "entered-in-error")},
    ),
    **{
        f"procedure {stu3}": ("Procedure", {**SUBJECT, "status": stu3}, {**SUBJECT, "status": r4})
        for stu3, r4 in {
            "preparation": "preparation",
            "in-progress": "in-progress",
            "suspended": "on-hold",
            "aborted": "stopped",
            "completed": "completed",
            "entered-in-error": "entered-in-error",
            "unknown": "unknown",
        }.items()
    },
    "procedure, not done": (
        "Procedure",
        {**SUBJECT, "status": "aborted", "notDone": True, "notDoneReason": NOTE},
        {**SUBJECT, "status": "not-done", "statusReason": NOTE},
    ),
    "procedure, by whom and where": (
        "Procedure",
        {
            **SUBJECT,
            "status": "completed",
            "definition": [ABROAD],
            "context": VISIT,
            "performer": [{"role": NOTE, "actor": NURSE, "onBehalfOf": CLINIC}],
            "basedOn": [{"reference": "ProcedureRequest/r"}],
        },
        {
            **SUBJECT,
            "status": "completed",
            "instantiatesCanonical": [ABROAD["reference"]],
            "encounter": VISIT,
            "performer": [{"function": NOTE, "actor": NURSE, "onBehalfOf": CLINIC}],
            "basedOn": [{"reference": "ServiceRequest/r"}],
        },
    ),
    "report": (
        "DiagnosticReport",
        {
            **OBSERVATION,
            "category": NOTE,
            "context": VISIT,
            "performer": [{"actor": NURSE}, {"actor": CLINIC}],
            "image": [{"comment": "links", "link": {"reference": "Media/m"}}],
            "codedDiagnosis": [NOTE],
        },
        {
            **OBSERVATION,
            "category": [NOTE],
            "encounter": VISIT,
            "performer": [NURSE, CLINIC],
            "media": [{"comment": "links", "link": {"reference": "Media/m"}}],
            "conclusionCode": [NOTE],
        },
    ),
    "flag": ("Flag", {**FLAG, "category": NOTE}, {**FLAG, "category": [NOTE]}),
    "observation": (
        "Observation",
        {
            **OBSERVATION,
            "context": VISIT,
            "interpretation": NOTE,
            "comment": "na het eten",
            "related": [
                {"type": "has-member", "target": {"reference": "Observation/a"}},
                {"type": "derived-from", "target": {"reference": "QuestionnaireResponse/b"}},
            ],
            "component": [{"code": NOTE, "valueQuantity": {"value": 5}, "interpretation": NOTE}],
        },
        {
            **OBSERVATION,
            "encounter": VISIT,
            "interpretation": [NOTE],
            "note": [{"text": "na het eten"}],
            "hasMember": [{"reference": "Observation/a"}],
            "derivedFrom": [{"reference": "QuestionnaireResponse/b"}],
            "component": [{"code": NOTE, "valueQuantity": {"value": 5}, "interpretation": [NOTE]}],
        },
    ),
    "working list": (
        "List",
        {"status": "current", "mode": "working", "entry": [{"date": "2026", "item": NURSE}]},
        {"status": "current", "mode": "working", "entry": [{"date": "2026", "item": NURSE}]},
    ),
    "substance": ("Substance", {"code": NOTE}, {"code": NOTE}),
    "specimen": (
        "Specimen",
        {**SUBJECT, "collection": {"collector": NURSE}},
        {**SUBJECT, "collection": {"collector": NURSE}},
    ),
}
"""STU3's type, and what is exactly the same in both versions."""

IN: Final[dict[str, tuple[str, Members, Members]]] = {
    "a condition that is not known to be one is no unconfirmed one": (
        "Condition",
        {**SUBJECT, "clinicalStatus": "active", "verificationStatus": "unknown"},
        {
            **SUBJECT,
            "clinicalStatus": ACTIVE,
            "extension": [carried("3.0", "Condition.clinicalStatus", valueCode="active")],
            "modifierExtension": [carried("3.0", "Condition.verificationStatus", valueCode="unknown")],
        },
    ),
    "an active condition that is over stays active": (
        "Condition",
        {**SUBJECT, "clinicalStatus": "active", "abatementDateTime": "2026"},
        {
            **SUBJECT,
            "clinicalStatus": ACTIVE,
            "extension": [
                carried("3.0", "Condition.clinicalStatus", valueCode="active"),
                carried("3.0", "Condition.abatement", valueDateTime="2026"),
            ],
        },
    ),
    "an episode of care is no encounter": (
        "Condition",
        {**SUBJECT, "clinicalStatus": "active", "context": EPISODE},
        {
            **SUBJECT,
            "clinicalStatus": ACTIVE,
            "extension": [carried("3.0", "Condition.context", valueReference=EPISODE)],
        },
    ),
    "a condition without clinical status": (
        "Condition",
        SUBJECT,
        {**SUBJECT, "clinicalStatus": added("4.0", absent="unknown")},
    ),
    "an allergy without clinical status": (
        "AllergyIntolerance",
        {**PATIENT, "verificationStatus": "refuted"},
        {
            **PATIENT,
            "verificationStatus": coded("allergyintolerance-verification", "refuted"),
            "clinicalStatus": added("4.0", absent="unknown"),
        },
    ),
    "what was not done is not completed": (
        "Procedure",
        {**SUBJECT, "status": "completed", "notDone": True, "notDoneReason": NOTE},
        {
            **SUBJECT,
            "status": "not-done",
            "statusReason": NOTE,
            "extension": [
                carried("3.0", "Procedure.status", valueCode="completed"),
                carried("3.0", "Procedure.notDone", valueBoolean=True),
                carried("3.0", "Procedure.notDoneReason", valueCodeableConcept=NOTE),
            ],
        },
    ),
    "what was entered in error stays that": (
        "Procedure",
        {**SUBJECT, "status": "entered-in-error", "notDone": True},
        {
            **SUBJECT,
            "status": "entered-in-error",
            "extension": [
                carried("3.0", "Procedure.status", valueCode="entered-in-error"),
                carried("3.0", "Procedure.notDone", valueBoolean=True),
            ],
        },
    ),
    "media": (
        "Media",
        {**CONTENT, "type": "photo", "subtype": NOTE, "context": VISIT, "occurrenceDateTime": "2026"},
        {
            **CONTENT,
            **NO_STATUS,
            "type": coded("media-type", "image"),
            "modality": NOTE,
            "encounter": VISIT,
            "createdDateTime": "2026",
        },
    ),
    **{
        f"media, {code}": (
            "Media",
            {**CONTENT, "type": code, "duration": 3, "occurrencePeriod": PERIOD},
            {**CONTENT, **NO_STATUS, "type": coded("media-type", code), "duration": 3, "createdPeriod": PERIOD},
        )
        for code in ("video", "audio")
    },
    "dates in a list that is not a working list": (
        "List",
        {"status": "current", "mode": "changes", "entry": [{"date": "2026", "item": NURSE}]},
        {
            "status": "current",
            "mode": "changes",
            "entry": [{"item": NURSE, "extension": [carried("3.0", "List.entry.date", valueDateTime="2026")]}],
        },
    ),
    "other relations of an observation": (
        "Observation",
        {**OBSERVATION, "related": [{"type": "replaces", "target": {"reference": "Observation/a"}}]},
        {
            **OBSERVATION,
            "extension": [
                carried(
                    "3.0",
                    "Observation.related",
                    extension=[
                        {"url": "type", "valueCode": "replaces"},
                        {"url": "target", "valueReference": {"reference": "Observation/a"}},
                    ],
                )
            ],
        },
    ),
}
"""From STU3, with what R4 cannot say or demands besides."""

OUT: Final[dict[str, tuple[str, Members, Members]]] = {
    "a relapse is a recurrence": (
        "Condition",
        {**SUBJECT, "clinicalStatus": coded("condition-clinical", "relapse")},
        {
            **SUBJECT,
            "clinicalStatus": "recurrence",
            "extension": [
                carried(
                    "4.0",
                    "Condition.clinicalStatus",
                    valueCodeableConcept={
                        "coding": [{"system": "http://hl7.org/fhir/condition-clinical", "code": "relapse"}]
                    },
                )
            ],
        },
    ),
    "a role cannot perform, but is named": (
        "Procedure",
        {**SUBJECT, "status": "completed", "performer": [{"actor": ROLE}]},
        {
            **SUBJECT,
            "status": "completed",
            "performer": [
                {
                    "actor": {
                        "display": ROLE["display"],
                        "extension": [carried("4.0", "Reference.reference", valueString=ROLE["reference"])],
                    }
                }
            ],
        },
    ),
    "a reason for another status": (
        "Procedure",
        {**SUBJECT, "status": "stopped", "statusReason": NOTE},
        {
            **SUBJECT,
            "status": "aborted",
            "extension": [
                carried("4.0", "Procedure.status", valueCode="stopped"),
                carried("4.0", "Procedure.statusReason", valueCodeableConcept=NOTE),
            ],
        },
    ),
    "a specimen of nobody": ("Specimen", {"type": NOTE}, {"type": NOTE, "subject": added("3.0", absent="unknown")}),
    "media without a type": (
        "Media",
        {**CONTENT, "status": "completed"},
        {
            **CONTENT,
            "_type": added("3.0", absent="unknown"),
            "modifierExtension": [carried("4.0", "Media.status", valueCode="completed")],
        },
    ),
    "an instant is a date and time": (
        "Observation",
        {**OBSERVATION, "effectiveInstant": "2026-01-01T10:00:00Z"},
        {
            **OBSERVATION,
            "effectiveDateTime": "2026-01-01T10:00:00Z",
            "extension": [carried("4.0", "Observation.effective", valueInstant="2026-01-01T10:00:00Z")],
        },
    ),
    "an integer is a quantity without a unit": (
        "Observation",
        {**OBSERVATION, "component": [{"code": NOTE, "valueInteger": 3}]},
        {
            **OBSERVATION,
            "component": [
                {
                    "code": NOTE,
                    "valueQuantity": {"value": 3},
                    "extension": [carried("4.0", "Observation.component.value", valueInteger=3)],
                }
            ],
        },
    ),
}
"""From R4, with what STU3 cannot say or demands besides."""

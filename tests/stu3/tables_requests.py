"""Requests, orders, devices and their use: each rule and code of their tables.
https://hl7.org/fhir/R4/servicerequest-version-maps.html and those of the other types
"""

from __future__ import annotations

from typing import Final

from tests.stu3.expected import PATIENT, SUBJECT, Members, added, carried

VISIT: Final = {"reference": "Encounter/visit"}
NURSE: Final = {"reference": "Practitioner/nurse"}
CLINIC: Final = {"reference": "Organization/clinic"}
ROLE: Final = {"reference": "PractitionerRole/role", "display": "Wijkverpleegkundige"}
NOTE: Final = {"text": "uitleg"}
ABROAD: Final = {"reference": "http://elsewhere.example/fhir/PlanDefinition/p"}
HERE: Final = {"reference": "PlanDefinition/p"}
REQUEST: Final[Members] = {**SUBJECT, "code": NOTE, "status": "active", "intent": "order"}
DEVICE_REQUEST: Final[Members] = {**SUBJECT, "codeCodeableConcept": NOTE}
USE: Final[Members] = {**SUBJECT, "status": "active", "device": {"reference": "Device/pump"}}
PERIOD: Final = {"start": "2026-01-01", "end": "2026-02-01"}
DIET: Final[Members] = {**PATIENT, "dateTime": "2026-01-01", "oralDiet": {"type": [NOTE]}}
NO_STATUS: Final[Members] = {"_status": added("4.0", absent="unknown")}
BOTH: Final[dict[str, tuple[str, Members, Members]]] = {
    **{
        f"request {stu3}": ("ProcedureRequest", {**REQUEST, "status": stu3}, {**REQUEST, "status": r4})
        for stu3, r4 in {
            "draft": "draft",
            "active": "active",
            "suspended": "on-hold",
            "cancelled": "revoked",
            "completed": "completed",
            "entered-in-error": "entered-in-error",
            "unknown": "unknown",
        }.items()
    },
    "request, by whom and for whom": (
        "ProcedureRequest",
        {**REQUEST, "definition": [ABROAD], "context": VISIT, "requester": {"agent": NURSE}, "performer": CLINIC},
        {
            **REQUEST,
            "instantiatesCanonical": [ABROAD["reference"]],
            "encounter": VISIT,
            "requester": NURSE,
            "performer": [CLINIC],
        },
    ),
    "request of a device": (
        "DeviceRequest",
        {
            **DEVICE_REQUEST,
            "status": "suspended",
            "intent": {"coding": [{"system": "http://hl7.org/fhir/request-intent", "code": "plan"}]},
            "definition": [ABROAD],
            "context": VISIT,
            "requester": {"agent": NURSE},
            "performer": CLINIC,
        },
        {
            **DEVICE_REQUEST,
            "status": "on-hold",
            "intent": "plan",
            "instantiatesCanonical": [ABROAD["reference"]],
            "encounter": VISIT,
            "requester": NURSE,
            "performer": CLINIC,
        },
    ),
    "use of a device": (
        "DeviceUseStatement",
        {**USE, "whenUsed": PERIOD, "indication": [NOTE]},
        {**USE, "timingPeriod": PERIOD, "reasonCode": [NOTE]},
    ),
    "use of a device, how often": (
        "DeviceUseStatement",
        {**USE, "timingTiming": {"event": ["2026"]}},
        {**USE, "timingTiming": {"event": ["2026"]}},
    ),
    "use of a device, once": (
        "DeviceUseStatement",
        {**USE, "timingDateTime": "2026"},
        {**USE, "timingDateTime": "2026"},
    ),
    "device": (
        "Device",
        {"udi": {"deviceIdentifier": "d", "name": "Pomp"}, "model": "M", "version": "2"},
        {
            "udiCarrier": [{"deviceIdentifier": "d"}],
            "deviceName": [{"name": "Pomp", "type": "udi-label-name"}],
            "modelNumber": "M",
            "version": [{"value": "2"}],
        },
    ),
}
"""STU3's type, and what is exactly the same in both versions."""

IN: Final[dict[str, tuple[str, Members, Members]]] = {
    "a definition that a server holds has no canonical": (
        "ProcedureRequest",
        {**REQUEST, "definition": [HERE]},
        {**REQUEST, "extension": [carried("3.0", "ProcedureRequest.definition", valueReference=HERE)]},
    ),
    "on whose behalf something is requested": (
        "ProcedureRequest",
        {**REQUEST, "requester": {"agent": NURSE, "onBehalfOf": CLINIC}},
        {
            **REQUEST,
            "requester": NURSE,
            "extension": [
                carried(
                    "3.0",
                    "ProcedureRequest.requester",
                    extension=[
                        {"url": "agent", "valueReference": NURSE},
                        {"url": "onBehalfOf", "valueReference": CLINIC},
                    ],
                )
            ],
        },
    ),
    "how often, and when": (
        "DeviceUseStatement",
        {**USE, "whenUsed": PERIOD, "timingDateTime": "2026"},
        {
            **USE,
            "timingDateTime": "2026",
            "extension": [
                carried("3.0", "DeviceUseStatement.whenUsed", valuePeriod=PERIOD),
                carried("3.0", "DeviceUseStatement.timing", valueDateTime="2026"),
            ],
        },
    ),
    **{
        f"a diet {stu3}": (
            "NutritionOrder",
            {**DIET, "status": stu3},
            {
                **DIET,
                "status": r4,
                **(
                    {"intent": intent, "_intent": added("4.0")}
                    if intent
                    else {"_intent": added("4.0", absent="unknown")}
                ),
                **({"extension": [carried("3.0", "NutritionOrder.status", valueCode=stu3)]} if kept else {}),
            },
        )
        for stu3, r4, intent, kept in (
            ("proposed", "draft", "proposal", True),
            ("draft", "draft", "", False),
            ("planned", "draft", "plan", True),
            ("requested", "unknown", "order", True),
            ("active", "active", "order", False),
            ("on-hold", "on-hold", "order", False),
            ("completed", "completed", "order", False),
            ("cancelled", "revoked", "", False),
            ("entered-in-error", "entered-in-error", "", False),
        )
    },
    "a diet of which nothing is said": (
        "NutritionOrder",
        DIET,
        {**DIET, **NO_STATUS, "_intent": added("4.0", absent="unknown")},
    ),
}
"""From STU3, with what R4 cannot say or demands besides."""

OUT: Final[dict[str, tuple[str, Members, Members]]] = {
    "a directive is no order": (
        "ProcedureRequest",
        {**SUBJECT, "status": "active", "intent": "directive"},
        {
            **SUBJECT,
            "status": "active",
            "_intent": added("3.0", absent="unsupported"),
            "code": added("3.0", absent="unknown"),
            "modifierExtension": [carried("4.0", "ServiceRequest.intent", valueCode="directive")],
        },
    ),
    "a role cannot request": (
        "ProcedureRequest",
        {**REQUEST, "requester": ROLE},
        {**REQUEST, "extension": [carried("4.0", "ServiceRequest.requester", valueReference=ROLE)]},
    ),
    **{
        f"a diet, {status} as a {intent}": (
            "NutritionOrder",
            {**DIET, "status": status, "intent": intent},
            {
                **DIET,
                **({"status": stu3} if stu3 else {}),
                ("extension" if stu3 else "modifierExtension"): [
                    carried("4.0", "NutritionOrder.status", valueCode=status),
                    carried("4.0", "NutritionOrder.intent", valueCode=intent),
                ],
            },
        )
        for status, intent, stu3 in (
            ("active", "order", "active"),
            ("active", "proposal", "proposed"),
            ("draft", "plan", "planned"),
            ("active", "directive", ""),
            ("completed", "plan", ""),
            ("revoked", "plan", "cancelled"),
            ("unknown", "order", ""),
        )
    },
}
"""From R4, with what STU3 cannot say or demands besides."""

"""The invariants of administrative, financial and workflow resources: https://hl7.org/fhir/R4/resourcelist.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.moments import in_order
from app.fhir.validation.invariants.rule import (
    Holds,
    Invariant,
    Value,
    at_least_one,
    both_or_neither,
    exactly_one,
    has_code,
    not_both,
    only_when,
    present,
    rule,
)

_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
_start, _end = present("start"), present("end")


def app_3(appointment: Value) -> bool:
    """A time, unless it is still, or no longer, to be found."""
    unplanned = appointment.get("status") in ("proposed", "cancelled", "waitlist")
    return unplanned or (_start(appointment) and _end(appointment))


def _named_when(scope: str) -> Holds:
    return lambda consent: "patient" in consent or not has_code(consent.get("scope"), _SCOPE, scope)


def _consent(key: str, scope: str) -> Invariant:
    return rule(key, f"A Consent with the scope {scope} needs a patient.", _named_when(scope))


def _not_at_home(name: str) -> Holds:
    return lambda organization: not any(each.get("use") == "home" for each in organization.get(name, ()))


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "Appointment": (
        both_or_neither("app-2", "A start and an end need each other.", "start", "end"),
        rule("app-3", "A start and an end are required, unless the status is proposed, cancelled or waitlist.", app_3),
        only_when(
            "app-4",
            "Only an appointment that is cancelled or a noshow has a cancelationReason.",
            "cancelationReason",
            "status",
            "noshow",
            "cancelled",
        ),
    ),
    "Appointment.participant": (at_least_one("app-1", "A participant needs a type or an actor.", "type", "actor"),),
    "AppointmentResponse": (
        at_least_one("apr-1", "A participantType or an actor is required.", "participantType", "actor"),
    ),
    "AuditEvent.entity": (not_both("sev-1", "An entity has a name or a query, not both.", "query", "name"),),
    "Consent": (
        at_least_one("ppc-1", "A policy or a policyRule is required.", "policy", "policyRule"),
        _consent("ppc-2", "patient-privacy"),
        _consent("ppc-3", "research"),
        _consent("ppc-4", "adr"),
        _consent("ppc-5", "treatment"),
    ),
    "CoverageEligibilityResponse.insurance.item": (
        exactly_one("ces-1", "An item has either a category or a productOrService.", "category", "productOrService"),
    ),
    "Group": (
        rule(
            "grp-1",
            "Only an actual group has members.",
            lambda group: "member" not in group or group.get("actual") is True,
            "member",
        ),
    ),
    "InsurancePlan": (at_least_one("ipn-1", "An identifier or a name is required.", "identifier", "name"),),
    "Organization": (
        at_least_one("org-1", "An identifier or a name is required.", "identifier", "name"),
        rule("org-2", "No address of an organization has the use home.", _not_at_home("address"), "address"),
        rule("org-3", "No telecom of an organization has the use home.", _not_at_home("telecom"), "telecom"),
    ),
    "Patient.contact": (
        at_least_one(
            "pat-1",
            "A contact must have a name, telecom, address or organization.",
            "name",
            "telecom",
            "address",
            "organization",
        ),
    ),
    "Task": (
        rule(
            "inv-1",
            "lastModified may not be before authoredOn.",
            in_order("authoredOn", "lastModified"),
            "lastModified",
        ),
    ),
}

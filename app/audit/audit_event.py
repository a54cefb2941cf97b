"""A line of the access log as FHIR's AuditEvent. https://hl7.org/fhir/R4/auditevent.html

Which fact of NEN 7513 stands where: ``event.py``. Names are looked up by who asks for it: the log has pseudonyms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.audit.reading import Known, Recorded
from app.fhir.dates import instant
from app.fhir.resource import Resource

TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
INTERACTIONS: Final = "http://hl7.org/fhir/restful-interaction"
EVENTS: Final = "CodeSystem/access-log-events"
"""Our own words for what is done outside the FHIR base, and operations, below the canonical base."""
PARTIES: Final = "NamingSystem/recipient"
ROLES: Final = "CodeSystem/roles"
REQUEST: Final = "StructureDefinition/request-id"
_ENTITY_TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLES: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE_TYPES: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_REASONS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_NETWORK_ADDRESS: Final = "2"

PURPOSES: Final[Mapping[str, str]] = {"own-use": "PATRQT", "treatment": "TREAT"}
"""Purposes that the log names by our own word, as v3-ActReason has them."""
_SECURITY: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("login", "login-failed", "logout", "second-factor", "second-factor-failed", "register", "verify", "recover"),
        ("110114", "User Authentication"),
    ),
    **dict.fromkeys(("export", "export-downloaded"), ("110106", "Export")),
    **dict.fromkeys(("log-read",), ("110101", "Audit Log Used")),
    **dict.fromkeys(
        (
            "consent-given",
            "consent-changed",
            "consent-withdrawn",
            "mandate-given",
            "mandate-ended",
            "invitation-accepted",
            "credential-changed",
        ),
        ("110113", "Security Alert"),
    ),
}
_ACTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("create", "consent-given", "mandate-given", "invitation-accepted", "register", "annotate"), "C"),
    **dict.fromkeys(("update", "patch", "consent-changed", "$meta-add", "$meta-delete", "credential-changed"), "U"),
    **dict.fromkeys(("delete", "erase", "consent-withdrawn", "mandate-ended"), "D"),
    **dict.fromkeys(
        (
            "read",
            "vread",
            "history-instance",
            "history-type",
            "history-system",
            "search-type",
            "search-system",
            "log-read",
        ),
        "R",
    ),
}
Names = Callable[[str], str]
"""What a party, such as ``organization:x``, is called; "" where that is not known."""


def type_of(interaction: str) -> tuple[str, str, str]:
    """System, code and display of what kind of event this is."""
    if interaction in _SECURITY:
        return DICOM, *_SECURITY[interaction]
    return TYPES, "rest", "RESTful Operation"


def subtype_of(interaction: str, canonical_base: str) -> tuple[str, str]:
    """System and code of what was done exactly."""
    known = interaction in _ACTIONS and not interaction.startswith("$") and type_of(interaction)[1] == "rest"
    rest = known and interaction not in ("erase", "annotate")
    if rest or interaction in ("batch", "transaction", "capabilities"):
        return INTERACTIONS, interaction
    return f"{canonical_base}/{EVENTS}", interaction.removeprefix("$") or "unknown"


def action_of(interaction: str) -> str:
    """C, R, U, D, or E for all else."""
    return _ACTIONS.get(interaction, "E")


def outcome_of(status: int) -> str:
    """0 done, 4 refused, 8 failed on our side."""
    return "0" if status < 400 else "4" if status < 500 else "8"


def parties(event: Known) -> list[tuple[str, str]]:
    """Who took part, as (party, part): the person, the app, the organisation, and on whose behalf."""
    agent = event.agent
    found = [
        (f"person:{agent.person}", "person") if agent.person else ("", ""),
        (f"app:{agent.client}", "app") if agent.client else ("", ""),
        (f"organization:{agent.organization}", "organization") if agent.organization else ("", ""),
        (agent.responsible, "responsible") if agent.responsible else ("", ""),
    ]
    return [each for each in found if each[0]]


def audit_event(
    recorded: Recorded, *, patient: int, patient_id: str, names: Names, base: str, canonical_base: str
) -> Resource:
    """The AuditEvent of a line, as the person whose record it is may see it: of a line about several records only the
    own one is named. ``base`` ends in a slash.
    """
    event = recorded.event
    system, code, display = type_of(event.interaction)
    subsystem, subcode = subtype_of(event.interaction, canonical_base)
    found: Resource = {
        "resourceType": "AuditEvent",
        "id": recorded.id,
        "meta": {"versionId": "1", "lastUpdated": instant(event.at)},
        "extension": [{"url": f"{canonical_base}/{REQUEST}", "valueString": event.request}],
        "type": {"system": system, "code": code, "display": display},
        "subtype": [{"system": subsystem, "code": subcode}],
        "action": action_of(event.interaction),
        "recorded": instant(event.at),
        "outcome": outcome_of(event.status),
        "outcomeDesc": f"HTTP {event.status}",
    }
    if reason := PURPOSES.get(event.agent.purpose, event.agent.purpose):
        found["purposeOfEvent"] = [{"coding": [{"system": _REASONS, "code": reason}]}]
    found["agent"] = _agents(event, names, base, canonical_base)
    found["source"] = {
        "observer": {"display": "Zelfregie"},
        "type": [{"system": _SOURCE_TYPES, "code": "4", "display": "Application Server"}],
    }
    if event.agent.service:
        found["source"]["site"] = f"MedMij {event.agent.service}"
    found["entity"] = _entities(event, patient, patient_id)
    return found


def _agents(event: Known, names: Names, base: str, canonical_base: str) -> list[Resource]:
    agents: list[Resource] = []
    for index, (party, part) in enumerate(parties(event) or [("", "")]):
        agent: Resource = {}
        if part == "responsible":
            agent["who"] = {"reference": party}
        elif party:
            agent["who"] = {"identifier": {"system": f"{canonical_base}/{PARTIES}", "value": party}}
            if name := names(party):
                agent["who"]["display"] = name
        else:
            agent["who"] = {"display": "unknown"}
        if part in ("person", "") and event.agent.role:
            agent["role"] = [{"coding": [{"system": f"{canonical_base}/{ROLES}", "code": event.agent.role}]}]
        agent["requestor"] = index == 0
        if index == 0:
            if event.agent.consent:
                agent["policy"] = [_policy(each, base, canonical_base) for each in event.agent.consent.split()]
            if event.address:
                agent["network"] = {"address": event.address, "type": _NETWORK_ADDRESS}
        agents.append(agent)
    return agents


def _policy(ground: str, base: str, canonical_base: str) -> str:
    """What allowed it: a version of a consent (``id/version``), or a mandate."""
    consent, slash, version = ground.partition("/")
    return f"{base}Consent/consent-{consent}/_history/{version}" if slash else f"{canonical_base}/mandate/{ground}"


def _entities(event: Known, patient: int, patient_id: str) -> list[Resource]:
    entities: list[Resource] = [
        {
            "what": {"reference": f"Patient/{patient_id}"},
            "type": {"system": _ENTITY_TYPES, "code": "1", "display": "Person"},
            "role": {"system": _ENTITY_ROLES, "code": "1", "display": "Patient"},
        }
    ]
    # A line about several records does not say which resource is whose.
    if event.patients == (patient,):
        entities += [
            {
                "what": {"reference": each},
                "type": {"system": _ENTITY_TYPES, "code": "2", "display": "System Object"},
                "role": {"system": _ENTITY_ROLES, "code": "4", "display": "Domain Resource"},
            }
            for each in event.resources
            if each != f"Patient/{patient_id}"
        ]
    if event.parameters or event.type:
        query: Resource = {
            "type": {"system": _ENTITY_TYPES, "code": "2", "display": "System Object"},
            "role": {"system": _ENTITY_ROLES, "code": "24", "display": "Query"},
            "description": " ".join(filter(None, (event.type, *event.parameters))),
        }
        if event.rows is not None and event.patients == (patient,):
            details: list[dict[str, Any]] = [{"type": "matches", "valueString": str(event.rows)}]
            query["detail"] = details
        entities.append(query)
    return entities

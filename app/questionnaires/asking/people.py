"""Who acts on a Task that asks for a questionnaire, and who asked. https://hl7.org/fhir/R4/task.html

``requester`` is the caller, or somebody for whom the caller may speak: nobody asks in the name of another.
"""

from __future__ import annotations

from typing import Final, Literal

from app.auth.roles import Role
from app.database import Reader
from app.fhir.resource import Resource, parse_reference
from app.server.access import BY, FOR, OWN_USE, SANDBOX, Access

Side = Literal["patient", "care", "carer"]
"""The person, who represents them, or their app; who gives care; an informal carer."""
_CARE: Final = frozenset({"Practitioner", "PractitionerRole", "Organization"})
_PERSONAL: Final = frozenset({"Patient", "RelatedPerson"})
_MADE_BY: Final = (
    "SELECT h.actor FROM history h WHERE h.patient = $1 AND h.type = $2 AND h.id = $3"
    " AND h.interaction IN ('create', 'update-create') ORDER BY h.seq DESC LIMIT 1"
)


def side_of(access: Access) -> Side:
    """On which side somebody stands."""
    if access.role == Role.CARER:
        return "carer"
    if access.role in (Role.PROFESSIONAL, Role.ORGANIZATION) or access.purpose != OWN_USE:
        return "care"
    return "care" if access.kind == SANDBOX and access.organization else "patient"


def requester_of(access: Access, patient: Resource) -> Resource:
    """Who asks, where the Task does not say. ``patient``: the reference to the person."""
    if access.fhir_user:
        return {"reference": access.fhir_user}
    if side_of(access) == "care":
        return {"type": "Organization", "display": access.organization or access.client or access.recipient}
    return dict(patient)


def speaks_for(access: Access, task: Resource, base: str) -> bool:
    """Whether the caller may name this requester. A system of an organisation names whom it asks for there; where
    nobody can tell what the caller is in FHIR, their side must be right.
    """
    requester: Resource = task.get("requester", {})
    name, kind = _named(requester, base)
    if side_of(access) != "care":
        patient = _named(task.get("for", {}), base)[0]
        return bool(name) and name in (access.fhir_user, patient)
    if access.fhir_user and access.role != Role.ORGANIZATION:
        return name == access.fhir_user
    return kind in _CARE or (not kind and not name)


async def has_asked(
    access: Access, reader: Reader, patient: int, task: Resource, task_id: str, *, number: int, base: str
) -> bool:
    """Whether the caller is who asked: the organisation or professional that made the Task; the person where it was
    made by them or who represents them. ``number``: of the type Task.
    """
    name, kind = _named(task.get("requester", {}), base)
    if side_of(access) != "care":
        return side_of(access) == "patient" and kind in _PERSONAL
    if access.fhir_user and name == access.fhir_user:
        return True
    if kind in _PERSONAL:
        return False
    rows = await reader.fetch(_MADE_BY, patient, number, task_id)
    return bool(rows) and str(rows[0][0]).partition(BY)[0].partition(FOR)[0] == access.source


def same_person(task: Resource, base: str) -> bool:
    """Whether the Task is for a Patient, who is to do it."""
    person, kind = _named(task.get("for", {}), base)
    return kind == "Patient" and _named(task.get("owner", {}), base)[0] == person


def _named(reference: Resource, base: str) -> tuple[str, str]:
    """What a reference names, as ``Type/id``, and the type; ("", type) for one that is no literal of this server."""
    literal = parse_reference(str(reference.get("reference", "")))
    if literal is None or literal.base not in ("", base):
        return "", str(reference.get("type", "")) or ("" if literal is None else literal.type)
    return literal.relative, literal.type

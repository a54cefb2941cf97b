"""Who is acting in somebody's care plan, and how a revision names them. https://hl7.org/fhir/R4/provenance.html"""

from __future__ import annotations

from typing import Any, Final

from app.auth.roles import Role
from app.careplan.cycle import Side
from app.careplan.names import PARTICIPANT, Names
from app.database import Reader
from app.server.access import APP, OWN_USE, SANDBOX, SERVICE, Access

Reference = dict[str, Any]
_ORGANIZATION: Final = "SELECT name FROM organization WHERE id = $1 AND tenant = $2"
SERVICE_NAME: Final = "Zelfregie"
"""How a revision names the service itself."""


def side_of(access: Access) -> Side:
    """On which side somebody stands."""
    if access.role == Role.CARER:
        return "carer"
    if access.role in (Role.PROFESSIONAL, Role.ORGANIZATION) or access.purpose != OWN_USE:
        return "care"
    return "care" if access.kind == SANDBOX and access.organization else "patient"


def is_service(access: Access) -> bool:
    """Whether it is the service itself: load, restore, seeds."""
    return access.kind == SERVICE


def author_of(access: Access, patient_id: str) -> Reference:
    """Who did it, as a Reference: what they are in FHIR, else their organisation, else the patient."""
    if access.fhir_user:
        return {"reference": access.fhir_user}
    if is_service(access):
        return {"type": "Organization", "display": SERVICE_NAME}
    if side_of(access) == "care":
        return {"type": "Organization", "display": access.organization or access.client or access.recipient}
    return {"reference": f"Patient/{patient_id}"}


async def agents_of(reader: Reader, access: Access, patient_id: str, names: Names) -> list[dict[str, Any]]:
    """The agents of a revision: the author, on whose behalf, and the app it was done with."""
    author: dict[str, Any] = {"type": _participant("author"), "who": author_of(access, patient_id)}
    if access.responsible:
        author["onBehalfOf"] = {"reference": access.responsible}
    elif side_of(access) == "care" and access.fhir_user and access.organization:
        author["onBehalfOf"] = {"type": "Organization"}
        if name := await _name_of_organization(reader, access):
            author["onBehalfOf"]["display"] = name
    agents = [author]
    if access.kind == APP and access.client:
        identifier = {"system": f"{names.base}/NamingSystem/recipient", "value": access.client}
        who = {"type": "Device", "identifier": identifier, "display": access.client}
        agents.append({"type": _participant("assembler"), "who": who})
    return agents


async def _name_of_organization(reader: Reader, access: Access) -> str:
    """What the organisation of who is acting is called, empty where nobody knows. A sandbox's token may have the name
    itself in the place of an id.
    """
    rows = await reader.fetch(_ORGANIZATION, access.organization, access.tenant)
    if rows:
        return str(rows[0][0])
    return access.organization if access.kind == SANDBOX else ""


def _participant(code: str) -> dict[str, Any]:
    return {"coding": [{"system": PARTICIPANT, "code": code}]}

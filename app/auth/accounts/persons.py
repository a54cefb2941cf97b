"""People as resources: the Patient of a new record, and in it the RelatedPerson that stands for whoever helps.

Written by the service itself; persons are born by registration, administrator or sandbox only (MODEL 3).
https://hl7.org/fhir/R4/patient.html https://hl7.org/fhir/R4/relatedperson.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from app.auth.accounts.acting import related_person_id
from app.auth.accounts.ages import Birth, read_birth
from app.auth.grants import service_access
from app.database import Reader
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.server.access import FOREVER
from app.server.ids import new_key, write_key
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.prepare import check_resource, finish

_ROLES: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
RELATIONSHIPS: Final = {
    "parental-authority": ("PRN", "parent"),
    "curator": ("GUARD", "guardian"),
    "mentor": ("RESPRSN", "responsible party"),
    "written-authorisation": ("POWATT", "power of attorney"),
}
"""The relationship that a mandate's ground is. https://terminology.hl7.org/CodeSystem-v3-RoleCode.html"""
_CARER: Final = {"text": "Mantelzorger"}
_BODY: Final = "SELECT id, body FROM resource WHERE patient = $1 AND type = $2 AND deleted = 0 ORDER BY n LIMIT 1"


@dataclass(frozen=True, slots=True)
class Helper:
    """Who helps a patient, as the patient's record has it. ``ground``: a mandate's, "" for an informal carer; times in
    µs.
    """

    account: str
    name: str
    ground: str
    since: int
    until: int
    active: bool = True


def patient_resource(*, given: str, family: str, birth_date: str) -> Resource:
    """A Patient of whom no more is known than what was said at registration."""
    name = {"use": "official", "given": given.split(), "family": family}
    return {
        "resourceType": "Patient",
        "active": True,
        "name": [{key: value for key, value in name.items() if value}],
        "birthDate": birth_date,
    }


async def make_patient(server: FhirServer, patient: Resource, *, tenant: int, now: int) -> int:
    """Begin a record with this Patient; its key. Raises ``Unprocessable`` when the Patient is not valid."""
    key = new_key(server.random)
    await _keep(server, patient, tenant=tenant, patient=key, id=write_key(key), now=now, birth=True)
    return key


async def keep_helper(server: FhirServer, helper: Helper, *, tenant: int, patient: int, now: int) -> None:
    """Make or change the RelatedPerson that stands for somebody who helps the patient."""
    found = await server.database.fetch(_BODY, patient, server.registry.number("Patient"))
    period = {"start": instant(helper.since)}
    if helper.until < FOREVER:
        period["end"] = instant(helper.until)
    code, display = RELATIONSHIPS.get(helper.ground, ("", ""))
    relationship: Any = {"coding": [{"system": _ROLES, "code": code, "display": display}]} if code else dict(_CARER)
    resource: Resource = {
        "resourceType": "RelatedPerson",
        "id": related_person_id(patient, helper.account),
        "active": helper.active,
        "patient": {"reference": f"Patient/{found[0][0]}"},
        "relationship": [relationship],
        **({"name": [{"text": helper.name}]} if helper.name else {}),
        "period": period,
    }
    await _keep(server, resource, tenant=tenant, patient=patient, id=resource["id"], now=now)


async def keep_in_catalogue(server: FhirServer, resource: Resource, *, tenant: int, now: int) -> None:
    """Make or change a resource in the tenant's catalogue; it carries its id. Raises ``Unprocessable``."""
    await _keep(server, resource, tenant=tenant, patient=-tenant, id=resource["id"], now=now)


async def birth_of(server: FhirServer, reader: Reader, patient: int) -> Birth | None:
    """When the patient was born, as the rules of mandates need it; None when that is not known."""
    rows = await reader.fetch(_BODY, patient, server.registry.number("Patient"))
    return read_birth(decode(rows[0][1]).get("birthDate")) if rows else None


async def _keep(
    server: FhirServer,
    resource: Resource,
    *,
    tenant: int,
    patient: int,
    id: str,
    now: int,
    birth: bool = False,
) -> None:
    kind = resource["resourceType"]
    number = server.registry.number("Patient")
    async with service_access(server.database, tenant=tenant, reason="people", now=now, patient_type=number) as access:
        remarks = await check_resource(server, server.database, access, resource, may_hold_bsn=True, patient=patient)
        draft = Draft("update", kind, id, patient, {**resource, "id": id}, owned=patient > 0, birth=birth)
        draft.remarks = remarks
        await execute(server, access, [finish(server, draft)], now=now, request="people", service=True)

"""From an address to the partitions it may mean, within the caller's own patients only, so that there is nothing to
probe.
"""

from __future__ import annotations

from app.database import Reader
from app.errors import NotFound
from app.server.access import Access
from app.server.ids import CATALOGUE, key_of
from app.server.placement import Place
from app.server.search.registry import Registry

SELECT_ALIAS = (
    "SELECT a.patient FROM alias a WHERE a.type = $1 AND a.id = $2"
    " AND (SELECT p.tenant FROM partition p WHERE p.patient = a.patient) IN ($3, 0)"
)
SELECT_LIVE = "SELECT 1 FROM partition p WHERE p.patient = $1 AND p.tenant = $2 AND p.state = 'live'"


async def find_patient(reader: Reader, access: Access, patient_id: str, registry: Registry) -> int | None:
    """The partition of the Patient with this id; None when there is none or the caller may not know of it."""
    if access.patient is not None and patient_id == access.patient_id:
        return access.patient
    key = key_of(patient_id)
    if key is not None and key > 0:
        if access.everyone:
            return key if await reader.fetch(SELECT_LIVE, key, access.tenant) else None
        return key if access.may_see(key) else None
    if access.patient is not None and not access.everyone:
        return None
    for (patient,) in await reader.fetch(SELECT_ALIAS, registry.number("Patient"), patient_id, access.tenant):
        if access.may_see(patient):
            return int(patient)
    return None


def near_partitions(access: Access, place: Place, resource_id: str) -> tuple[int, ...] | None:
    """Where a resource may be that is asked for by a token with one patient; None where that takes a look-up."""
    if access.patient is None or place.is_person:
        return None
    shared = access.catalogues if place.catalogue or access.everyone else ()
    key = key_of(resource_id)
    if key is None:
        return (access.patient, *shared)
    if key == CATALOGUE:
        return shared
    return (key,) if key == access.patient else None


async def find_partitions(
    reader: Reader,
    access: Access,
    resource_type: str,
    resource_id: str,
    *,
    registry: Registry,
    patient_id: str | None = None,
) -> tuple[int, ...]:
    """Where ``resource_type/resource_id`` may be, the caller's own partitions before the catalogues.

    ``patient_id`` is given by the full address ``Patient/<id>/<Type>/<id>``; raises ``NotFound`` when the caller has
    no such patient.
    """
    place = registry.placement[resource_type]
    if patient_id is not None:
        patient = await find_patient(reader, access, patient_id, registry)
        if patient is None:
            raise NotFound(f"Patient/{patient_id} is not known.")
        return (patient,)
    if resource_type == "Patient":
        patient = await find_patient(reader, access, resource_id, registry)
        return () if patient is None else (patient,)
    shared = access.catalogues if place.catalogue or access.everyone else ()
    key = key_of(resource_id)
    if key is not None:
        if key == CATALOGUE:
            return shared
        if access.everyone:
            return (key,) if await reader.fetch(SELECT_LIVE, key, access.tenant) else ()
        return (key,) if access.may_see(key) else ()
    if access.patient is not None:
        return (access.patient, *shared)
    own = await reader.fetch(SELECT_ALIAS, registry.number(resource_type), resource_id, access.tenant)
    found = sorted(int(patient) for (patient,) in own if patient > 0 and access.may_see(patient))
    return (*found, *shared)

"""Where a resource is: its fullUrl, its Location, and the headers that go with it.
https://hl7.org/fhir/R4/http.html#versioning
"""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from app.database import Reader
from app.server.access import SELECT_PATIENT_ID, Access
from app.server.ids import key_of
from app.server.messages import Headers, Request
from app.server.server import FhirServer
from app.server.store.read import Stored

Named = tuple[int, str, str]
"""Partition, type and id of a resource."""
_OWNER: Final = "(SELECT r.id FROM resource r WHERE r.patient = p.patient AND r.type = $2 ORDER BY r.n LIMIT 1)"
_SELECT_OWNERS: Final = {
    "postgresql": f"SELECT p.patient, {_OWNER} FROM unnest($1::bigint[]) AS p(patient)",
    "sqlite": f"SELECT p.patient, {_OWNER} FROM (SELECT j.value AS patient FROM json_each($1) j) p",
}


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> bytes:
    """An HTTP date of whole seconds since the epoch."""
    return formatdate(seconds, usegmt=True).encode()


def etag(version: int) -> bytes:
    """The weak ETag of a version."""
    return b'W/"%d"' % version


def version_headers(stored: Stored) -> Headers:
    """ETag and Last-Modified of what was read."""
    return [(b"etag", etag(stored.version)), (b"last-modified", http_date(stored.updated // 1_000_000))]


def needs_patient(access: Access, patient: int, resource_type: str, resource_id: str) -> bool:
    """Whether the short address could mean several resources to this caller."""
    return patient > 0 and access.patient is None and resource_type != "Patient" and key_of(resource_id) is None


async def address(
    server: FhirServer, reader: Reader, access: Access, patient: int, resource_type: str, resource_id: str
) -> str:
    """The full URL: short where that is clear to this caller, else below its Patient."""
    if needs_patient(access, patient, resource_type, resource_id):
        for (patient_id,) in await reader.fetch(SELECT_PATIENT_ID, patient, server.registry.number("Patient")):
            return f"{server.base}Patient/{patient_id}/{resource_type}/{resource_id}"
    return f"{server.base}{resource_type}/{resource_id}"


async def bases_of(server: FhirServer, request: Request, named: Sequence[Named]) -> list[str]:
    """What the address of each of ``named`` is below, with a slash at the end; the owners are looked up at once."""
    access, base = request.access, server.base
    owned = [needs_patient(access, *each) for each in named]
    owners = {each[0] for each, needed in zip(named, owned, strict=True) if needed}
    if not owners:
        return [base] * len(named)
    postgresql = server.database.dialect == "postgresql"
    rows = await server.database.fetch(
        _SELECT_OWNERS["postgresql" if postgresql else "sqlite"],
        list(owners) if postgresql else f"{list(owners)}",
        server.registry.number("Patient"),
    )
    below = {patient: f"{base}Patient/{patient_id}/" for patient, patient_id in rows if patient_id is not None}
    return [below.get(each[0], base) if needed else base for each, needed in zip(named, owned, strict=True)]

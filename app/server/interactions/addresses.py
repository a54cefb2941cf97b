"""Where a resource is: its fullUrl, its Location, and the headers that go with it.
https://hl7.org/fhir/R4/http.html#versioning
"""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache

from app.database import Reader
from app.server.access import SELECT_PATIENT_ID, Access
from app.server.ids import key_of
from app.server.messages import Headers, Request
from app.server.server import FhirServer
from app.server.store.read import Stored


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


class Bases:
    """The address that a resource's own is below; a patient's is looked up once."""

    def __init__(self, server: FhirServer, request: Request) -> None:
        self._server = server
        self._access = request.access
        self._known: dict[int, str] = {}

    async def of(self, patient: int, resource_type: str, resource_id: str) -> str:
        """The address, with a slash at the end."""
        if not needs_patient(self._access, patient, resource_type, resource_id):
            return self._server.base
        if patient not in self._known:
            rows = await self._server.database.fetch(
                SELECT_PATIENT_ID, patient, self._server.registry.number("Patient")
            )
            below = f"Patient/{rows[0][0]}/" if rows else ""
            self._known[patient] = f"{self._server.base}{below}"
        return self._known[patient]

"""What cannot be taken is kept for the person whom it was sent to: never something that may be somebody else's.

https://hl7.org/fhir/R4/operationoutcome.html; MODEL 3, "Intake table"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from app.database import Reader
from app.errors import Issue
from app.server import bsn
from app.server.intake.delivering import Source
from app.server.intake.quarantine import Sent, Unread, keep
from app.server.intake.received import written_plainly
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.find import find_patient

_STRUCTURAL: Final = frozenset(
    {
        *("structure", "required", "value", "invariant", "invalid", "code-invalid", "extension", "too-long"),
        *("not-found", "not-supported", "exception", "processing"),
    }
)
"""What is said of a resource that cannot be read, or refers wrongly. Rules, rights and conflicts are told otherwise."""
_PATIENTS: Final = re.compile(rb"Patient/([A-Za-z0-9\-.]{1,64})")
_GRANT: Final = (
    "SELECT recipient, client, person, organization, tenant, purpose, scopes, kind, role, also, within, responsible,"
    " fhir_user, services FROM access_grant WHERE hash = $1"
)
_NAMES: Final = (
    *("recipient", "client", "person", "organization", "tenant", "purpose", "scopes", "kind", "role", "also"),
    *("within", "responsible", "fhir_user", "services"),
)
_HEADERS: Final = (b"content-type", b"prefer", b"x-security-context")
IN_QUARANTINE: Final = Issue(
    "informational",
    "This resource was not stored. It is kept as it came in and shown to the person as something that could not be"
    " read, and is tried again when the service has been renewed.",
    severity="information",
    kind="in-quarantine",
)


def is_structural(issues: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the issues of an OperationOutcome are about how a resource is made and what it refers to."""
    errors = [each for each in issues if each.get("severity") in ("error", "fatal")]
    return bool(errors) and all(each.get("code") in _STRUCTURAL for each in errors)


async def grant_of(reader: Reader, request: Request) -> dict[str, Any]:
    """What the token of a request stands for, so that it can be tried again as its sender."""
    rows = await reader.fetch(_GRANT, request.access.hash)
    return dict(zip(_NAMES, rows[0], strict=True)) if rows else {}


def received_of(request: Request) -> tuple[bytes, str, str]:
    """The body as it came in, its Content-Type, and the version of FHIR that it is in."""
    if request.received is not None:
        return request.received.body, request.received.media_type, request.received.fhir_version
    return request.body, request.header(b"content-type"), "4.0"


async def people_in(server: FhirServer, request: Request, body: bytes, names: Mapping[str, str]) -> set[int | None]:
    """Whom bytes name as Patient, however they are written: their partitions, None for somebody who is not known, or
    where that cannot be seen. ``names``: what the source's own names stand for.
    """
    found: set[int | None] = set()
    plain = written_plainly(body)
    if plain is None:
        return {None}
    for each in {match.decode() for match in _PATIENTS.findall(plain)}:
        meant = names.get(f"Patient/{each}", f"Patient/{each}").removeprefix("Patient/")
        found.add(await find_patient(server.database, request.access, meant, server.registry))
    return found


async def keep_entry(
    server: FhirServer,
    request: Request,
    source: Source,
    *,
    resource: bytes,
    entry: Mapping[str, Any],
    issues: Sequence[Issue],
    patient: int | None,
    names: Mapping[str, str],
) -> bool:
    """Keep one resource of a batch; whether it is. ``patient``: whose it is where it names nobody."""
    _, media_type, version = received_of(request)
    named = await people_in(server, request, resource, names)
    whose = next(iter(named)) if len(named) == 1 else None if named else patient
    if whose is None or not request.access.may_see(whose) or not resource:
        return False
    asked = entry.get("request")
    asked = asked if isinstance(asked, dict) else {}
    content = entry.get("resource")
    kind = content.get("resourceType") if isinstance(content, dict) else ""
    kind, known = kind if isinstance(kind, str) else "", server.definitions.resource_types
    sent = Sent(
        await grant_of(server.database, request),
        method=str(asked.get("method", "POST")),
        url=_without_bsn(str(asked.get("url", kind if kind in known else ""))),
        full_url=str(entry.get("fullUrl", "")),
    )
    unread = Unread(
        *(whose, "entry", source.key, source.name, kind if kind in known else "", media_type, version),
        *(resource, issues, sent, request.id),
    )
    async with server.database.write() as writer:
        return await keep(writer, unread, now=request.now)


def _without_bsn(url: str) -> str:
    """What an entry asks for, without a condition that may name a BSN."""
    return url.partition("?")[0] if bsn.may_hold(unquote(url).encode()) else url


async def keep_delivery(
    server: FhirServer, request: Request, source: Source, issues: Sequence[Issue], *, patient: int
) -> bool:
    """Keep a whole delivery that is held; whether it is."""
    body, media_type, version = received_of(request)
    headers = {name.decode(): request.header(name) for name in _HEADERS if name in request.headers}
    headers["content-type"] = media_type
    sent = Sent(await grant_of(server.database, request), headers=headers)
    unread = Unread(
        *(patient, "held", source.key, source.name, "Bundle", media_type, version, body, issues, sent, request.id)
    )
    async with server.database.write() as writer:
        return await keep(writer, unread, now=request.now)

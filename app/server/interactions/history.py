"""history of one resource. https://hl7.org/fhir/R4/http.html#history"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.database import Row
from app.errors import Invalid, NotFound
from app.fhir.dates import instant
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.bundles import bundle_of
from app.server.interactions.addresses import address
from app.server.messages import Answer, Request, Target
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.search.parse import split_query
from app.server.search.query import SearchQuery
from app.server.server import FhirServer
from app.server.store.find import find_partitions
from app.server.store.read import check_guard, several

_VERSIONS: Final = (
    "SELECT h.version, h.updated, h.interaction, coalesce(h.body, (SELECT r.body FROM resource r WHERE r.patient"
    " = h.patient"
    " AND r.type = h.type AND r.id = h.id AND r.version = h.version)) FROM history h"
    " WHERE h.patient = $1 AND h.type = $2 AND h.id = $3 AND h.labels & $4 = 0 AND h.version < $8"
    " AND EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = $5 AND g.stamp = $6 AND g.expires > $7)"
    " ORDER BY h.version DESC LIMIT $9"
)
_FIRST: Final = 2**31 - 1
_METHODS: Final = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


async def history(server: FhirServer, request: Request, target: Target) -> Answer:
    """All versions, newest first, paged by ``_count``."""
    access, resource_type, resource_id = request.access, target.type, target.id
    # Read by the same parser as a search, so that _count and unknown parameters are answered alike.
    query = server.parser.parse(resource_type, split_query(request.query), lenient=False)
    _refuse_filters(query)
    what = f"{resource_type}/{resource_id}/_history"
    cursor = None if query.cursor is None else read_cursor(query.cursor, server.page_key, what)
    before = _FIRST if cursor is None else cursor.n
    partitions = await find_partitions(
        server.database, access, resource_type, resource_id, registry=server.registry, patient_id=target.patient_id
    )
    found: list[tuple[int, Sequence[Row]]] = []
    for patient in partitions:
        if found and patient <= 0:
            break  # the caller's own resource hides a catalogue's of the same id
        rows = await server.database.fetch(
            _VERSIONS,
            patient,
            server.registry.number(resource_type),
            resource_id,
            access.denied_labels(patient, Action.READ),
            access.hash,
            access.stamp,
            request.now,
            before,
            query.count + 1,
        )
        if rows:
            found.append((patient, rows))
    if len(found) > 1:
        raise await several(server.database, resource_type, resource_id, [each[0] for each in found], server.registry)
    if not found:
        await check_guard(server.database, access, request.now)
        raise NotFound(f"{resource_type}/{resource_id} is not known.")
    patient, rows = found[0]
    url = await address(server, server.database, access, patient, resource_type, resource_id)
    asked = query.self_query
    links = [("self", f"{url}/_history{'?' if asked else ''}{asked}")]
    if len(rows) > query.count:
        rows = rows[: query.count]
        following = write_cursor(Cursor(1, 0, (), 0, rows[-1][0]), server.page_key, what)
        links.append(("next", f"{url}/_history?{asked}{'&' if asked else ''}_page={following}"))
    entries = [_entry(url, resource_type, resource_id, row) for row in rows]
    return Answer(
        200,
        bundle_of("history", links, entries),
        interaction="history-instance",
        type=resource_type,
        patients=(patient,),
        resources=(f"{resource_type}/{resource_id}",),
        rows=len(rows),
    )


def _refuse_filters(query: SearchQuery) -> None:
    if query.conditions or query.ids or query.updated or query.patient or query.sort:
        raise Invalid("A history is asked for by _count and its page links only.", "not-supported")


def _entry(url: str, resource_type: str, resource_id: str, row: Any) -> bytes:
    version, updated, interaction, body = row
    method, status = _METHODS[interaction]
    address = resource_type if method == "POST" else f"{resource_type}/{resource_id}"
    about = encode(
        {
            "request": {"method": method, "url": address},
            "response": {"status": status, "etag": f'W/"{version}"', "lastModified": instant(updated)},
        }
    )
    resource = b"" if body is None else b'"resource":' + body + b","
    return b'{"fullUrl":"' + url.encode() + b'",' + resource + about[1:]

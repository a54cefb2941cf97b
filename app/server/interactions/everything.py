"""``Patient/<id>/$everything``: one partition, and what it refers to in the catalogue.
https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from typing import Final

from app.database import Reader, Row
from app.errors import Invalid, NotFound
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.bundles import searchset
from app.server.interactions.addresses import needs_patient
from app.server.messages import Answer, Request
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.search.parse import split_query
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import check_guard

DEFAULT_COUNT: Final = 1000
LARGEST_COUNT: Final = 5000
_NOT_LINKED: Final = frozenset({"_page", "_format", "_pretty"})
_GUARD: Final = "EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = $3 AND g.stamp = $4 AND g.expires > $5)"
_OWN: Final = (
    "SELECT r.n, r.type, r.id, r.body, (SELECT q.seq FROM partition q WHERE q.patient = $1) FROM resource r"
    f" WHERE r.patient = $1 AND r.n > $6 AND r.deleted = 0 AND r.labels & $2 = 0 AND {_GUARD}"
)
_REFERRED: Final = (
    "SELECT r.n, r.type, r.id, r.body, 0 FROM (SELECT DISTINCT l.target_type, l.target_id FROM link l WHERE l.patient = $1) t"
    " CROSS JOIN resource r WHERE r.patient IN ($6, $7) AND r.type = t.target_type AND r.id = t.target_id AND r.deleted = 0"
    f" AND r.labels & $2 = 0 AND {_GUARD} AND NOT EXISTS"
    " (SELECT 1 FROM resource o WHERE o.patient = $1 AND o.type = r.type AND o.id = r.id AND o.deleted = 0)"
)


async def everything(server: FhirServer, request: Request, patient_id: str) -> Answer:
    """The whole record, paged: first what stood at page one, then what was changed meanwhile; the catalogue's part on
    the last page.
    """
    access = request.access
    count, page, types = _parameters(server, request)
    patient = await find_patient(server.database, access, patient_id, server.registry)
    if patient is None:
        await check_guard(server.database, access, request.now)
        raise NotFound(f"Patient/{patient_id} is not known.")
    what = f"Patient/{patient_id}/$everything"
    cursor = None if page is None else read_cursor(page, server.page_key, what)
    async with server.database.snapshot() as reader:
        rows, following = await _own(server, reader, access, patient, types, count, cursor, request.now)
        if not rows:
            await check_guard(reader, access, request.now)
        own = len(rows)
        if following is None:
            rows = [*rows, *await _referred(server, reader, access, patient, types, request.now)]
    asked = "&".join(written for name, _, written in split_query(request.query) if name not in _NOT_LINKED)
    url = f"{server.base}{what}"
    links = [("self", f"{url}?{asked}" if asked else url)]
    if following is not None:
        page_link = write_cursor(following, server.page_key, what)
        links.append(("next", f"{url}?{asked}{'&' if asked else ''}_page={page_link}"))
    names, base = server.registry.type_names, server.base
    entries = []
    for index, row in enumerate(rows):
        below = index < own and needs_patient(access, patient, names[row[1]], row[2])
        full_url = f"{base}{f'Patient/{patient_id}/' if below else ''}{names[row[1]]}/{row[2]}"
        entries.append((full_url, row[3], b"match"))
    return Answer(
        200, searchset(links, entries), interaction="$everything", type="Patient", patients=(patient,), resources=(f"Patient/{patient_id}",),
        rows=len(rows),
    )  # fmt: skip


def _parameters(server: FhirServer, request: Request) -> tuple[int, str | None, tuple[int, ...] | None]:
    """_count, _page and the numbers of the types that the token's scopes leave. Raises ``Invalid`` naming what it does
    not know.
    """
    count, page = DEFAULT_COUNT, None
    for name, value, _ in split_query(request.query):
        if name == "_count" and value.isdecimal():
            count = max(1, min(int(value), LARGEST_COUNT))
        elif name == "_page":
            page = value
        elif name not in ("_format", "_pretty"):
            raise Invalid(
                f"'{name}={value[:20]}' is not a parameter that $everything takes here; it takes _count.",
                "not-supported",
            )
    allowed = request.access.scopes.types(Action.READ)
    if allowed == "every":
        return count, page, None
    return (
        count,
        page,
        tuple(sorted(server.registry.number(each) for each in allowed if each in server.definitions.resource_types)),
    )


def _of_types(types: tuple[int, ...] | None) -> str:
    if types is None:
        return ""
    return f" AND r.type IN ({', '.join(map(str, types))})" if types else " AND 0 = 1"


async def _own(
    server: FhirServer, reader: Reader, access: Access, patient: int, types: tuple[int, ...] | None, count: int, cursor: Cursor | None, now: int
) -> tuple[list[Row], Cursor | None]:  # fmt: skip
    """The rows of one page from the partition, and where the next one begins."""
    binds = (patient, access.denied_labels(patient, Action.READ), access.hash, access.stamp, now)
    start = _OWN + _of_types(types)
    if cursor is None:
        rows = list(await reader.fetch(f"{start} ORDER BY r.n LIMIT $7", *binds, -1, count + 1))
        seq = rows[0][4] if rows else 0
        phases = [1] * len(rows)
    else:
        seq = cursor.seq
        rows, phases = [], []
        for phase in (1, 2):
            if phase >= cursor.phase and len(rows) <= count:
                begin = cursor.n if phase == cursor.phase else -1
                walk = f" AND r.n <= $8 AND r.seq {'<=' if phase == 1 else '>'} $8"
                found = await reader.fetch(
                    f"{start}{walk} ORDER BY r.n LIMIT $7", *binds, begin, count + 1 - len(rows), seq
                )
                rows += found
                phases += [phase] * len(found)
    if len(rows) <= count:
        return rows, None
    return rows[:count], Cursor(phases[count - 1], seq, 0, patient, rows[count - 1][0])


async def _referred(
    server: FhirServer, reader: Reader, access: Access, patient: int, types: tuple[int, ...] | None, now: int
) -> list[Row]:
    """What the partition refers to in the catalogues and does not hold itself."""
    binds = (patient, 0, access.hash, access.stamp, now, *access.catalogues)
    return list(await reader.fetch(_REFERRED + _of_types(types), *binds))

"""``Patient/<id>/$everything``: one partition, and what it refers to in the catalogue.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.database import Row
from app.errors import Invalid, NotFound
from app.fhir.scopes import Action
from app.server.bundles import match_entry, searchset
from app.server.interactions.addresses import needs_patient
from app.server.messages import Answer, Request, Target
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
    "SELECT r.n, r.type, r.id, r.body FROM"
    " (SELECT DISTINCT l.target_type, l.target_id FROM link l WHERE l.patient = $1 AND l.target_type IN ({types})) t"
    " CROSS JOIN resource r WHERE r.patient IN ($6, $7) AND r.type = t.target_type AND r.id = t.target_id"
    f" AND r.deleted = 0 AND r.labels & $2 = 0 AND {_GUARD} AND NOT EXISTS"
    " (SELECT 1 FROM resource o WHERE o.patient = $1 AND o.type = r.type AND o.id = r.id AND o.deleted = 0)"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """``types``: the numbers of the types that the token's scopes leave; None for all."""

    patient: int
    count: int
    cursor: Cursor | None
    types: tuple[int, ...] | None


async def everything(server: FhirServer, request: Request, target: Target) -> Answer:
    """The whole record, paged: first what stood at page one, then what was changed meanwhile; the catalogue's part on
    the last page.
    """
    access, patient_id = request.access, target.id
    what = f"Patient/{patient_id}/$everything"
    count, page = _parameters(request)
    patient = await find_patient(server.database, access, patient_id, server.registry)
    if patient is None:
        await check_guard(server.database, access, request.now)
        raise NotFound(f"Patient/{patient_id} is not known.")
    cursor = None if page is None else read_cursor(page, server.page_key, what)
    asked = _Asked(patient, count, cursor, _scoped_types(server, request))
    rows, following = await _own(server, request, asked)
    if not rows:
        await check_guard(server.database, access, request.now)
    # The catalogue is another partition with an order of its own, so it is read by itself.
    shared = await _referred(server, request, asked) if following is None else ()
    written = "&".join(part for name, _, part in split_query(request.query) if name not in _NOT_LINKED)
    url = f"{server.base}{what}"
    links = [("self", f"{url}?{written}" if written else url)]
    if following is not None:
        page_link = write_cursor(following, server.page_key, what)
        links.append(("next", f"{url}?{written}{'&' if written else ''}_page={page_link}"))
    below = f"{server.base}Patient/{patient_id}/"
    names, several = server.registry.type_names, access.patient is None
    entries: list[bytes] = []
    for _, number, resource_id, body, _ in rows:
        name = names[number]
        base = below if several and needs_patient(access, patient, name, resource_id) else server.base
        entries.append(match_entry(base, name, resource_id, body))
    for _, number, resource_id, body in shared:
        entries.append(match_entry(server.base, names[number], resource_id, body))
    return Answer(
        200,
        searchset(links, entries),
        interaction="$everything",
        type="Patient",
        patients=(patient,),
        resources=(f"Patient/{patient_id}",),
        rows=len(entries),
    )


def _parameters(request: Request) -> tuple[int, str | None]:
    """_count and _page. Raises ``Invalid`` naming what it does not know."""
    count, page = DEFAULT_COUNT, None
    for name, value, _ in split_query(request.query):
        if name == "_count":
            if not value.isdecimal() or len(value) > 9:
                raise Invalid("_count takes a whole number of at least 1.", "value")
            count = max(1, min(int(value), LARGEST_COUNT))
        elif name == "_page":
            page = value
        elif name not in _NOT_LINKED:
            raise Invalid(f"'{name}' is not a parameter that $everything takes here; it takes _count.", "not-supported")
    return count, page


def _scoped_types(server: FhirServer, request: Request) -> tuple[int, ...] | None:
    allowed = request.access.scopes.types(Action.READ)
    if allowed == "every":
        return None
    return tuple(sorted(server.registry.number(each) for each in allowed if each in server.definitions.resource_types))


def _of_types(types: tuple[int, ...] | None) -> str:
    if types is None:
        return ""
    return f" AND r.type IN ({', '.join(map(str, types))})" if types else " AND 0 = 1"


async def _own(server: FhirServer, request: Request, asked: _Asked) -> tuple[list[Row], Cursor | None]:
    """The rows of one page from the partition, and where the next one begins."""
    access, count, cursor = request.access, asked.count, asked.cursor
    denied = access.denied_labels(asked.patient, Action.READ)
    binds = (asked.patient, denied, access.hash, access.stamp, request.now)
    start = _OWN + _of_types(asked.types)
    if cursor is None:
        rows = list(await server.database.fetch(f"{start} ORDER BY r.n LIMIT $7", *binds, -1, count + 1))
        if len(rows) <= count:
            return rows, None
        return rows[:count], Cursor(1, rows[0][4], (), asked.patient, rows[count - 1][0])
    rows, phases = [], []
    for phase in (1, 2):
        if phase >= cursor.phase and len(rows) <= count:
            begin = cursor.n if phase == cursor.phase else -1
            walk = f" AND r.n <= $8 AND r.seq {'<=' if phase == 1 else '>'} $8"
            found = await server.database.fetch(
                f"{start}{walk} ORDER BY r.n LIMIT $7", *binds, begin, count + 1 - len(rows), cursor.seq
            )
            rows += found
            phases += [phase] * len(found)
    if len(rows) <= count:
        return rows, None
    return rows[:count], Cursor(phases[count - 1], cursor.seq, (), asked.patient, rows[count - 1][0])


async def _referred(server: FhirServer, request: Request, asked: _Asked) -> Sequence[Row]:
    """What the partition refers to in the catalogues and does not hold itself."""
    access = request.access
    statement = _REFERRED.format(types=server.registry.catalogue_numbers) + _of_types(asked.types)
    binds = (asked.patient, 0, access.hash, access.stamp, request.now, *access.catalogues)
    return await server.database.fetch(statement, *binds)

"""One page of a search: run the statement, and promise the walk.

What existed at the first page and did not change appears exactly once; what changed meanwhile appears at the end, in
its present form; what was born later does not appear.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from app.database import Reader, Row
from app.errors import Forbidden, Invalid
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.search.build import After, Ask
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.search.known import put_known
from app.server.search.narrowing import narrowing_of
from app.server.search.query import AnyOf, Chain, Condition, Criterion, Ids, SearchQuery
from app.server.search.reach import Reach, reach_of
from app.server.search.registry import Param
from app.server.search.resolve import resolve
from app.server.search.terms import hash_token
from app.server.search.tokens import TokenValue
from app.server.server import FhirServer
from app.server.store.find import find_partitions, find_patient
from app.server.store.read import check_guard

WALK_LIFE: Final = 900_000_000
"""How long the list of partitions behind a page link is kept: 15 minutes in µs, at most a minute less."""
_KEPT_ANEW: Final = 60_000_000
"""How long a list that was stored is good for the same list again, in µs, so that not every search writes."""
MOST_PATIENTS: Final = 5000
_SELECT_WALK: Final = "SELECT partitions FROM walk WHERE id = $1 AND expires > $2"
_SELECT_LIVES: Final = "SELECT 1 FROM walk WHERE id = $1 AND expires >= $2"
_STORE_WALK: Final = (
    "INSERT INTO walk (id, expires, partitions) VALUES ($1, $2, $3)"
    " ON CONFLICT (id) DO UPDATE SET expires = excluded.expires"
)
_SELECT_SEQS: Final = "SELECT patient, seq FROM partition WHERE tenant IN ($1, 0) AND state = 'live'"
_SELECT_LOOKUP: Final = (
    "SELECT l.patient FROM lookup l WHERE l.type = $1 AND l.param = $2 AND l.value = $3"
    " AND (SELECT q.tenant FROM partition q WHERE q.patient = l.patient) IN ($4, 0)"
)
_PAIR: Final = struct.Struct(">qq")


class Page(msgspec.Struct, frozen=True):
    """Rows as ``compile.Statement`` describes them, and the cursor of the next page ("" when this is the last).

    ``patient``: the one partition that was searched; None where there were several, and the rows say which. ``walk`` is
    what ``keep`` has to store before that cursor can be followed. ``total``: all matches, where they were counted.
    """

    rows: Sequence[Row]
    next: str
    patient: int | None = None
    walk: Row | None = None
    total: int | None = None


async def run(
    server: FhirServer, reader: Reader, access: Access, query: SearchQuery, *, now: int, within: int | None = None
) -> Page:
    """The page that ``query`` asks for; ``within`` is the one partition to look in, with the catalogues where they may
    hold the type.
    """
    asked = f"{query.where or query.resource_type}?{query.self_query}"
    cursor = read_cursor(query.cursor, server.page_key, asked) if query.cursor is not None else None
    await put_known(server, reader, access, query)
    _narrow(server, access, query)
    reach = await _reach(server, reader, access, query, cursor, now=now, within=within)
    if query.nothing or not (reach.patients or reach.tenant is not None):
        await check_guard(reader, access, now)
        return Page((), "", total=0 if query.total or query.only_count else None)
    if query.conditions:
        await resolve(server, reader, access, query, patient=reach.patients[0] if reach.single else None, now=now)
    total = None
    if query.total or query.only_count:
        total = await _count(server, reader, access, query, reach, now=now)
        if query.only_count:
            return Page((), "", reach.patients[0] if reach.single else None, total=total)
    wanted = query.count + 1
    after = None if cursor is None else After(cursor.phase, cursor.seq, cursor.keys, cursor.patient, cursor.n)  # type: ignore[arg-type]
    rows = await _fetch(server, reader, access, query, reach, now=now, limit=wanted, after=after)
    phase, of_phase = after.phase if after is not None else 1, len(rows)
    if after is not None and phase == 1 and of_phase < wanted:
        changed = After(2, after.seq, (-(2**63),), -(2**63), -(2**63))
        late = await _fetch(server, reader, access, query, reach, now=now, limit=wanted - of_phase, after=changed)
        rows = [*rows, *late]
    if not rows:
        await check_guard(reader, access, now)
    sole = reach.patients[0] if reach.single else None
    if len(rows) <= query.count:
        return Page(rows, "", sole, total=total)
    last = rows[query.count - 1]
    seq = after.seq if after is not None else last[2] if reach.single else 0
    new = None if cursor is not None or reach.single else await new_walk(server, reader, access, reach, now=now)
    walk = cursor.walk if cursor is not None else "" if new is None else new[0]
    patient = reach.patients[0] if reach.single else last[2]
    following = Cursor(phase if query.count <= of_phase else 2, seq, tuple(last[5:]), patient, last[3], walk)
    return Page(rows[: query.count], write_cursor(following, server.page_key, asked), sole, new, total)


def _narrow(server: FhirServer, access: Access, query: SearchQuery) -> None:
    """Add what the queries of the scopes ask, once."""
    if access.scopes.narrowed is not None and not query.narrowed:
        query.narrowed = True
        narrowing_of(server.registry).narrow(query, access.scopes)


async def places(
    server: FhirServer, reader: Reader, access: Access, query: SearchQuery, *, now: int
) -> tuple[list[tuple[int, int]], int | None]:
    """Partition and ``n`` of the first ``query.count`` matches in their order, without their bodies, and the one
    partition that was searched, as in ``Page``. The query has one sort key and no cursor.
    """
    await put_known(server, reader, access, query)
    _narrow(server, access, query)
    reach = await _reach(server, reader, access, query, None, now=now, within=None)
    if query.nothing or not (reach.patients or reach.tenant is not None):
        await check_guard(reader, access, now)
        return [], None
    sole = reach.patients[0] if reach.single else None
    await resolve(server, reader, access, query, patient=sole, now=now)
    statement = server.compiler.compile(Ask(query, reach, access, now, query.count, None))
    sql = f"WITH f(id, body, owner, n, type, key) AS ({statement.sql}) SELECT f.key, f.owner, f.n FROM f"
    rows = await reader.fetch(sql, *statement.binds)
    if not rows:
        await check_guard(reader, access, now)
    ordered = sorted(map(tuple, rows), reverse=query.sort[0].descending)
    return [(owner if sole is None else sole, n) for _, owner, n in ordered], sole


async def keep(server: FhirServer, page: Page, *, now: int) -> None:
    """Store what the pages after ``page`` refer to, unless it is there already: a write of its own, never to be called
    in a transaction.
    """
    if page.walk is None:
        return
    name, expires, _ = page.walk
    if not await server.database.fetch(_SELECT_LIVES, name, expires - _KEPT_ANEW):
        async with server.database.write() as writer:
            await writer.execute("DELETE FROM walk WHERE expires < $1", now)
            await writer.execute(_STORE_WALK, *page.walk)


async def _fetch(
    server: FhirServer,
    reader: Reader,
    access: Access,
    query: SearchQuery,
    reach: Reach,
    *,
    now: int,
    limit: int,
    after: After | None,
) -> Sequence[Row]:
    statement = server.compiler.compile(Ask(query, reach, access, now, limit, after))
    return await reader.fetch(statement.sql, *statement.binds)


async def _count(
    server: FhirServer, reader: Reader, access: Access, query: SearchQuery, reach: Reach, *, now: int
) -> int:
    statement = server.compiler.count(Ask(query, reach, access, now, 0, None))
    counted: int = (await reader.fetch(statement.sql, *statement.binds))[0][0]
    if not counted:
        await check_guard(reader, access, now)
    return counted


async def _reach(
    server: FhirServer,
    reader: Reader,
    access: Access,
    query: SearchQuery,
    cursor: Cursor | None,
    *,
    now: int,
    within: int | None,
) -> Reach:
    """Which partitions: the one that is named, the caller's own with the catalogues, or the stored list of a walk."""
    if query.patient:
        patient = await find_patient(reader, access, query.patient[0], server.registry)
        elsewhere = patient is None or within not in (None, patient)
        return reach_of(access, () if patient is None or elsewhere else (patient,), Action.SEARCH)
    if cursor is not None and cursor.walk:
        return await kept_walk(reader, access, cursor.walk, now=now)
    types = query.types or (query.resource_type,)
    shared = access.catalogues if any(server.placement[each].catalogue for each in types) else ()
    if within is not None:
        return reach_of(access, tuple({within: None, **dict.fromkeys(shared)}), Action.SEARCH)
    if access.patient is not None:
        return reach_of(access, (access.patient, *shared), Action.SEARCH)
    identified = await _identified(server, reader, access, query)
    if identified is not None:
        return reach_of(access, identified, Action.SEARCH)
    if access.everyone:
        return Reach((), (), tenant=access.tenant)
    own = tuple(sorted(access.denied))
    if len(own) > MOST_PATIENTS:
        raise Forbidden(
            f"This search would look through {len(own)} patients; add patient=, _id= or an identifier.", "too-costly"
        )
    return reach_of(access, (*own, *shared), Action.SEARCH)


async def _identified(server: FhirServer, reader: Reader, access: Access, query: SearchQuery) -> tuple[int, ...] | None:
    """The partitions that an ``_id`` or identifier narrows the search to; None when it does not."""
    if query.types:
        return None
    if query.ids:
        found: set[int] = set()
        for resource_id in query.ids[0]:
            found.update(
                await find_partitions(reader, access, query.resource_type, resource_id, registry=server.registry)
            )
        return tuple(sorted(found))
    for criterion in query.conditions:
        found_by = _identifying(criterion)
        if found_by is not None:
            condition, ids = found_by
            known = [await find_patient(reader, access, each, server.registry) for each in ids]
            rows = [
                row
                for each in condition.values
                for row in await reader.fetch(
                    _SELECT_LOOKUP,
                    condition.param.type_number,
                    condition.param.number,
                    hash_token(each.system, each.code),
                    access.tenant,
                )
            ]
            own = {each for each in known if each is not None}
            return tuple(sorted(own | {row[0] for row in rows if row[0] <= 0 or access.may_see(row[0])}))
    return None


def _identifying(criterion: Criterion) -> tuple[Condition, tuple[str, ...]] | None:
    """The condition on an identifier that says whose records are meant, on the resource or on its subject, and the ids
    of the Patients whom only the caller knows by it.
    """
    if isinstance(criterion, Chain) and criterion.param.owner and criterion.target_type == "Patient":
        criterion = criterion.inner
    ids: tuple[str, ...] = ()
    if isinstance(criterion, AnyOf):
        match criterion.criteria:
            case (Condition(param=Param(resource_type="Patient")) as first, Ids(ids=ids)):
                criterion = first
    if not isinstance(criterion, Condition) or not criterion.param.identifying or criterion.modifier:
        return None
    whole = (isinstance(each, TokenValue) and each.system is not None and each.code for each in criterion.values)
    return (criterion, ids) if all(whole) else None


async def partitions_of(reader: Reader, access: Access) -> list[int]:
    """The caller's own partitions: what may refer to what is in a catalogue."""
    if access.everyone:
        return [patient for patient, _ in await reader.fetch(_SELECT_SEQS, access.tenant) if patient > 0]
    return sorted(access.denied)


async def new_walk(server: FhirServer, reader: Reader, access: Access, reach: Reach, *, now: int) -> Row:
    """Which partitions, and up to which change, the pages that follow refer to; ``reader`` gave the first page.

    It is named by what it says, so that searches between which nothing changed share one.
    """
    rows = await reader.fetch(_SELECT_SEQS, access.tenant)
    wanted = None if reach.tenant is not None else set(reach.patients)
    numbers = [number for row in rows if wanted is None or row[0] in wanted for number in row]
    packed = struct.pack(f">{len(numbers)}q", *numbers)
    return blake2b(packed, digest_size=16, key=server.page_key[:64]).hexdigest(), now + WALK_LIFE, packed


async def kept_walk(reader: Reader, access: Access, name: str, *, now: int) -> Reach:
    """The partitions of a walk that the caller may still see. Raises ``Invalid`` when the walk is too old."""
    rows = await reader.fetch(_SELECT_WALK, name, now)
    if not rows:
        text = "_page: this page link is older than 15 minutes. Start again at the first page."
        raise Invalid(text, "expired", kind="page-link")
    pairs = list(_PAIR.iter_unpack(rows[0][0]))
    if access.everyone:
        own = {patient for patient, _ in await reader.fetch(_SELECT_SEQS, access.tenant)}
    else:
        own = {*access.denied, *access.catalogues}
    # The link may have come from another caller, of another tenant even.
    kept = reach_of(access, tuple(patient for patient, _ in pairs if patient in own), Action.SEARCH)
    seqs = dict(pairs)
    return Reach(kept.patients, kept.denied, tuple(seqs[patient] for patient in kept.patients))

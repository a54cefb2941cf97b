"""``Patient/$everything``: one partition, and what it refers to in the catalogue.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from app.database import Row
from app.errors import Forbidden, Invalid, Issue, NotFound
from app.fhir.dates import NO_DATE, OPEN_END, OPEN_START, bounds
from app.fhir.scopes import Action
from app.server.access import guarded
from app.server.bundles import Entry, match_entry, mixed_entries, searchset
from app.server.challenges import beyond_scopes
from app.server.interactions import provided
from app.server.interactions.addresses import needs_patient
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Parameter
from app.server.providers import Provider
from app.server.search.cursor import Cursor, read_cursor, write_cursor
from app.server.search.narrowed_rows import rows_within
from app.server.search.registry import WIDE, WIDTH
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import check_guard

DEFAULT_COUNT: Final = 1000
LARGEST_COUNT: Final = 5000
SHARED_COUNT: Final = 1000
"""How many resources of the catalogue are given at a time, after the record."""
EVERYTHING_PARAMETERS: Final = (
    Parameter("start", "in", 0, "1", "date", "Leave out what is dated before; what has no care date is kept."),
    Parameter("end", "in", 0, "1", "date", "Leave out what is dated after; what has no care date is kept."),
    Parameter("_since", "in", 0, "1", "instant", "Only what was changed at or after this time."),
    Parameter(
        "_type",
        "in",
        0,
        "*",
        "code",
        "Only these types. The access log and permissions (AuditEvent, Consent) come only when they are named here.",
    ),
    Parameter(
        "_count", "in", 0, "1", "integer", f"Resources per page: {DEFAULT_COUNT} if not said, at most {LARGEST_COUNT}."
    ),
    Parameter("return", "out", 1, "1", "Bundle", "The record and what it refers to, of type searchset."),
)
_SHARED_PHASE: Final = 3
"""The phase of a walk that goes on in the catalogue."""
_PROVIDED_PHASE: Final = 4
"""The phase of a walk that goes on in what providers serve; the cursor's ``n`` says which of them."""
_GUARD: Final = guarded(3)
_OWN: Final = (
    "SELECT r.id, r.body, r.type, r.n, (SELECT q.seq FROM partition q WHERE q.patient = $1) FROM resource r"
    f" WHERE r.patient = $1 AND r.n > $6 AND r.deleted = 0 AND r.labels & $2 = 0 AND {_GUARD}"
)
_ALL_REFERENCES: Final = (
    "SELECT DISTINCT l.target_type, l.target_id FROM link l WHERE l.patient = $1 AND l.target_type IN ({types})"
)
_SEEN_REFERENCES: Final = (
    "SELECT l.target_type, l.target_id, max(CASE WHEN EXISTS (SELECT 1 FROM resource r WHERE r.patient = $1 AND"
    " r.n = l.n{narrowed}) THEN 1 ELSE 0 END) AS narrowed FROM link l WHERE l.patient = $1 AND l.target_type IN"
    " ({types}) AND EXISTS (SELECT 1 FROM resource r WHERE r.patient = $1 AND r.n = l.n AND r.labels & $11 = 0{within})"
    " GROUP BY l.target_type, l.target_id"
)
_REFERRED: Final = (
    "SELECT r.id, r.body, r.type, r.n, r.patient FROM ({references}) t CROSS JOIN resource r"
    " WHERE r.patient IN ($6, $7) AND r.type = t.target_type AND r.id = t.target_id AND r.deleted = 0"
    f" AND r.labels & $2 = 0 AND {_GUARD} AND NOT EXISTS"
    " (SELECT 1 FROM resource o WHERE o.patient = $1 AND o.type = r.type AND o.id = r.id AND o.deleted = 0)"
    " AND (r.patient > $8 OR (r.patient = $8 AND r.n > $9)){chosen} ORDER BY r.patient, r.n LIMIT $10"
)


class _Asked(msgspec.Struct, frozen=True):
    """``types``: the numbers of the types that the token's scopes and ``_type`` leave; None for all. ``since``,
    ``start`` and ``end`` in µs, None where they are not asked. ``partly``: some of the record is denied to the caller.
    """

    patient: int
    denied: int
    partly: bool
    count: int
    cursor: Cursor | None
    types: tuple[int, ...] | None
    since: int | None
    start: int | None
    end: int | None
    providers: tuple[Provider, ...]

    @property
    def of_types(self) -> str:
        if self.types is None:
            return ""
        return f" AND r.type IN ({', '.join(map(str, self.types))})" if self.types else " AND 0 = 1"


async def everything(server: FhirServer, request: Request, target: Target) -> Answer:
    """The record, paged: first what stood at page one, then what was changed meanwhile; the catalogue's part comes
    last.
    """
    access, patient_id = request.access, target.id or _sole_patient(request)
    inputs = inputs_of(server, request, EVERYTHING_PARAMETERS)
    patient = await find_patient(server.database, access, patient_id, server.registry)
    if patient is None:
        await check_guard(server.database, access, request.now)
        raise NotFound(f"Patient/{patient_id} is not known.")
    what = f"Patient/{patient_id}/$everything"
    written = inputs.query
    signed = f"{what}?{written}"
    cursor = None if inputs.page is None else read_cursor(inputs.page, server.page_key, signed)
    asked = _asked(server, request, inputs, patient, cursor)
    rows, following = await _own(server, request, asked)
    if not rows:
        await check_guard(server.database, access, request.now)
    shared: Sequence[Row] = ()
    if following is None:
        # The catalogue is another partition with an order of its own, so it is read by itself.
        shared, following = await _referred(server, request, asked)
    last: list[Entry] = []
    if following is None:
        last, following = await _provided(server, request, asked)
    url = f"{server.base}{what}"
    links = [("self", f"{url}?{written}" if written else url)]
    if following is not None:
        page_link = write_cursor(following, server.page_key, signed)
        links.append(("next", f"{url}?{written}{'&' if written else ''}_page={page_link}"))
    entries = _entries(server, request, patient, patient_id, rows)
    if shared:
        entries += mixed_entries(server.base, server.registry.type_names, shared)
    entries += last
    return Answer(
        200,
        searchset(links, entries),
        interaction="$everything",
        type="Patient",
        patients=(patient,),
        resources=(f"Patient/{patient_id}",),
        parameters=inputs.names,
        rows=len(entries),
    )


def _entries(server: FhirServer, request: Request, patient: int, patient_id: str, rows: Sequence[Row]) -> list[Entry]:
    """The record's part, below its Patient where the caller could mean more than one by the short address."""
    access, names, base = request.access, server.registry.type_names, server.base
    if access.patient is not None:
        return mixed_entries(base, names, rows)
    below = f"{base}Patient/{patient_id}/"
    entries = []
    for resource_id, body, number, *_ in rows:
        name = names[number]
        start = below if needs_patient(access, patient, name, resource_id) else base
        entries.append(match_entry(start, name, resource_id, body))
    return entries


def _sole_patient(request: Request) -> str:
    """Whose record is meant without an id. Raises ``Forbidden`` for a caller with several patients."""
    access = request.access
    if access.patient is None:
        raise Forbidden(
            "This would be the records of several patients; ask for Patient/<id>/$everything.", "too-costly"
        )
    return access.patient_id


def _asked(server: FhirServer, request: Request, inputs: Inputs, patient: int, cursor: Cursor | None) -> _Asked:
    access = request.access
    denied = hidden = access.denied_labels(patient, Action.READ)
    named = inputs.all("_type")
    if not {"AuditEvent", "Consent"}.intersection(named):
        hidden |= server.labels.bits(("permissions",))
    count = inputs.first("_count")
    since, start, end = inputs.first("_since"), inputs.first("start"), inputs.first("end")
    return _Asked(
        patient,
        hidden,
        bool(denied),
        DEFAULT_COUNT if count is None else max(1, min(count, LARGEST_COUNT)),
        cursor,
        _types(server, request, named),
        None if since is None else bounds(since)[0],
        None if start is None else bounds(start)[0],
        None if end is None else bounds(end)[1],
        tuple(each for name in sorted(set(named)) for each in server.providers.by_type.get(name, ())),
    )


def _types(server: FhirServer, request: Request, named: Sequence[str]) -> tuple[int, ...] | None:
    """The types to give, of those that are named. Raises ``Invalid`` or ``Forbidden``."""
    scopes, number = request.access.scopes, server.registry.number
    if not named:
        allowed = scopes.types(Action.READ)
        if allowed == "every":
            return None
        return tuple(sorted(number(each) for each in allowed if each in server.definitions.resource_types))
    unknown = sorted(set(named) - server.registry.stored)
    if unknown:
        text = f"_type names what is not served here: {', '.join(unknown)}."
        raise Invalid(text, issues=(Issue("not-supported", text, ("http._type",)),))
    scopes, number = request.access.scopes, server.registry.number
    if named:
        refused = sorted(each for each in set(named) if not scopes.allow(each, Action.READ))
        if refused:
            text = f"The token's scopes do not allow to read {', '.join(refused)}."
            raise beyond_scopes(scopes, text, *((each, Action.READ) for each in refused))
        return tuple(sorted(map(number, set(named))))
    allowed = scopes.types(Action.READ)
    if allowed == "every":
        return None
    return tuple(sorted(number(each) for each in allowed if each in server.definitions.resource_types))


def _narrowed(server: FhirServer, asked: _Asked, place: int) -> tuple[str, list[Any]]:
    """What ``_since``, ``start`` and ``end`` ask of the row ``r``, its placeholders counted from ``place``."""
    text, binds = "", []
    if asked.since is not None:
        text, binds = f" AND r.updated >= ${place}", [asked.since]
        place += 1
    if asked.start is None and asked.end is None:
        return text, binds
    # Care that began before the start and goes on after it is found by its period.
    dates = ((server.registry.number(each), server.registry.sort_date(each)) for each in sorted(server.registry.stored))
    keys = [(number, param.number) for number, param in dates if param is not None]
    start = f"${place}::bigint"
    end = f"${place + 1}::bigint"
    long = ", ".join(f"({number}, {param + WIDE})" for number, param in keys)
    short = ", ".join(f"({number}, {param})" for number, param in keys)
    going_on = (
        f"SELECT x.n FROM period x WHERE x.patient = $1 AND (x.type, x.param) IN (VALUES {long})"
        f" AND x.low < {start} AND x.high > {start}"
        f" UNION ALL SELECT x.n FROM period x WHERE x.patient = $1 AND (x.type, x.param) IN (VALUES {short})"
        f" AND x.low >= {start} - {WIDTH} AND x.low < {start} AND x.high > {start}"
    )
    text += f" AND (r.date = {NO_DATE} OR r.date < {end} AND (r.date >= {start} OR r.n IN ({going_on})))"
    binds += [
        OPEN_START if asked.start is None else asked.start,
        OPEN_END if asked.end is None else asked.end,
    ]
    return text, binds


def _within(server: FhirServer, request: Request, first: int) -> tuple[str, list[Any]]:
    """What the scopes' queries ask of the row ``r``, its placeholders counted from ``first``."""
    access, dialect = request.access, server.database.dialect
    return rows_within(server.registry, dialect, access, Action.READ, alias="r", first=first, now=request.now)


async def _own(server: FhirServer, request: Request, asked: _Asked) -> tuple[list[Row], Cursor | None]:
    """The rows of one page from the partition, and where the next one begins."""
    access, count, cursor = request.access, asked.count, asked.cursor
    if cursor is not None and cursor.phase >= _SHARED_PHASE:
        return [], None
    binds = (asked.patient, asked.denied, access.hash, access.stamp, request.now)
    narrowed, dates = _narrowed(server, asked, 8)
    within, scoped = _within(server, request, 8 + len(dates))
    start, dates = _OWN + asked.of_types + narrowed + within, dates + scoped
    if cursor is None:
        rows = list(await server.database.fetch(f"{start} ORDER BY r.n LIMIT $7", *binds, -1, count + 1, *dates))
        if len(rows) <= count:
            return rows, None
        return rows[:count], Cursor(1, rows[0][4], (), asked.patient, rows[count - 1][3])
    rows, phases = [], []
    seq = f"${8 + len(dates)}"
    for phase in (1, 2):
        if phase >= cursor.phase and len(rows) <= count:
            begin = cursor.n if phase == cursor.phase else -1
            walk = f" AND r.n <= {seq} AND r.seq {'<=' if phase == 1 else '>'} {seq}"
            found = await server.database.fetch(
                f"{start}{walk} ORDER BY r.n LIMIT $7", *binds, begin, count + 1 - len(rows), *dates, cursor.seq
            )
            rows += found
            phases += [phase] * len(found)
    if len(rows) <= count:
        return rows, None
    return rows[:count], Cursor(phases[count - 1], cursor.seq, (), asked.patient, rows[count - 1][3])


@lru_cache(maxsize=64)
def _referred_text(types: str, narrowed: str, chosen: str, within: str, *, seen: bool) -> str:
    """The statement for what is referred to: by all of the record, or by what of it is ``seen``."""
    references = (_SEEN_REFERENCES if seen else _ALL_REFERENCES).format(types=types, narrowed=narrowed, within=within)
    return _REFERRED.format(references=references, chosen=chosen)


async def _referred(server: FhirServer, request: Request, asked: _Asked) -> tuple[Sequence[Row], Cursor | None]:
    """What the record, as far as it is given, refers to in the catalogues and does not hold itself; what was changed
    there since ``_since``, too.
    """
    access, cursor = request.access, asked.cursor
    if cursor is not None and cursor.phase == _PROVIDED_PHASE:
        return (), None
    after = (-(2**63), -1)
    if cursor is not None and cursor.phase == _SHARED_PHASE:
        after = (cursor.patient, cursor.n)
    narrowed, dates = _narrowed(server, asked, 12)
    within, scoped = _within(server, request, 12 + len(dates))
    chosen, more = asked.of_types + within, list[Any]()
    seen = bool(narrowed or asked.partly or within)
    if seen:
        more = [asked.denied, *dates, *scoped]
        chosen += f" AND (t.narrowed = 1{'' if asked.since is None else ' OR r.updated >= $12'})"
    statement = _referred_text(server.registry.catalogue_numbers, narrowed, chosen, within, seen=seen)
    binds = [asked.patient, 0, access.hash, access.stamp, request.now, *access.catalogues]
    rows = await server.database.fetch(statement, *binds, *after, SHARED_COUNT + 1, *more)
    if len(rows) <= SHARED_COUNT:
        return rows, None
    last = rows[SHARED_COUNT - 1]
    return rows[:SHARED_COUNT], Cursor(_SHARED_PHASE, 0, (), last[4], last[3])


async def _provided(server: FhirServer, request: Request, asked: _Asked) -> tuple[list[Entry], Cursor | None]:
    """What providers serve of the types that are named, and where the next page begins."""
    cursor, entries = asked.cursor, list[Entry]()
    place, after = 0, tuple[int | str, ...]()
    if cursor is not None and cursor.phase == _PROVIDED_PHASE:
        place, after = cursor.n, cursor.keys  # type: ignore[assignment]
    for index, provider in enumerate(asked.providers[place:], place):
        found, following = await provided.of_record(
            server,
            request,
            patient=asked.patient,
            provider=provider,
            since=asked.since,
            after=after,
            limit=SHARED_COUNT - len(entries),
        )
        entries += found
        if following is not None:
            return entries, Cursor(_PROVIDED_PHASE, 0, following, asked.patient, index)
        after = ()
    return entries, None

"""The Observations of a series, read in one statement with the guard of the grant and the labels inside.

By their codes, from the index that a search for one code goes along; a search for several codes goes through everything
of the period. Where scopes are narrowed by a query the search itself is asked.
https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.database import Reader, Row
from app.errors import Forbidden
from app.fhir.dates import NO_DATE, OPEN_END
from app.fhir.scopes import Action
from app.measurements.statistics.spans import Span
from app.server.access import NOTHING, Access, guarded
from app.server.search import page
from app.server.search.parse import Part
from app.server.search.permitted import within_scopes
from app.server.search.query import SearchQuery
from app.server.search.terms import hash_token
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import check_guard

MOST: Final = 20_000
"""Observations of one series."""
_ANY: Final = {"postgresql": "= ANY ($9::bigint[])", "sqlite": "IN (SELECT j.value FROM json_each($9) j)"}
_SELECT: Final = (
    "SELECT r.id, r.body FROM (SELECT DISTINCT t.n FROM token t WHERE t.patient = $1 AND t.type = $6"
    " AND t.param = $7 AND t.value {any} AND t.date >= $8 AND t.date < $10) f CROSS JOIN resource r"
    " WHERE r.patient = $1 AND r.n = f.n AND r.deleted = 0 AND r.labels & $5 = 0 AND {guard} LIMIT $11"
)
_STATEMENTS: Final = {dialect: _SELECT.format(any=each, guard=guarded(2)) for dialect, each in _ANY.items()}


async def observations(
    server: FhirServer,
    reader: Reader,
    access: Access,
    *,
    codes: Sequence[tuple[str, str]],
    span: Span,
    search: Sequence[Part],
    of: str | None,
    now: int,
) -> tuple[Sequence[Row], int | None]:
    """Rows that begin with id and body, in no order, and the partition (None: there is nobody to look for).

    ``codes``: system and code; ``search``: the search that finds the same, with whose they are; ``of``: the id of the
    Patient in the address. Raises ``Forbidden`` where there are more than ``MOST``.
    """
    query = server.parser.parse("Observation", search, lenient=False)
    within_scopes(query, access.scopes)
    if of is not None:
        query.nothing = query.nothing or bool(query.patient and query.patient[0] != of)
        query.patient = [of]
    if access.scopes.narrowed is not None:
        rows, patient = await _searched(server, reader, access, query, now=now)
    else:
        rows, patient = await _by_codes(server, reader, access, query, codes=codes, span=span, now=now)
    if len(rows) > MOST:
        text = f"This would look through more than {MOST} Observations; ask for a shorter period with date."
        raise Forbidden(text, "too-costly")
    return rows, patient


async def _searched(
    server: FhirServer, reader: Reader, access: Access, query: SearchQuery, *, now: int
) -> tuple[Sequence[Row], int | None]:
    query.count = MOST + 1
    found = await page.run(server, reader, access, query, now=now)
    return found.rows, found.patient


async def _by_codes(
    server: FhirServer,
    reader: Reader,
    access: Access,
    query: SearchQuery,
    *,
    codes: Sequence[tuple[str, str]],
    span: Span,
    now: int,
) -> tuple[Sequence[Row], int | None]:
    registry = server.registry
    patient = access.patient
    if query.patient:
        patient = await find_patient(reader, access, query.patient[0], registry)
    denied = NOTHING if patient is None else access.denied_labels(patient, Action.SEARCH)
    rows: Sequence[Row] = ()
    if patient is not None and not query.nothing and denied != NOTHING:
        values = [hash_token(system, code) for system, code in codes]
        dialect = server.database.dialect
        rows = await reader.fetch(
            _STATEMENTS[dialect],
            patient,
            access.hash,
            access.stamp,
            now,
            denied,
            registry.number("Observation"),
            registry.params("Observation")["code"].number,
            NO_DATE if span.start is None else span.start,
            f"{values}" if dialect == "sqlite" else values,
            OPEN_END if span.end is None else span.end,
            MOST + 1,
        )
    if not rows:
        await check_guard(reader, access, now)
    return rows, patient if denied != NOTHING else None

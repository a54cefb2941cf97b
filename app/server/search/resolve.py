"""What a search asks for by its meaning, put into codes before the statement is made.

https://hl7.org/fhir/R4/search.html#modifiers
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from msgspec.json import encode

from app.database import Reader
from app.errors import Invalid
from app.server.access import Access
from app.server.search.query import AllOf, AnyOf, Chain, Condition, Criterion, Has, SearchQuery
from app.server.search.terms import WORDS
from app.server.search.tokens import MeaningValue, TokenSet, TokenValue, stored_hash
from app.server.server import FhirServer
from app.server.terminology.answers import codes_in, subsumed, subsumers

_ANY_CODE: Final = {"postgresql": "= ANY ($2::text[])", "sqlite": "IN (SELECT j.value FROM json_each($2) j)"}
_SELECT_TERMS: Final = {
    dialect: f"SELECT value, code FROM term WHERE patient = $1 AND code {listed} AND system <> '{WORDS}'"
    for dialect, listed in _ANY_CODE.items()
}
_MOST_KNOWN: Final = 100
"""Values of one condition, each of which the statement names."""


async def resolve(
    server: FhirServer, reader: Reader, access: Access, query: SearchQuery, *, patient: int | None, now: int
) -> None:
    """Put codes in the place of value sets and of concepts with what is below or above them. ``patient``: the one
    partition that is searched, if it is one; a code without a system then becomes the one that it has there.

    Raises ``Invalid`` for what is not held here.
    """
    for index, criterion in enumerate(query.conditions):
        if not isinstance(criterion, Condition):
            query.conditions[index] = await _resolved(server, reader, access, criterion, now=now)
        elif criterion.values and isinstance(criterion.values[0], MeaningValue):
            query.conditions[index] = await _of_meaning(server, reader, access, criterion, now=now)
        elif patient is not None and any(_is_bare(value) for value in criterion.values):
            query.conditions[index] = await _with_systems(server, reader, criterion, patient)


def _is_bare(value: object) -> bool:
    return isinstance(value, TokenValue) and value.hash is None and value.system is None


async def _with_systems(server: FhirServer, reader: Reader, condition: Condition, patient: int) -> Condition:
    """Each code without a system as what it is in the partition; where that would be much, the condition as it was."""
    bare = list(dict.fromkeys(value.kept_code for value in condition.values if _is_bare(value)))
    dialect = server.database.dialect
    rows = await reader.fetch(_SELECT_TERMS[dialect], patient, encode(bare).decode() if dialect == "sqlite" else bare)
    told = [value for value in condition.values if not _is_bare(value)]
    values = [*told, *(TokenValue(None, code, value) for value, code in rows)]
    # Of those that are nothing here one is left, so that the condition finds nothing.
    return condition if len(values) > _MOST_KNOWN else replace(condition, values=values or condition.values[:1])


async def _resolved(server: FhirServer, reader: Reader, access: Access, criterion: Criterion, *, now: int) -> Criterion:
    match criterion:
        case Condition(values=[MeaningValue(), *_]):
            return await _of_meaning(server, reader, access, criterion, now=now)
        case Chain() | Has():
            return replace(criterion, inner=await _resolved(server, reader, access, criterion.inner, now=now))
        case AnyOf() | AllOf():
            parts = [await _resolved(server, reader, access, each, now=now) for each in criterion.criteria]
            return replace(criterion, criteria=tuple(parts))
    return criterion


async def _of_meaning(
    server: FhirServer, reader: Reader, access: Access, condition: Condition, *, now: int
) -> Condition:
    """The codes of all values as one set of tokens."""
    hashes: set[int] = set()
    for value in condition.values:
        try:
            codes = await _codes(server, reader, access, condition.modifier, value, now=now)
        except Invalid as error:
            name = f"{condition.param.code}:{condition.modifier}"
            raise Invalid(f"{name}: {error.diagnostics}", error.code) from error
        hashes.update(stored_hash(condition.param, system, code) for system, code in codes)
    return replace(condition, values=(TokenSet(tuple(sorted(hashes))),))


async def _codes(
    server: FhirServer, reader: Reader, access: Access, modifier: str, value: MeaningValue, *, now: int
) -> set[tuple[str, str]]:
    if modifier in ("in", "not-in"):
        return set(await codes_in(server, reader, access, value.url, now=now))
    ask = subsumed if modifier == "below" else subsumers
    return {(value.url, code) for code in await ask(server, reader, access, value.url, value.code, now=now)}

"""Identifiers that only the caller knows a patient by: those found in that way are put beside what the index finds.

MODEL 3: an organisation's own patient number finds its patient for that organisation only, and stands in no resource.
"""

from __future__ import annotations

from dataclasses import replace

from app.database import Reader
from app.server.access import SELECT_PATIENT_ID, Access
from app.server.search.query import AllOf, AnyOf, Chain, Condition, Criterion, Has, Ids, OwnedBy, SearchQuery
from app.server.search.tokens import TokenValue
from app.server.server import FhirServer, known_as_nobody
from app.server.tables import PATIENT


async def put_known(server: FhirServer, reader: Reader, access: Access, query: SearchQuery) -> None:
    """Let conditions on ``Patient.identifier``, on a reference's identifier and within chains also mean the patients
    whom the caller knows by that identifier.
    """
    if server.known_as is not known_as_nobody:
        for index, criterion in enumerate(query.conditions):
            query.conditions[index] = await _known(server, reader, access, criterion)


async def _known(server: FhirServer, reader: Reader, access: Access, criterion: Criterion) -> Criterion:
    match criterion:
        case Condition(missing=None):
            ids = await _ids(server, reader, access, criterion)
            if not ids:
                return criterion
            meant = (Ids(ids),) if criterion.param.resource_type == "Patient" else tuple(map(OwnedBy, ids))
            return AnyOf((criterion, *meant))
        case Chain() | Has():
            inner = await _known(server, reader, access, criterion.inner)
            return criterion if inner is criterion.inner else replace(criterion, inner=inner)
        case AnyOf() | AllOf():
            parts = tuple([await _known(server, reader, access, each) for each in criterion.criteria])
            return criterion if parts == criterion.criteria else replace(criterion, criteria=parts)
    return criterion


async def _ids(server: FhirServer, reader: Reader, access: Access, condition: Condition) -> tuple[str, ...]:
    """The ids of the Patients whom the caller knows by one of the values."""
    param, modifier = condition.param, condition.modifier
    own = param.resource_type == "Patient" and param.code == "identifier" and not modifier
    if not own and not (param.owner and modifier == "identifier"):
        return ()
    found: dict[str, None] = {}
    for value in condition.values:
        if isinstance(value, TokenValue) and value.system and value.code:
            for patient in await server.known_as(reader, access, value.system, value.code):
                if access.may_see(patient):
                    rows = await reader.fetch(SELECT_PATIENT_ID, patient, PATIENT)
                    found.update((row[0], None) for row in rows)
    return tuple(found)

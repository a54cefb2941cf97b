"""Which search parameters are filled for everything that is stored: the table ``index_state``.

A parameter that is new to a database with resources of its type, or finds something else than it did, is not offered
until a reindex has been through. https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.searchParam
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from app.database import Writer
from app.server import tables
from app.server.search.registry import Param
from app.server.server import FhirServer

_EXTRACTION: Final = 3
"""Raised when the code makes other rows of the same values, so that all of them must be made anew."""
_STATE: Final = "SELECT i.type, i.param, i.generation, i.ready FROM index_state i"
_TYPES: Final = "SELECT DISTINCT r.type FROM resource r"


async def load_index_state(server: FhirServer) -> None:
    """Tell the registry which parameters must not be offered, and note those that the database has not seen before."""
    known: dict[tuple[int, int], tuple[int, int]] = {
        (row[0], row[1]): (row[2], row[3]) for row in await server.database.fetch(_STATE)
    }
    wanted = {(param.type_number, param.number): _generation(param) for param in _params(server)}
    news = {key: generation for key, generation in wanted.items() if known.get(key, (None, 0))[0] != generation}
    if news:
        # A table without any row is that of a new database: whatever it is given is indexed from the first resource on.
        stored = {row[0] for row in await server.database.fetch(_TYPES)} if known else set()
        rows = [(*key, generation, int(key[0] not in stored)) for key, generation in news.items()]
        async with server.database.write() as writer:
            await _keep(writer, rows)
        known |= {(row[0], row[1]): (row[2], row[3]) for row in rows}
    server.registry.unready = frozenset(key for key in wanted if not known[key][1])


async def refresh_index_state(server: FhirServer) -> None:
    """Offer what a reindex in another process has filled meanwhile. Asks nothing where everything is offered."""
    if server.registry.unready:
        await load_index_state(server)


async def mark_filled(server: FhirServer) -> None:
    """Offer every parameter from now on."""
    async with server.database.write() as writer:
        await _keep(writer, [(param.type_number, param.number, _generation(param), 1) for param in _params(server)])
    server.registry.unready = frozenset()


async def _keep(writer: Writer, rows: list[tuple[int, int, int, int]]) -> None:
    await writer.insert(tables.INSERT_INDEX_STATE, rows)
    await writer.alter([(tables.UPDATE_INDEX_STATE, rows)])


def _params(server: FhirServer) -> Iterator[Param]:
    for name in server.registry.stored:
        yield from server.registry.params(name).values()


def _generation(param: Param) -> int:
    """A number that changes when the parameter comes to find something else."""
    text = f"{_EXTRACTION} {param.kind} {param.definition.expression} {param.definition.components or ''}"
    return zlib.crc32(text.encode()) & 0x7FFFFFFF

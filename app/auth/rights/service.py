"""The rights of a person over their own data, as one thing that pages are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.auth.rights.erasing import Erasures
from app.auth.rights.exports import archive_seal
from app.auth.rights.tombstones import Tombstones
from app.auth.rights.worker import ExportWorker
from app.auth.sealing import Seal
from app.server.interactions.taking.again import Again
from app.server.server import FhirServer


@dataclass(frozen=True, slots=True)
class Rights:
    """``worker`` makes copies in this process; ``archives`` opens their pieces; ``again`` lets in what was held."""

    server: FhirServer
    erasures: Erasures
    worker: ExportWorker
    archives: Seal = field(repr=False)
    again: Again = field(default_factory=Again, repr=False)


def rights_of(server: FhirServer, again: Again, *, moved: Callable[[], Awaitable[object]]) -> Rights:
    """The parts; the worker is not started. ``moved``: as ``ExportWorker`` has it."""
    tombstones = Tombstones(server.page_key, server.definitions.type_numbers)
    worker = ExportWorker(server, moved=moved)
    return Rights(server, Erasures(server, tombstones), worker, archive_seal(server.page_key), again)

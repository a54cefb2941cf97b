"""Making labels and index rows anew from what is stored, partition by partition, while the service goes on serving.

For a changed table of data categories, a search parameter that is new or finds something else, and rows that were lost.
No version, ``seq`` or ``lastUpdated`` changes. https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from typing import Final

from app.server.reindexing.labels import restore_labels
from app.server.reindexing.lookups import remove_stray_lookups
from app.server.reindexing.report import ReindexReport
from app.server.reindexing.rows import restore_rows
from app.server.reindexing.state import load_index_state, mark_filled, refresh_index_state
from app.server.server import FhirServer

_PARTITIONS: Final = "SELECT p.patient FROM partition p WHERE p.patient > $1 ORDER BY p.patient LIMIT 500"
_BEFORE_ALL: Final = -(2**63)


async def reindex(server: FhirServer, report: ReindexReport) -> ReindexReport:
    """Bring everything up to date; ``report`` grows meanwhile. May be broken off and run again: it changes only what
    differs from what it should be.
    """
    after = _BEFORE_ALL
    while partitions := await server.database.fetch(_PARTITIONS, after):
        for (patient,) in partitions:
            await restore_rows(server, patient, report)
            await restore_labels(server, patient, report)
            report.partitions += 1
            after = patient
    await remove_stray_lookups(server, report)
    await mark_filled(server)
    return report


__all__ = ["ReindexReport", "load_index_state", "refresh_index_state", "reindex"]

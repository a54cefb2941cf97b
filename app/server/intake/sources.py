"""What is forgotten of a source's names when what they stand for is erased: all but the source's own id, by which it is
known when it is delivered again, so that it does not come back. MODEL 5, "Erasure"

https://gdpr-info.eu/art-17-gdpr/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.database import Writer
from app.server.search.registry import Registry
from app.server.store.erase import Erased

_IDENTIFIERS: Final = (
    "DELETE FROM delivered WHERE patient = $1 AND type = $2 AND id = $3 AND key >= 'identifier:'"
    " AND key < 'identifier;'"
)
_ADDRESS: Final = "UPDATE delivered SET url = '' WHERE patient = $1 AND type = $2 AND id = $3"
_UNDER: Final = "DELETE FROM delivered_under WHERE patient = $1 AND type = $2 AND id = $3"


async def forget_names(writer: Writer, registry: Registry, patient: int, erased: Sequence[Erased]) -> None:
    """Of what was just erased in one record."""
    for each in erased:
        for statement in (_IDENTIFIERS, _ADDRESS, _UNDER):
            await writer.execute(statement, patient, registry.number(each.type), each.id)

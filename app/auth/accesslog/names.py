"""What those are called whom the access log names by pseudonyms: apps, people, organisations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.auth.accounts.sessions import CLIENT
from app.auth.recipients import parts
from app.database import Reader

_QUERIES: Final = {
    "app": "SELECT name FROM client WHERE id = $1",
    "person": "SELECT name FROM account WHERE id = $1",
    "organization": "SELECT name FROM organization WHERE id = $1",
}


class PartyNames:
    """Names that were looked up once; ``learn`` before they are asked for."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {f"app:{CLIENT}": "Zelfregie"}

    async def learn(self, reader: Reader, parties: Iterable[str]) -> None:
        """Look up what is not known yet; what nobody has a name for is called by nothing."""
        for party in set(parties) - self._known.keys():
            kind, party_id = parts(party)
            rows = await reader.fetch(_QUERIES[kind], party_id) if kind in _QUERIES else ()
            self._known[party] = rows[0][0] if rows else ""

    def __call__(self, party: str) -> str:
        return self._known.get(party, "")

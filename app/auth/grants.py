"""Grants and permits as rows: who may do what for which patients. Every change raises the stamp of the grants that it
touches.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from app.database import Database, Writer
from app.fhir.scopes import EVERY_ACTION, parse_scopes
from app.server import tables
from app.server.access import FOREVER, Access, load_access
from app.server.labels import EVERY_LABEL

_HOUR: Final = 3_600_000_000
RAISE_STAMP: Final = "UPDATE access_grant SET stamp = stamp + 1 WHERE recipient = $1 OR also = $1 OR within = $1"
_DELETE_PERMITS: Final = "DELETE FROM permit WHERE recipient = $1"
_DELETE_GRANT: Final = "DELETE FROM access_grant WHERE hash = $1"


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant to be written. ``patients`` get a permit each with these labels and actions; ``everyone`` needs none.
    ``services``: the MedMij data services that it is for.
    """

    hash: bytes
    recipient: str
    scopes: str
    tenant: int
    purpose: str
    client: str = ""
    person: str = ""
    organization: str = ""
    patients: Sequence[int] = ()
    patient: int | None = None
    everyone: bool = False
    labels: int = EVERY_LABEL
    actions: int = int(EVERY_ACTION)
    expires: int = FOREVER
    kind: str = ""
    role: str = ""
    also: str = ""
    within: str = ""
    responsible: str = ""
    fhir_user: str = ""
    family: str = ""
    fresh: int = 0
    services: Sequence[str] = ()


async def write_grant(writer: Writer, grant: NewGrant) -> None:
    """Store a grant and its permits. Raises ``Invalid`` for scopes that cannot be honoured."""
    parse_scopes(grant.scopes)
    row = (
        grant.hash,
        1,
        grant.recipient,
        grant.client,
        grant.person,
        grant.organization,
        grant.tenant,
        grant.purpose,
        grant.scopes,
        grant.patient,
        int(grant.everyone),
        grant.expires,
        grant.kind,
        grant.role,
        grant.also,
        grant.within,
        grant.responsible,
        grant.fhir_user,
        grant.family,
        grant.fresh,
        " ".join(grant.services),
    )
    await writer.insert(tables.INSERT_GRANT, [row])
    await writer.insert(
        tables.INSERT_PERMIT,
        [
            (grant.recipient, each, grant.purpose, "", grant.labels, grant.actions, 0, FOREVER)
            for each in grant.patients
        ],
    )


async def withdraw(writer: Writer, recipient: str) -> None:
    """Take every permit of a recipient back; holds from the next statement on."""
    await writer.execute(_DELETE_PERMITS, recipient)
    await writer.execute(RAISE_STAMP, recipient)


class ServiceAccesses:
    """The service's own access for each tenant, asked for when it is first needed and kept until ``stack`` ends."""

    def __init__(self, database: Database, stack: AsyncExitStack, *, reason: str, now: int, patient_type: int) -> None:
        self._database = database
        self._stack = stack
        self._facts: dict[str, Any] = {"reason": reason, "now": now, "patient_type": patient_type}
        self._known: dict[int, Access] = {}

    async def of(self, tenant: int) -> Access:
        """For the records of one tenant."""
        if tenant not in self._known:
            granted = service_access(self._database, tenant=tenant, **self._facts)
            self._known[tenant] = await self._stack.enter_async_context(granted)
        return self._known[tenant]


@asynccontextmanager
async def service_access(
    database: Database, *, tenant: int, reason: str, now: int, patient_type: int
) -> AsyncIterator[Access]:
    """The access of the service itself (load, seeds, restore): an administrator for all patients, under a grant of its
    own while it lasts.
    """
    token_hash = secrets.token_bytes(32)
    grant = NewGrant(
        hash=token_hash,
        recipient=f"service:{reason}",
        scopes="system/*.cruds",
        tenant=tenant,
        purpose="treatment",
        client=f"service:{reason}",
        everyone=True,
        expires=now + 24 * _HOUR,
        kind="service",
    )
    async with database.write() as writer:
        await write_grant(writer, grant)
    try:
        access = await load_access(database, token_hash, now=now, patient_type=patient_type)
        assert access is not None, "the grant was written a moment ago"
        yield access
    finally:
        async with database.write() as writer:
            await writer.execute(_DELETE_GRANT, token_hash)

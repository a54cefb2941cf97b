"""The right to erasure: one thing, everything from one source, or the whole record with all that led to it.

One transaction, so that nothing is half done: versions emptied, index rows gone, tombstones kept, copies void, and the
signed proof stored. https://gdpr-info.eu/art-17-gdpr/ MODEL 5.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.auth.accounts.mandates import Ground
from app.auth.rights import tables
from app.auth.rights.leaving import leave
from app.auth.rights.proof import Prover, Statement
from app.auth.rights.sources import held
from app.auth.rights.tombstones import Tombstones
from app.auth.roles import Role
from app.database import Reader, Writer
from app.errors import Forbidden, NotFound, Unprocessable
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.intake.quarantine import drop_source
from app.server.intake.sources import forget_names
from app.server.server import FhirServer
from app.server.store.erase import SLICE, Erasing, erase_record

Scope = Literal["one", "source", "everything"]
GROUNDS: Final = frozenset({Ground.PARENTAL_AUTHORITY, Ground.CURATOR, Ground.MENTOR})
"""On which a representative may erase: they decide in the person's place. Who was authorised in writing acts beside
the person, who can decide this alone.
"""
_GROUND: Final = (
    "SELECT ground FROM mandate WHERE patient = $1 AND account = $2 AND state = 'active' AND since <= $3 AND until > $3"
)
_VOID_PARTS: Final = "DELETE FROM export_part WHERE patient = $1"
_VOID: Final = "UPDATE export SET state = 'gone' WHERE patient = $1 AND state = 'ready'"
_AGAIN: Final = (
    "UPDATE export SET state = 'waiting', worker = '', done = 0, beat = 0 WHERE patient = $1 AND state = 'running'"
)
_LISTED: Final = (
    "SELECT id, scope, finished, resources, versions, proof FROM erasure WHERE patient = $1 ORDER BY finished DESC, id"
)
_IDS: Final = "SELECT r.id FROM resource r WHERE r.patient = $1 AND r.type = $2"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done: how many resources are gone, and how many versions lost their content. ``finished`` in µs;
    ``proof``: the signed statement.
    """

    id: str
    scope: str
    finished: int
    resources: int
    versions: int
    proof: str


class Erasures:
    """The use cases. Each takes the ``Access`` of the person's own session, whose second factor was just given."""

    def __init__(self, server: FhirServer, tombstones: Tombstones) -> None:
        self._server = server
        self._tombstones = tombstones
        self._prover = Prover(server.page_key, server.base.removesuffix("/fhir/"))

    async def may_erase(self, reader: Reader, access: Access, *, now: int) -> bool:
        """Whether this is the person, or who decides in their place."""
        if access.kind != "session" or access.patient is None:
            return False
        if access.role == Role.PATIENT:
            return True
        if access.role != Role.REPRESENTATIVE:
            return False
        rows = await reader.fetch(_GROUND, access.patient, access.person, now)
        return any(row[0] in GROUNDS for row in rows)

    async def one(self, access: Access, resource_type: str, resource_id: str, *, now: int, request: str) -> Erasure:
        """Erase one resource with all its versions, what the service computed of it, and the working copies by which it
        was corrected. Raises ``Forbidden``, ``NotFound`` or ``Unprocessable``.
        """
        if resource_type == "Patient":
            raise Unprocessable("The Patient is whose record this is, and is erased with everything.", "business-rule")
        if resource_type not in self._server.registry.stored:
            raise NotFound(f"{resource_type}/{resource_id} is not known.")
        return await self._some(access, "one", {resource_type: [resource_id]}, now=now, request=request)

    async def source(self, access: Access, key: str, *, now: int, request: str) -> Erasure:
        """Erase what one source entered (``sources.py``), deleted or not. Raises as ``one`` does."""
        return await self._some(access, "source", key, now=now, request=request)

    async def everything(self, access: Access, *, now: int) -> Erasure:
        """Erase the record, and all that led to it: accounts' link, consents' texts, permits, tokens, pairings,
        mandates, copies. What stays: the access log until its retention ends, and the proof.
        """
        server = self._server

        async def work(writer: Writer) -> Erasure:
            patient = await self._check(writer, access, now)
            if access.denied_labels(patient, Action.DELETE):
                raise Forbidden("Only who may see and change all of this record can erase all of it.")
            ids = [row[0] for row in await writer.fetch(_IDS, patient, server.registry.number("Patient"))]
            gone = await erase_record(writer, access, patient, now=now)
            await leave(writer, patient, now=now)
            await self._tombstones.keep_person(writer, patient, ids)
            done = Statement(secrets.token_hex(8), "everything", now, gone.resources, gone.versions)
            return await self._keep(writer, patient, "", done)

        erasure = await server.database.transact(work)
        await server.database.fold()
        return erasure

    async def listed(self, reader: Reader, patient: int) -> list[Erasure]:
        """What was erased of a record, the last first."""
        return [Erasure(*row) for row in await reader.fetch(_LISTED, patient)]

    async def _check(self, reader: Reader, access: Access, now: int) -> int:
        """The record that may be erased from. Raises ``Forbidden``."""
        if access.patient is None or not await self.may_erase(reader, access, now=now):
            raise Forbidden("Only the person, or who decides in their place, can erase, in their own session.")
        if access.fresh <= now:
            raise Forbidden("Give your second factor again first.", "fresh")
        return access.patient

    async def _some(
        self, access: Access, scope: Scope, wanted: Mapping[str, Sequence[str]] | str, *, now: int, request: str
    ) -> Erasure:
        server = self._server

        async def work(writer: Writer) -> Erasure:
            patient = await self._check(writer, access, now)
            erasing = Erasing(server, writer, access, patient, request=request)
            at = await erasing.begin(now=now)
            erasure_id = secrets.token_hex(8)
            erased: list[int] = []
            chosen = await self._from(writer, access, patient, wanted, now) if isinstance(wanted, str) else wanted
            left = _slices(chosen)
            while left:
                resource_type, ids = left.pop(0)
                some = await erasing.erase(resource_type, ids)
                await self._tombstones.keep(writer, patient, erasure_id, some, at=at)
                await forget_names(writer, server.registry, patient, some)
                erased += [each.versions for each in some]
                left += _slices(await erasing.following(resource_type, [each.id for each in some]))
            kept = await drop_source(writer, patient, wanted) if isinstance(wanted, str) else 0
            if not erased and not kept:
                raise NotFound("There is nothing of this to erase.")
            await erasing.finish()
            await void_exports(writer, patient)
            done = Statement(erasure_id, scope, at, len(erased), sum(erased))
            return await self._keep(writer, patient, access.person, done)

        erasure = await server.database.transact(work)
        await server.database.fold()
        return erasure

    async def _from(
        self, reader: Reader, access: Access, patient: int, source: str, now: int
    ) -> Mapping[str, Sequence[str]]:
        """The resources of one source, by type. The Patient stays: it is whose record this is."""
        found: dict[str, list[str]] = defaultdict(list)
        async for each in held(self._server, reader, access, patient, Action.DELETE, now=now):
            if each.source == source and each.type != "Patient":
                found[each.type].append(each.id)
        return found

    async def _keep(self, writer: Writer, patient: int, account: str, done: Statement) -> Erasure:
        proof = self._prover.sign(done)
        row = (patient, done.id, done.scope, account, done.at, done.at, done.resources, done.versions, proof)
        await writer.insert(tables.INSERT_ERASURE, [row])
        return Erasure(done.id, done.scope, done.at, done.resources, done.versions, proof)


def _slices(chosen: Mapping[str, Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    """As many of one type as are erased at a time."""
    return [
        (resource_type, ids[start : start + SLICE])
        for resource_type, ids in chosen.items()
        for start in range(0, len(ids), SLICE)
    ]


async def void_exports(writer: Writer, patient: int) -> None:
    """Copies that may hold what was erased are gone; one that is being made is begun again."""
    await writer.execute(_VOID_PARTS, patient)
    await writer.execute(_VOID, patient)
    await writer.execute(_AGAIN, patient)

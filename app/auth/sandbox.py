"""The sandbox: seeds and tokens from one YAML file, and a reset to the seeded state. How other teams run integration
tests.

Its tokens write the same grant and permit rows as real ones. Its database is marked, and a database without the mark
is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from app.auth.grants import NewGrant, service_access, write_grant
from app.auth.publishing import publish
from app.auth.sandbox_accounts import write_accounts
from app.auth.sandbox_clients import SandboxClient, SandboxOrganization, write_clients, write_organizations
from app.auth.sandbox_file import SandboxAccount, SandboxToken, read_sandbox_file
from app.auth.tables import FILLED
from app.auth.tokens import hash_token
from app.database import Writer
from app.errors import Invalid, Issue
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER, Access, actions_of
from app.server.labels import EVERY_LABEL
from app.server.loading import LoadReport, load, resources_in
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.tables import RECORD_TABLES

TENANT: Final = 1
_TABLES: Final = (*RECORD_TABLES, *FILLED)
_MARK: Final = "SELECT value FROM setting WHERE name = 'sandbox'"
_SET_MARK: Final = "INSERT INTO setting (name, value) VALUES ('sandbox', $1)"
_ANY_RESOURCE: Final = "SELECT patient FROM resource LIMIT 1"
_UPDATE_MARK: Final = "UPDATE setting SET value = $1 WHERE name = 'sandbox'"
_UNSEEDED: Final = "not seeded"
_INSTRUMENTS: Final = "UPDATE setting SET value = (value::bigint + 1)::text WHERE name = 'instruments'"
"""Processes that read the questionnaires' licences before, read them anew."""
_EMPTY: Final = [f'DELETE FROM "{name}"' for name in _TABLES]
_FILL: Final = [f'INSERT INTO "{name}" SELECT * FROM "seed_{name}"' for name in _TABLES]


def _at_once(statements: Sequence[str]) -> str:
    """Statements about different tables as one, which is one round trip."""
    parts = ", ".join(f"s{number} AS ({each})" for number, each in enumerate(statements))
    return f"WITH {parts} SELECT 1"


_RESTORING: Final = {
    "sqlite": [*_EMPTY, *_FILL],
    "postgresql": [_at_once(_EMPTY), _at_once(_FILL)],
}
"""What puts the seeded state back, in order."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox file that was read and checked. ``digest`` tells it, and the files that it names, from others."""

    seed: tuple[Path, ...]
    tokens: Mapping[str, SandboxToken]
    digest: str
    accounts: Mapping[str, SandboxAccount] = field(default_factory=dict, repr=False)
    organizations: Mapping[str, SandboxOrganization] = field(default_factory=dict)
    clients: Mapping[str, SandboxClient] = field(default_factory=dict, repr=False)

    async def prepare(self, server: FhirServer) -> LoadReport:
        """Empty the marked database, load the seeds, write the tokens, and keep that state for ``reset``.

        Raises ``Invalid`` for a database that holds data and is not marked as a sandbox, and for tokens that name
        unknown patients.
        """
        await mark(server)
        async with server.database.write() as writer:
            await writer.execute(_UPDATE_MARK, _UNSEEDED)  # until all of it is there
            await writer.execute(_INSTRUMENTS)
            await writer.execute("DELETE FROM index_state")  # what is stored from here on is indexed as it is stored
            for name in _TABLES:
                await writer.execute(f'DELETE FROM "{name}"')
            for catalogue in (0, -TENANT):
                await writer.execute(
                    "INSERT INTO partition (patient, tenant, seq, updated, state, erased)"
                    " VALUES ($1, $2, 0, 0, 'live', 0)",
                    catalogue,
                    TENANT if catalogue else 0,
                )
        report = LoadReport()
        patient_type = server.registry.number("Patient")
        async with service_access(
            server.database, tenant=TENANT, reason="sandbox", now=server.clock(), patient_type=patient_type
        ) as access:
            await load(server, access, resources_in(self.seed, server, report), patient=None, report=report)
            await self._check_patients(server, access, report)
            grants = [await self._grant(server, access, token, asked) for token, asked in self.tokens.items()]
            owned = await self._owned(server, access)
        await publish(server)
        async with server.database.write() as writer:
            for grant in grants:
                await write_grant(writer, grant)
            await write_accounts(
                writer, self.accounts, owned, secret=server.page_key, tenant=TENANT, now=server.clock()
            )
            now = server.clock()
            await write_organizations(writer, self.organizations, owned, tenant=TENANT, now=now)
            await write_clients(writer, self.clients, definitions=server.definitions, tenant=TENANT, now=now)
            await _keep(writer)
            await writer.execute(_UPDATE_MARK, self.digest)
        await server.database.tidy()
        return report

    async def is_seeded(self, server: FhirServer) -> bool:
        """Whether the database was seeded from these very files before."""
        rows = await server.database.fetch(_MARK)
        return bool(rows) and rows[0][0] == self.digest

    async def _check_patients(self, server: FhirServer, access: Access, report: LoadReport) -> None:
        """Raises ``Invalid`` naming every token and account whose Patients were not seeded, and every seed that was
        refused.
        """
        asking = [(f"tokens.{token}", name) for token, asked in self.tokens.items() for name in _named(asked)]
        asking += [(f"accounts.{email}", asked.patient) for email, asked in self.accounts.items() if asked.patient]
        asking += [(f"organizations.{name}", each) for name, of in self.organizations.items() for each in of.patients]
        issues = [
            Issue("not-found", f"{place}: no seeded Patient has the id '{name}'.")
            for place, name in asking
            if await find_patient(server.database, access, name, server.registry) is None
        ]
        if issues:
            refused = (
                replace(each, diagnostics=f"{refusal.source}: {each.diagnostics}")
                for refusal in report.refusals
                for each in refusal.issues
            )
            raise Invalid("The sandbox file names unknown patients.", "not-found", (*issues, *refused))

    async def _grant(self, server: FhirServer, access: Access, token: str, asked: SandboxToken) -> NewGrant:
        found = [await find_patient(server.database, access, name, server.registry) for name in _named(asked)]
        patients = [key for key in found if key is not None]
        return NewGrant(
            hash=hash_token(token),
            recipient=f"sandbox:{hash_token(token).hex()}",
            scopes=asked.scopes,
            tenant=TENANT,
            purpose=asked.purpose or ("own-use" if asked.patient else "treatment"),
            client="sandbox",
            person=asked.person or (f"Patient/{asked.patient}" if asked.patient else ""),
            organization=asked.organization,
            patients=patients,
            patient=patients[0] if asked.patient else None,
            everyone=asked.patients == "all",
            labels=_all_but_permissions(server) if asked.labels is None else server.labels.bits(asked.labels),
            actions=int(EVERY_ACTION) if asked.actions is None else actions_of(asked.actions),
            expires=FOREVER,
            kind="sandbox",
            services=asked.services,
        )

    async def _owned(self, server: FhirServer, access: Access) -> dict[str, int]:
        """The partitions of the Patients that accounts are for, or that gave an organisation consent."""
        names = {each.patient for each in self.accounts.values() if each.patient}
        names.update(name for each in self.organizations.values() for name in each.patients)
        found = {name: await find_patient(server.database, access, name, server.registry) for name in names}
        return {name: key for name, key in found.items() if key is not None}

    async def reset(self, server: FhirServer) -> None:
        """Put the seeded state back, in one transaction. Writes wait meanwhile; reads see what was there until then."""
        async with server.database.write() as writer:
            if server.database.dialect == "postgresql":
                await writer.execute("LOCK TABLE partition IN SHARE ROW EXCLUSIVE MODE")
            await writer.execute(_INSTRUMENTS)
            for statement in _RESTORING[server.database.dialect]:
                await writer.execute(statement)


def _all_but_permissions(server: FhirServer) -> int:
    """What a token has that names no data categories: permissions and the access log are off for every app, unless the
    person names them.
    """
    return EVERY_LABEL & ~server.labels.bits(["permissions"])


def _named(asked: SandboxToken) -> list[str]:
    """The ids of the Patients that a token names, in the order of the file."""
    listed = asked.patients if isinstance(asked.patients, list) else []
    return [*([asked.patient] if asked.patient else []), *listed]


async def _keep(writer: Writer) -> None:
    for name in _TABLES:
        await writer.execute(f'DROP TABLE IF EXISTS "seed_{name}"')
        await writer.execute(f'CREATE TABLE "seed_{name}" AS SELECT * FROM "{name}"')


async def mark(server: FhirServer) -> None:
    """Mark an empty database as a sandbox. Raises ``Invalid`` for one that holds data and has no mark."""
    if await server.database.fetch(_MARK):
        return
    if await server.database.fetch(_ANY_RESOURCE):
        raise Invalid(
            "This database holds data and is not marked as a sandbox; a sandbox empties its database. Name another.",
            "conflict",
        )
    async with server.database.write() as writer:
        await writer.execute(_SET_MARK, _UNSEEDED)


def read_sandbox(path: Path, labels: Sequence[str]) -> Sandbox:
    """Read and check a sandbox file. ``labels`` are the data categories that it may name. Raises ``Invalid`` with
    every problem.
    """
    read = read_sandbox_file(path, labels)
    seed = tuple((path.parent / each).resolve() for each in read.seed)
    return Sandbox(seed, read.tokens, _digest([path, *seed]), read.accounts, read.organizations, read.clients)


def _digest(paths: Sequence[Path]) -> str:
    digest = sha256()
    for path in paths:
        for file in sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]:
            digest.update(file.read_bytes() if file.is_file() else b"absent")
    return digest.hexdigest()

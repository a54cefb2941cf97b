"""The sandbox: seeds and tokens from one YAML file, and a reset to the seeded state. How other teams run integration tests.

Its tokens write the same grant and permit rows as real ones. Its database is marked, and a database without the mark is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from app.auth.grants import NewGrant, service_access, write_grant
from app.auth.tokens import hash_token
from app.database import Writer
from app.errors import Invalid, Issue
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER, actions_of
from app.server.labels import EVERY_LABEL
from app.server.loading import LoadReport, load, resources_in
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.tables import RECORD_TABLES

TENANT: Final = 1
_MARK: Final = "SELECT value FROM setting WHERE name = 'sandbox'"
_SET_MARK: Final = "INSERT INTO setting (name, value) VALUES ('sandbox', $1)"
_ANY_RESOURCE: Final = "SELECT patient FROM resource LIMIT 1"
_UPDATE_MARK: Final = "UPDATE setting SET value = $1 WHERE name = 'sandbox'"
_UNSEEDED: Final = "not seeded"


class SandboxToken(BaseModel):
    """One token of the file."""

    model_config = ConfigDict(extra="forbid")

    patient: str | None = None
    patients: list[str] | Literal["all"] | None = None
    scopes: str
    purpose: Literal["own-use", "treatment"] | None = None
    organization: str = ""
    person: str = ""
    labels: list[str] | None = None
    actions: str | None = None


class SandboxFile(BaseModel):
    """The file. ``seed``: files and folders relative to it; ``tokens``: by the token's own text."""

    model_config = ConfigDict(extra="forbid")

    seed: list[str] = []
    tokens: dict[str, SandboxToken] = {}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox file that was read and checked. ``digest`` tells it, and the files that it names, from others."""

    seed: tuple[Path, ...]
    tokens: Mapping[str, SandboxToken]
    digest: str

    async def prepare(self, server: FhirServer) -> LoadReport:
        """Empty the marked database, load the seeds, write the tokens, and keep that state for ``reset``.

        Raises ``Invalid`` for a database that holds data and is not marked as a sandbox, and for tokens that name unknown patients.
        """
        await mark(server)
        async with server.database.write() as writer:
            for name in RECORD_TABLES:
                await writer.execute(f'DELETE FROM "{name}"')
            for name in (0, -TENANT):
                await writer.execute(
                    "INSERT INTO partition (patient, tenant, seq, updated, state) VALUES ($1, $2, 0, 0, 'live')", name, TENANT if name else 0
                )
        report = LoadReport()
        patient_type = server.registry.number("Patient")
        async with service_access(
            server.database, tenant=TENANT, reason="sandbox", now=server.clock(), patient_type=patient_type
        ) as access:
            await load(server, access, resources_in(self.seed, server, report), patient=None, report=report)
            grants = [await self._grant(server, access, token, asked) for token, asked in self.tokens.items()]
        async with server.database.write() as writer:
            for grant in grants:
                await write_grant(writer, grant)
            await _keep(writer)
            await writer.execute(_UPDATE_MARK, self.digest)
        return report

    async def is_seeded(self, server: FhirServer) -> bool:
        """Whether the database was seeded from these very files before."""
        rows = await server.database.fetch(_MARK)
        return bool(rows) and rows[0][0] == self.digest

    async def _grant(self, server: FhirServer, access: Any, token: str, asked: SandboxToken) -> NewGrant:
        patients: list[int] = []
        wanted = [] if asked.patients in (None, "all") else list(asked.patients or ())
        for name in [*([asked.patient] if asked.patient else []), *wanted]:
            key = await find_patient(server.database, access, name, server.registry)
            if key is None:
                raise Invalid(f"Sandbox token '{token}': no seeded Patient has the id '{name}'.", "not-found")
            patients.append(key)
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
            labels=EVERY_LABEL if asked.labels is None else server.labels.bits(asked.labels),
            actions=int(EVERY_ACTION) if asked.actions is None else actions_of(asked.actions),
            expires=FOREVER,
        )

    async def reset(self, server: FhirServer) -> None:
        """Put the seeded state back, in one transaction."""
        async with server.database.write() as writer:
            for name in RECORD_TABLES:
                await writer.execute(f'DELETE FROM "{name}"')
                await writer.execute(f'INSERT INTO "{name}" SELECT * FROM "seed_{name}"')


async def _keep(writer: Writer) -> None:
    for name in RECORD_TABLES:
        await writer.execute(f'DROP TABLE IF EXISTS "seed_{name}"')
        await writer.execute(f'CREATE TABLE "seed_{name}" AS SELECT * FROM "{name}"')


async def mark(server: FhirServer) -> None:
    """Mark an empty database as a sandbox. Raises ``Invalid`` for one that holds data and has no mark."""
    if await server.database.fetch(_MARK):
        return
    if await server.database.fetch(_ANY_RESOURCE):
        raise Invalid("This database holds data and is not marked as a sandbox; a sandbox empties its database. Name another.", "conflict")
    async with server.database.write() as writer:
        await writer.execute(_SET_MARK, _UNSEEDED)


def read_sandbox(path: Path, labels: Sequence[str]) -> Sandbox:
    """Read and check a sandbox file. ``labels`` are the data categories that it may name. Raises ``Invalid`` with every problem."""
    try:
        raw = yaml.safe_load(path.read_text()) or {}
        read = SandboxFile.model_validate(raw)
    except OSError as error:
        raise Invalid(f"The sandbox file {path.name} cannot be read: {error.strerror}.", "not-found") from error
    except yaml.YAMLError as error:
        raise Invalid(f"The sandbox file {path.name} is not YAML: {error}", "structure") from error
    except ValidationError as error:
        problems = [Issue("value", f"{'.'.join(map(str, each['loc']))}: {each['msg']}") for each in error.errors()]
        raise Invalid(f"The sandbox file {path.name} has mistakes.", issues=tuple(problems)) from error
    issues = [issue for token, asked in read.tokens.items() for issue in _problems(token, asked, labels)]
    if issues:
        raise Invalid(f"The sandbox file {path.name} has mistakes.", issues=tuple(issues))
    seed = tuple((path.parent / each).resolve() for each in read.seed)
    return Sandbox(seed, read.tokens, _digest([path, *seed]))


def _digest(paths: Sequence[Path]) -> str:
    digest = sha256()
    for path in paths:
        for file in sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]:
            digest.update(file.read_bytes() if file.is_file() else b"absent")
    return digest.hexdigest()


def _problems(token: str, asked: SandboxToken, labels: Sequence[str]) -> list[Issue]:
    found = []
    if (asked.patient is None) == (asked.patients is None):
        found.append(f"tokens.{token}: give either patient or patients.")
    if asked.scopes.startswith("patient/") and asked.patient is None:
        found.append(f"tokens.{token}: patient/ scopes need one patient.")
    if asked.actions is not None and not set(asked.actions) <= set("cruds"):
        found.append(f"tokens.{token}: actions are letters of cruds.")
    found += [f"tokens.{token}: '{each}' is not a data category; known: {', '.join(labels)}." for each in asked.labels or () if each not in labels]
    return [Issue("value", text) for text in found]

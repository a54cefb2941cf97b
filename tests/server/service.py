"""A running service in this process with a small sandbox, and those who call it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from app.audit import Journal
from app.config import Settings
from app.database import Database
from app.fhir.resource import Resource, decode, encode
from app.main import Application, create_app
from app.server.server import FhirServer
from tests import builders
from tests.server import restoring
from tests.server.clients import CLIENTS, ORGANIZATIONS
from tests.server.fresh_log import beginning_log

BASE: Final = "http://zelfregie.test/fhir"
JSON: Final = "application/fhir+json"

SEED: Final = (
    builders.patient("anna"),
    builders.patient("bram", name=[{"family": "van Testen", "given": ["Bram"]}], birthDate="1944-11-03"),
    builders.organization(id="practice"),
    builders.practitioner(id="doctor"),
    builders.medication(id="metformin"),
    builders.questionnaire(id="mood"),
)
TOKENS: Final[Mapping[str, Mapping[str, Any]]] = {
    "anna": {"patient": "anna", "scopes": "patient/*.cruds"},
    "bram": {"patient": "bram", "scopes": "patient/*.cruds"},
    "anna-observations": {"patient": "anna", "scopes": "patient/Observation.rs"},
    "anna-patient-and-goals": {"patient": "anna", "scopes": "patient/Patient.rs patient/Goal.rs"},
    "anna-reader": {"patient": "anna", "scopes": "patient/*.rs"},
    "anna-writer": {"patient": "anna", "scopes": "patient/*.cud"},
    "anna-finder": {"patient": "anna", "scopes": "patient/*.cuds"},
    "anna-planner": {"patient": "anna", "scopes": "patient/CarePlan.cruds patient/Patient.rs patient/Goal.cruds"},
    "anna-measurements": {"patient": "anna", "scopes": "patient/*.cruds", "labels": ["identity", "measurements"]},
    "anna-read-actions": {"patient": "anna", "scopes": "patient/*.cruds", "actions": "rs"},
    "anna-create-actions": {"patient": "anna", "scopes": "patient/*.cruds", "actions": "c"},
    "anna-permissions": {"patient": "anna", "scopes": "patient/*.cruds", "labels": ["identity", "permissions"]},
    "practice": {"patients": ["anna", "bram"], "scopes": "system/*.cruds", "organization": "De Proef"},
    "operator": {"patients": "all", "scopes": "system/*.cruds"},
}
PASSWORD: Final = "drie-groene-fietsen"
TOTP: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""Everybody's, in base 32: the secret of RFC 6238's examples."""
ACCOUNTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "anna@example.org": {"patient": "anna", "password": PASSWORD, "totp": TOTP},
    "bram@example.org": {"patient": "bram", "password": PASSWORD, "totp": TOTP},
    "carla@example.org": {"password": PASSWORD, "totp": TOTP},
    "beheer@example.org": {"administrator": True, "password": PASSWORD, "totp": TOTP},
}
"""Carla has no record of her own."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone with a token, or without one when ``token`` is empty."""

    client: httpx.AsyncClient
    token: str

    async def send(
        self, method: str, address: str, body: Resource | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """One request below the FHIR base or to a whole URL. A body goes out as JSON unless ``headers`` say else."""
        sent = {"authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            sent["content-type"] = JSON
        content = encode(body) if isinstance(body, dict) else body
        return await self.client.request(method, address, content=content, headers={**sent, **(headers or {})})

    async def get(self, address: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self.send("GET", address, headers=headers)

    async def post(
        self, address: str, body: Resource | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return await self.send("POST", address, body, headers)

    async def put(
        self, address: str, body: Resource | bytes, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return await self.send("PUT", address, body, headers)

    async def delete(self, address: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self.send("DELETE", address, headers=headers)

    async def create(self, resource: Resource, headers: Mapping[str, str] | None = None) -> Resource:
        """The resource as the server stored it; fails the test when it did not."""
        answer = await self.post(f"/{resource['resourceType']}", resource, headers)
        assert answer.status_code == 201, answer.text
        return decode(answer.content)

    async def keep(self, resource: Resource, headers: Mapping[str, str] | None = None) -> Resource:
        """The same under the resource's own id."""
        answer = await self.put(f"/{resource['resourceType']}/{resource['id']}", resource, headers)
        assert answer.status_code in (200, 201), answer.text
        return decode(answer.content)

    async def bundle(self, address: str) -> Resource:
        """A Bundle that is asked for; fails the test when there is another answer."""
        answer = await self.get(address)
        assert answer.status_code == 200, answer.text
        found = decode(answer.content)
        assert found["resourceType"] == "Bundle"
        return found

    async def found(self, address: str) -> list[str]:
        """The ids on the first page of a search, in their order."""
        return ids(await self.bundle(address))

    async def pages(self, address: str) -> list[Resource]:
        """Every page of a search or history."""
        pages = [await self.bundle(address)]
        while (following := link(pages[-1], "next")) is not None:
            pages.append(await self.bundle(following))
        return pages


def ids(bundle: Resource) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def link(bundle: Resource, relation: str) -> str | None:
    """The URL of a Bundle's link."""
    return next((str(each["url"]) for each in bundle.get("link", ()) if each["relation"] == relation), None)


def issues(answer: httpx.Response) -> list[Resource]:
    """The issues of an OperationOutcome in JSON; fails the test when the answer is something else."""
    outcome = decode(answer.content)
    assert outcome["resourceType"] == "OperationOutcome", answer.text
    listed: list[Resource] = outcome["issue"]
    assert listed
    return listed


def codes(answer: httpx.Response) -> list[str]:
    """The issue codes of an OperationOutcome."""
    return [issue["code"] for issue in issues(answer)]


@dataclass(frozen=True, slots=True)
class Service:
    """A running service, its parts, and a client that speaks to it."""

    application: Application
    client: httpx.AsyncClient
    watched: list[bool] = field(default_factory=list)
    """Holds something once the catalogue is watched (``restoring``)."""
    added: list[str] = field(default_factory=list)
    """What several tests find beside the seeds, by a name of their own; nothing after a reset."""

    def caller(self, token: str) -> Caller:
        return Caller(self.client, token)

    @property
    def server(self) -> FhirServer:
        assert self.application.parts is not None
        return self.application.parts.server

    @property
    def database(self) -> Database:
        return self.server.database

    @property
    def journal(self) -> Journal:
        assert self.application.parts is not None
        return self.application.parts.journal

    def journal_lines(self) -> list[dict[str, Any]]:
        """The lines of the access journal since the last reset, also those that are in the database already."""
        files = sorted(self.journal.folder.glob("*"))
        return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]

    async def key_of(self, patient_id: str) -> int:
        """The partition of a patient."""
        number = self.server.registry.number("Patient")
        rows = await self.database.fetch("SELECT patient FROM alias WHERE type = $1 AND id = $2", number, patient_id)
        return int(rows[0][0])

    async def reset(self) -> None:
        """Put the seeded state back, and begin an access log."""
        parts = self.application.parts
        assert parts is not None
        async with beginning_log(parts):
            await restoring.empty_log(self.database)
            await self.restore()

    async def restore(self) -> None:
        """Put the seeded state back; the access log stays."""
        self.added.clear()
        if self.watched and await restoring.restored(self.database):
            assert self.application.parts is not None
            self.application.parts.authenticator.forget_all()
            return
        await self.reset_over_http()
        await restoring.watch(self.database)
        self.watched.append(True)

    async def reset_over_http(self) -> None:
        """The same as others ask for it."""
        answer = await self.client.post("http://zelfregie.test/sandbox/reset")
        assert answer.status_code == 204


def write_sandbox(
    folder: Path, *, seed: Sequence[Resource] = (), tokens: Mapping[str, Mapping[str, Any]] | None = None
) -> Path:
    """The sandbox file and its seed. ``seed``, ``tokens``: what there is beside what every test has."""
    (folder / "seed.ndjson").write_bytes(b"\n".join(encode(resource) for resource in (*SEED, *seed)))
    path = folder / "sandbox.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "seed": ["seed.ndjson"],
                "tokens": {name: dict(token) for name, token in {**TOKENS, **(tokens or {})}.items()},
                "accounts": {email: dict(account) for email, account in ACCOUNTS.items()},
                "organizations": {name: dict(each) for name, each in ORGANIZATIONS.items()},
                "clients": {name: dict(each) for name, each in CLIENTS.items()},
            }
        )
    )
    return path


@asynccontextmanager
async def running_service(
    database: str,
    folder: Path,
    *,
    seed: Sequence[Resource] = (),
    tokens: Mapping[str, Mapping[str, Any]] | None = None,
    **settings: Any,
) -> AsyncIterator[Service]:
    """Serve the sandbox from ``database``, with journal and secret in ``folder``. ``seed``, ``tokens``, ``settings``:
    what there is beside what every test has.
    """
    application = create_app(
        Settings(
            database=database,
            base_url="http://zelfregie.test",
            state=folder / "state",
            argon2_memory=8,
            argon2_rounds=1,
            **settings,
        ),
        sandbox_file=write_sandbox(folder, seed=seed, tokens=tokens),
    )
    async with application.running():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield Service(application, client)

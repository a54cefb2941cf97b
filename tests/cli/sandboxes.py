"""A sandbox with three patients and every sort of token, served in the process of the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from app.config import Settings
from app.database import Database
from app.fhir.resource import Resource, encode
from app.main import Application, create_app
from app.server.server import FhirServer
from tests import builders

SEEDS: Final[tuple[Resource, ...]] = (
    builders.patient("anna", identifier=[{"system": "https://proef.example/patient", "value": "1"}]),
    builders.patient("bram"),
    builders.patient("chris"),
    builders.observation("Patient/anna", id="weight"),
    builders.condition("Patient/anna", id="diabetes"),
    builders.goal("Patient/anna", id="walking"),
    builders.care_plan("Patient/anna", id="plan", goal=[builders.reference("Goal/walking")]),
    builders.goal("Patient/bram", id="swimming"),
    builders.medication(id="pill"),
)
TOKENS: Final[dict[str, dict[str, Any]]] = {
    "anna": {"patient": "anna", "scopes": "patient/*.cruds"},
    "anna-treated": {"patient": "anna", "scopes": "patient/*.rs", "purpose": "treatment"},
    "some": {"patient": "anna", "scopes": "patient/*.cruds", "labels": ["identity", "measurements"]},
    "looking": {"patient": "anna", "scopes": "patient/*.cruds", "actions": "rs"},
    "practice": {"patients": ["anna", "bram"], "scopes": "system/*.rs", "organization": "De Proef"},
    "doctor": {"patients": ["anna"], "scopes": "user/*.rs", "person": "Practitioner/dokter", "purpose": "treatment"},
    "nobody": {"patients": [], "scopes": "system/*.rs"},
    "operator": {"patients": "all", "scopes": "system/*.cruds"},
}


@dataclass(frozen=True, slots=True)
class Served:
    """A sandbox that is being served in this process."""

    application: Application
    http: httpx.AsyncClient

    @property
    def server(self) -> FhirServer:
        assert self.application.parts is not None
        return self.application.parts.server

    @property
    def database(self) -> Database:
        return self.server.database

    async def send(self, token: str, method: str, address: str, resource: Resource | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
        content = None if resource is None else encode(resource)
        return await self.http.request(method, f"/fhir{address}", content=content, headers=headers)

    async def found(self, token: str, address: str) -> set[str]:
        """The ids that a search finds."""
        answer = await self.send(token, "GET", address)
        assert answer.status_code == 200, answer.text
        return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}

    async def reset(self) -> None:
        assert (await self.http.post("/sandbox/reset")).status_code == 204


def written(
    folder: Path, seeds: Iterable[Resource] = SEEDS, tokens: Mapping[str, Mapping[str, Any]] | None = None
) -> Path:
    """A sandbox file with its seeds as NDJSON."""
    (folder / "seed.ndjson").write_bytes(b"\n".join(map(encode, seeds)))
    path = folder / "sandbox.yaml"
    path.write_text(yaml.safe_dump({"seed": ["seed.ndjson"], "tokens": TOKENS if tokens is None else tokens}))
    return path


@asynccontextmanager
async def served(file: Path, url: str, *, keep: bool = False) -> AsyncIterator[Served]:
    settings = Settings.model_validate(
        {"database": url, "base_url": "http://zelfregie.test", "state": file.parent / "state"}
    )
    application = create_app(settings, sandbox_file=file, keep=keep)
    async with application.running():
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://zelfregie.test", timeout=60) as http:
            yield Served(application, http)

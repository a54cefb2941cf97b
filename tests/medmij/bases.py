"""Asking at the base of a data service, with the headers that belong to it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.xml import from_xml
from app.medmij.services import load_services
from tests.medmij.checker import VERSIONS
from tests.server.service import Service

SERVER: Final = "http://zelfregie.test"


def headers(form: str = "json", **more: str) -> dict[str, str]:
    """What a request has; those of ``more`` with underscores for dashes."""
    given = {name.replace("_", "-"): value for name, value in more.items()}
    ids = {"medmij-request-id": str(uuid.uuid4()), "x-correlation-id": str(uuid.uuid4())}
    return {**ids, "accept": f"application/fhir+{form}", **given}


def root(service: str) -> str:
    return f"{SERVER}/medmij/{service}/fhir"


def read(answer: httpx.Response, service: str) -> Resource:
    """The body in either form."""
    if "xml" in answer.headers["content-type"]:
        return from_xml(answer.content, load(VERSIONS[load_services()[service].fhir]))
    return decode(answer.content)


@dataclass(frozen=True, slots=True)
class At:
    """A client of the bases."""

    service: Service

    async def get(
        self, base: str, address: str, given: Mapping[str, str] | None = None, *, token: str = "anna-medmij"
    ) -> httpx.Response:
        """A GET at the base of a service."""
        return await self.service.caller(token).get(f"{root(base)}{address}", given or headers())

    async def send(
        self, method: str, base: str, address: str, body: Resource, *, token: str = "anna-medmij"
    ) -> httpx.Response:
        """A resource in JSON."""
        return await self.service.caller(token).send(method, f"{root(base)}{address}", body, headers())

    async def found(self, base: str, address: str) -> list[Resource]:
        """The resources of a searchset; fails the test where there is another answer."""
        answer = await self.get(base, address)
        assert answer.status_code == 200, answer.text
        return [each["resource"] for each in decode(answer.content).get("entry", ())]

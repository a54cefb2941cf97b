"""The border of a base that speaks R4 as ``/fhir`` does, under an address of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.errors import NotFound, ZelfregieError
from app.fhir.resource import Resource, decode, encode, walk_dicts
from app.server.border import Views
from app.server.dispatch import allowed
from app.server.messages import Answer, Headers, Request
from app.server.metadata import Metadata
from app.server.server import FhirServer

_LOCATED: Final = frozenset({b"location", b"content-location"})


@dataclass(slots=True)
class _Crossing:
    """One request, and its answer with the addresses of this base."""

    request: Request
    server: bytes
    base: bytes
    views: Views | None

    async def leave(self, answer: Answer) -> Answer:
        answer.headers = [
            (name, value.replace(self.server, self.base) if name in _LOCATED else value)
            for name, value in answer.headers
        ]
        if answer.body and not answer.media_type:
            answer.body = encode(await self._seen(decode(answer.body), answer))
        return answer

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        return error

    async def _seen(self, body: Resource, answer: Answer) -> Resource:
        kind = body["resourceType"]
        if kind == "Bundle" and answer.interaction != "read":
            entries = [each for each in body.get("entry", ()) if "resource" in each]
            seen = await self._views([each["resource"] for each in entries])
            for entry, resource in zip(entries, seen, strict=True):
                entry["resource"] = resource
            if entries:
                body["entry"] = [each for each in body["entry"] if each.get("resource", body) is not None]
        elif kind != "OperationOutcome":
            found = (await self._views([body]))[0]
            if found is None:
                raise NotFound("There is nothing at this address.", "not-found")
            body = found
        return self._moved(body)

    async def _views(self, resources: list[Resource]) -> list[Resource | None]:
        if self.views is None or not resources:
            return list(resources)
        return list(await self.views.seen(resources, self.request))

    def _moved(self, body: Resource) -> Resource:
        """With our own addresses on this base."""
        server, base = self.server.decode(), self.base.decode()
        for each in walk_dicts(body):
            for name in ("fullUrl", "url", "reference", "location"):
                text: Any = each.get(name)
                if isinstance(text, str) and text.startswith(server[:-1]):
                    each[name] = base + text[len(server) :] if text.startswith(server) else text
        return body


class PlainBorder:
    """``base`` is the public address of the base, with a slash at the end."""

    version: Final = "4.0"

    def __init__(self, server: FhirServer, base: str, *, views: Views | None = None) -> None:
        self.definitions = server.definitions
        self._server = server
        self._base = base.encode()
        self._views = views
        self._metadata = Metadata(server)

    def headers(self, asked: Mapping[bytes, bytes]) -> Headers:
        """Nothing beside what every base says."""
        del asked
        return []

    def check(self, method: str, path: str, asked: Mapping[bytes, bytes]) -> None:
        """Nothing is asked before the token."""

    async def enter(self, request: Request) -> _Crossing:
        """The request as it came: what is sent here names resources without the base."""
        return _Crossing(request, self._server.base.encode(), self._base, self._views)

    def refused(self, error: ZelfregieError) -> ZelfregieError:
        """As the server says it."""
        return error

    async def metadata(self, method: str, query: str, asked: Mapping[bytes, bytes]) -> Answer:
        """The CapabilityStatement of ``/fhir``."""
        return await self._metadata.answer(method, query, asked)

    def allowed(self, path: list[str]) -> str:
        """The methods of an address."""
        return allowed(self._server, path)

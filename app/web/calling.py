"""Pages that do what an app does: the same interactions, with the same access, checks, rules and lines in the access
log, without the way over the network. https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.errors import Forbidden, Gone, NotFound, Unauthenticated, Unprocessable
from app.fhir.resource import Resource, decode, encode
from app.server.access import Access
from app.server.dispatch import find
from app.server.interactions.carrying_out import carried_out
from app.server.messages import Answer, Request
from app.server.store.read import GrantChanged
from app.web.site import Site
from app.web.visitor import Visitor

_JSON: Final = b"application/fhir+json"
_REFUSED: Final = {Forbidden: 403, NotFound: 404, Gone: 410, Unprocessable: 422}
"""Refusals that say something of the record, which the access log keeps as the FHIR base does."""


@dataclass(frozen=True, slots=True)
class Called:
    """What was answered: the resource (empty without a body), its version as ETag has it (0 without)."""

    status: int
    resource: Resource
    version: int
    headers: Mapping[bytes, bytes]


class Calls:
    """The interactions for one visitor in the record that they chose."""

    def __init__(self, site: Site, visitor: Visitor) -> None:
        self._site = site
        self._visitor = visitor

    async def get(self, path: str, query: str = "", **headers: str) -> Called:
        """Read, vread, search or an operation that changes nothing."""
        return await self._call("GET", path, query, None, headers)

    async def post(self, path: str, body: Resource, **headers: str) -> Called:
        """Create, an operation, or (at ``""``) a batch or transaction."""
        return await self._call("POST", path, "", body, headers)

    async def put(self, path: str, body: Resource, **headers: str) -> Called:
        """Update."""
        return await self._call("PUT", path, "", body, headers)

    async def given(self, path: str, query: str = "", **headers: str) -> Answer:
        """What an operation gives that may be no resource, such as pages."""
        return await self._answer("GET", path, query, None, headers)

    async def _call(
        self, method: str, path: str, query: str, body: Resource | None, headers: Mapping[str, str]
    ) -> Called:
        answer = await self._answer(method, path, query, body, headers)
        tag = dict(answer.headers).get(b"etag", b"").removeprefix(b"W/").strip(b'"')
        resource = decode(answer.body) if answer.body else {}
        return Called(answer.status, resource, int(tag) if tag.isdigit() else 0, dict(answer.headers))

    async def _answer(
        self, method: str, path: str, query: str, body: Resource | None, headers: Mapping[str, str]
    ) -> Answer:
        """Headers have ``_`` for ``-``. Raises what the interaction raises, after it is in the access log."""
        sent = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
        if body is not None:
            sent[b"content-type"] = _JSON
            sent.setdefault(b"prefer", b"return=representation")
        request = Request(
            method,
            [part for part in path.split("/") if part],
            query,
            sent,
            b"" if body is None else encode(body),
            self._visitor.record,
            self._visitor.now,
            secrets.token_hex(8),
        )
        try:
            answer = await self._carried_out(request)
        except (Forbidden, NotFound, Gone, Unprocessable) as error:
            refusal = Answer(_REFUSED[type(error)], interaction="read" if isinstance(error, Gone) else "refusal")
            await self._record(refusal, request)
            raise
        await self._record(answer, request)
        return answer

    async def _carried_out(self, request: Request) -> Answer:
        """What we knew of the grant may be out of date: look again, once."""
        try:
            return await carried_out(self._site.server, request, find)
        except GrantChanged:
            request.access = await self._access()
            return await carried_out(self._site.server, request, find)

    async def _access(self) -> Access:
        found = await self._site.sessions.access(self._visitor.person, now=self._visitor.now)
        if found is None or found.patient is None:
            raise Unauthenticated("What was allowed in this record has ended.")
        self._visitor.access = found
        return found

    async def _record(self, answer: Answer, request: Request) -> None:
        await self._site.recording.answered(
            answer, agent=request.access.agent, now=request.now, request=request.id, address=self._visitor.address
        )

"""``/fhir`` as one raw ASGI app: split the path, look up who is asking, carry out, write the audit line, answer.

https://hl7.org/fhir/R4/http.html https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote

import structlog
from msgspec import Raw

from app.audit import NOBODY, Event, Journal
from app.errors import Gone, Invalid, MethodNotAllowed, TooLarge, Unauthenticated, Unavailable, ZelfregieError
from app.server.access import Access
from app.server.capability import capability_statement
from app.server.dispatch import dispatch
from app.server.faults import trace_of
from app.server.formats import CONTENT_TYPE, Format, answer_format, render
from app.server.messages import Answer, Headers, Request
from app.server.metrics import RequestMetrics
from app.server.outcomes import fault_bytes, outcome_bytes, status_of
from app.server.server import Authenticate, FhirServer, Forget
from app.server.store.read import GrantChanged

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY: Final = 32 * 1024 * 1024
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._\-]{1,64}")
_log: Final = structlog.get_logger(__name__)


class FhirApp:
    """The ASGI app of one FHIR base, mounted at ``root`` (``/fhir``)."""

    def __init__(
        self,
        server: FhirServer,
        *,
        root: str,
        authenticate: Authenticate,
        forget: Forget,
        journal: Journal,
        metrics: RequestMetrics,
    ) -> None:
        self._server = server
        self._root = len(root)
        self._authenticate = authenticate
        self._forget = forget
        self._journal = journal
        self._metrics = metrics
        self._unready = server.registry.unready
        self._capabilities = capability_statement(server)
        self._prefix = server.random(8).hex()
        self._counter = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        began = time.perf_counter()
        server = self._server
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = self._request_id(headers)
        now = server.clock()
        method: str = scope["method"]
        form: Format = "json"
        pretty = False
        access: Access | None = None
        try:
            query = scope["query_string"].decode("latin-1")
            form, pretty = _asked_format(headers, query)
            if scope["path"][self._root :] == "/metadata":
                answer = self._capability_statement(method)
            else:
                # Who is asking comes first: nobody has us read 32 MB without a token.
                access = await self._authenticate(headers.get(b"authorization", b"").decode("latin-1"), now)
                body = b"" if method in ("GET", "HEAD") else await _read_body(headers, receive)
                request = Request(
                    "GET" if method == "HEAD" else method,
                    self._path(scope),
                    query,
                    headers,
                    body,
                    access,
                    now,
                    request_id,
                )
                answer = await self._carry_out(request)
                access = request.access
            if answer.body and (form == "xml" or pretty):
                answer.body = render(answer.body, form, server.definitions, pretty=pretty)
        except ZelfregieError as error:
            answer = self._refusal(error, form, pretty=pretty)
        except Exception as error:  # noqa: BLE001 - the last handler: the caller gets an answer and we get the trace
            _log.error("fhir.fault", request=request_id, method=method, trace=trace_of(error))
            answer = Answer(500, fault_bytes(request_id), interaction="refusal")
            form = "json"
        answer = await self._record(answer, access, request_id, now)
        await self._send(send, answer, form, request_id, head=method == "HEAD")
        self._metrics.count(answer.interaction, answer.status, time.perf_counter() - began)

    def _capability_statement(self, method: str) -> Answer:
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed("The CapabilityStatement can only be read.", headers=(("allow", "GET, HEAD"),))
        if self._unready is not self._server.registry.unready:  # a reindex has finished since
            self._unready = self._server.registry.unready
            self._capabilities = capability_statement(self._server)
        return Answer(200, self._capabilities, interaction="capabilities")

    async def _carry_out(self, request: Request) -> Answer:
        try:
            return await dispatch(self._server, request)
        except GrantChanged:
            # What we knew of the grant is out of date: look again, once; it may have been widened, narrowed or
            # withdrawn.
            self._forget(request.access.hash)
            request.access = await self._authenticate(request.header(b"authorization"), request.now)
            return await dispatch(self._server, request)

    def _path(self, scope: Scope) -> list[str]:
        path: str = scope["path"][self._root :]  # ASGI has decoded it
        return [part for part in path.split("/") if part]

    def _request_id(self, headers: dict[bytes, bytes]) -> str:
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode("ascii")
        self._counter += 1
        return f"{self._prefix}-{self._counter:x}"

    def _refusal(self, error: ZelfregieError, form: Format, *, pretty: bool) -> Answer:
        headers: Headers = [(name.encode(), value.encode("latin-1")) for name, value in error.headers]
        if isinstance(error, Unauthenticated):
            headers.append((b"www-authenticate", b'Bearer realm="Zelfregie"'))
        if isinstance(error, Unavailable):
            headers.append((b"retry-after", b"1"))
        body = render(outcome_bytes(error), form, self._server.definitions, pretty=pretty)
        interaction = "read" if isinstance(error, Gone) else "refusal"
        return Answer(status_of(error), body, headers, interaction=interaction)

    async def _record(self, answer: Answer, access: Access | None, request_id: str, now: int) -> Answer:
        """The audit line, after those of the parts; an answer that cannot be recorded is not given."""
        agent = NOBODY if access is None else access.agent
        try:
            for part in answer.parts:
                self._journal.write(_event(part, agent, request_id, now))
            self._journal.write(_event(answer, agent, request_id, now))
            if answer.wrote:
                await self._journal.durable()
        except Unavailable:
            return self._refusal(
                Unavailable("The access log cannot be written, so no answer can be given."), "json", pretty=False
            )
        return answer

    async def _send(self, send: Send, answer: Answer, form: Format, request_id: str, *, head: bool) -> None:
        headers = answer.headers
        if answer.body:
            headers.append((b"content-type", CONTENT_TYPE[form]))
        headers.append((b"content-length", b"%d" % len(answer.body)))
        headers.append((b"x-request-id", request_id.encode()))
        headers.append((b"cache-control", b"no-store"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else answer.body})


def _event(answer: Answer, agent: Raw, request_id: str, now: int) -> Event:
    return Event(
        at=now,
        request=request_id,
        interaction=answer.interaction,
        status=answer.status,
        agent=agent,
        patients=answer.patients,
        resources=answer.resources,
        type=answer.type,
        parameters=answer.parameters,
        rows=answer.rows,
    )


def _asked_format(headers: dict[bytes, bytes], query: str) -> tuple[Format, bool]:
    asked, pretty = "", False
    if "_format=" in query or "_pretty=" in query:
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if name == "_format":
                asked = unquote(value)
            elif name == "_pretty":
                pretty = value == "true"
    return answer_format(headers.get(b"accept", b"").decode("latin-1"), asked), pretty


async def _read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """The whole body. Raises ``TooLarge`` or ``Invalid``."""
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > LARGEST_BODY:
        raise TooLarge(f"A request may be at most {LARGEST_BODY // 1024 // 1024} MB.", "too-long")
    parts = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Invalid("The client went away before the whole body had come in.", "incomplete")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            raise TooLarge(f"A request may be at most {LARGEST_BODY // 1024 // 1024} MB.", "too-long")
        parts.append(part)
        if not message.get("more_body", False):
            break
    return b"".join(parts)

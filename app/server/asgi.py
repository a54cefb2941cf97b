"""``/fhir`` as one raw ASGI app: split the path, look up who is asking, carry out, write the audit line, answer.

https://hl7.org/fhir/R4/http.html https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from typing import Any, Final

import structlog
from msgspec import Raw

from app.audit import NOBODY, Event, Journal
from app.errors import Gone, Invalid, NotAcceptable, TooLarge, Unauthenticated, Unavailable, ZelfregieError
from app.faults import trace_of
from app.server.access import Access
from app.server.border import Border, Passage
from app.server.challenges import NAME, challenge
from app.server.compression import SMALLEST, compress, decompress, takes_gzip
from app.server.cors import ANY, Origins, preflight
from app.server.dispatch import allowed, find
from app.server.formats import CONTENT_TYPE, R4, Format, asked_format, best_asked
from app.server.interactions.carrying_out import carried_out
from app.server.messages import Answer, Headers, Request
from app.server.metadata import Metadata
from app.server.metrics import RequestMetrics
from app.server.outcomes import fault_bytes, language_headers, outcome_bytes, status_of
from app.server.presentation import PLAIN, Presentation, asked_presentation, check_counted, render
from app.server.server import Authenticate, FhirServer, Forget
from app.server.store.read import GrantChanged
from app.server.telling import asking

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY: Final = 32 * 1024 * 1024
_METADATA: Final = "/metadata"
_SEARCH: Final = "/_search"
_ALWAYS: Final[Headers] = [
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept, Accept-Encoding"),
    (b"x-content-type-options", b"nosniff"),
]
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._\-]{1,64}")
_log: Final = structlog.get_logger(__name__)


class FhirApp:
    """The ASGI app of one FHIR base, mounted at ``root`` (``/fhir``). ``origins``: whose web pages may use it;
    ``border``: what stands before the server there, where it is not spoken to as itself.
    """

    def __init__(
        self,
        server: FhirServer,
        *,
        root: str,
        authenticate: Authenticate,
        forget: Forget,
        journal: Journal,
        metrics: RequestMetrics,
        origins: str = ANY,
        border: Border | None = None,
    ) -> None:
        self._server = server
        self._root = len(root)
        self._authenticate = authenticate
        self._forget = forget
        self._journal = journal
        self._metrics = metrics
        self._border = border
        self._version = R4 if border is None else border.version
        self._definitions = server.definitions if border is None else border.definitions
        self._metadata = Metadata(server).answer if border is None else border.metadata
        self._allowed = partial(allowed, server) if border is None else border.allowed
        self._origins = Origins(origins)
        self._prefix = server.random(8).hex()
        self._counter = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        with asking(scope["headers"]):
            await self._carry_out(scope, receive, send)

    async def _carry_out(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        server = self._server
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = self._request_id(headers)
        now = server.clock()
        method: str = scope["method"]
        path: str = scope["path"][self._root :]  # ASGI has decoded it
        form: Format = "json"
        asked = PLAIN
        access: Access | None = None
        passage: Passage | None = None
        border = self._border
        try:
            query = scope["query_string"].decode("latin-1")
            form = self._format_of(headers, query, path)
            if method == "OPTIONS" or path == _METADATA:
                asked = asked_presentation(query, counts=False)
                answer = await self._without_token(method, path, query, headers)
            else:
                searches = method in ("GET", "HEAD")
                if query:
                    asked = asked_presentation(query, counts=searches or path.endswith(_SEARCH))
                # Who is asking comes first: nobody has us read 32 MB without a token.
                if len(headers) != len(scope["headers"]):
                    _check_single(scope["headers"])
                if border is not None:
                    border.check(method, path, headers)
                access = await self._authenticate(headers.get(b"authorization", b"").decode("latin-1"), now)
                body = b"" if searches else await _read_body(headers, receive)
                if body and path.endswith(_SEARCH):
                    form, asked = self._asked_in_form(headers, f"{query}&{body.decode('latin-1')}")
                request = Request(
                    "GET" if method == "HEAD" else method,
                    _split(path),
                    query,
                    headers,
                    body,
                    access,
                    now,
                    request_id,
                )
                passage = None if border is None else await self._enter(border, request)
                answer = await self._answer(passage, request)
                access = request.access
                if asked.summary == "count":
                    check_counted(answer)
            if answer.body and not answer.media_type and (form == "xml" or asked is not PLAIN):
                answer.body = render(answer, form, asked, self._definitions)
        except ZelfregieError as error:
            answer = self._refusal(error, form, asked, passage, sent=b"authorization" in headers)
        except Exception as error:  # noqa: BLE001 - the last handler: the caller gets an answer and we get the trace
            _log.error("fhir.fault", request=request_id, method=method, trace=trace_of(error))
            answer = Answer(500, fault_bytes(request_id), interaction="refusal")
            form = "json"
        answer = await self._record(answer, access, request_id, now)
        await self._send(send, answer, form, request_id, headers, head=method == "HEAD")
        self._metrics.count(answer.interaction, answer.status, time.perf_counter() - began)

    def _format_of(self, headers: dict[bytes, bytes], query: str, path: str) -> Format:
        try:
            return asked_format(headers, query, self._version)
        except NotAcceptable:
            # The content of a Binary may be of any type; the interaction says whether it is.
            if "/Binary/" in path or best_asked(headers, query) in self._server.operations.media_types(path):
                return "json"
            raise

    async def _without_token(self, method: str, path: str, query: str, headers: dict[bytes, bytes]) -> Answer:
        """What the server can do, for everybody: asked of ``/metadata``, by OPTIONS of the base, or before a request
        of a web page from elsewhere.
        """
        parts = _split(path)
        if path == _METADATA and method != "OPTIONS":
            return await self._metadata(method, query, headers)
        allow = "GET, HEAD, OPTIONS" if path == _METADATA else self._allowed(parts)
        asked = preflight(headers, allow)
        if asked or parts:
            return Answer(204, headers=[(b"allow", allow.encode()), *asked], interaction="options")
        answer = await self._metadata("GET", query, headers)
        answer.headers.append((b"allow", allow.encode()))
        return answer

    async def _enter(self, border: Border, request: Request) -> Passage:
        """Past the border, which may look something up and find that the grant has changed."""
        try:
            return await border.enter(request)
        except GrantChanged:
            await self._look_again(request)
            return await border.enter(request)

    async def _answer(self, passage: Passage | None, request: Request) -> Answer:
        """``request`` as it is carried out, behind the border where there is one. Where the grant has changed it is
        carried out once more, and goes in once more: what the border asks of a token, and what it knows when the answer
        leaves, is to be of the grant as it is now.
        """
        within = request if passage is None else passage.request
        try:
            answer = await carried_out(self._server, within, find)
        except GrantChanged:
            await self._look_again(request)
            passage = None if self._border is None else await self._border.enter(request)
            within = request if passage is None else passage.request
            answer = await carried_out(self._server, within, find)
        request.access = within.access
        return answer if passage is None else await passage.leave(answer)

    async def _look_again(self, request: Request) -> None:
        """What we knew of the grant is out of date: look again, once; it may have been widened, narrowed or
        withdrawn.
        """
        self._forget(request.access.hash)
        request.access = await self._authenticate(request.header(b"authorization"), request.now)

    def _request_id(self, headers: dict[bytes, bytes]) -> str:
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode("ascii")
        self._counter += 1
        return f"{self._prefix}-{self._counter:x}"

    def _refusal(
        self,
        error: ZelfregieError,
        form: Format,
        asked: Presentation,
        passage: Passage | None = None,
        *,
        sent: bool = False,
    ) -> Answer:
        before = passage or self._border
        if before is not None:
            error = before.refused(error)
        headers: Headers = [(name.encode(), value.encode("latin-1")) for name, value in error.headers]
        if isinstance(error, Unauthenticated):
            headers.append((NAME.encode(), challenge(sent=sent).encode()))
        if isinstance(error, Unavailable):
            headers.append((b"retry-after", b"1"))
        interaction = "read" if isinstance(error, Gone) else "refusal"
        answer = Answer(status_of(error), outcome_bytes(error), headers, interaction=interaction)
        answer.body = render(answer, form, asked, self._definitions)
        return answer

    def _asked_in_form(self, headers: dict[bytes, bytes], parameters: str) -> tuple[Format, Presentation]:
        """What the form of a ``POST _search`` asks, after what the address does."""
        return asked_format(headers, parameters, self._version), asked_presentation(parameters, counts=True)

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
                Unavailable("The access log cannot be written, so no answer can be given."), "json", PLAIN
            )
        return answer

    async def _send(
        self,
        send: Send,
        answer: Answer,
        form: Format,
        request_id: str,
        asked: dict[bytes, bytes],
        *,
        head: bool,
    ) -> None:
        headers, body = answer.headers, answer.body
        headers += [each for each in language_headers(body) if each not in headers]
        if body:
            headers.append((b"content-type", answer.media_type or CONTENT_TYPE[form]))
            takes = asked.get(b"accept-encoding", b"") if len(body) > SMALLEST and not answer.media_type else b""
            if takes and takes_gzip(takes):
                body = await compress(body)
                headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"x-request-id", request_id.encode()))
        headers += _ALWAYS
        if self._border is not None:
            headers += self._border.headers(asked)
        if b"origin" in asked:
            headers += self._origins.headers(asked[b"origin"])
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})


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


def _check_single(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises ``Invalid`` where a request says twice who makes it: who reads the other one lets in somebody else."""
    if sum(name == b"authorization" for name, _ in headers) > 1:
        raise Invalid("Send one Authorization header.", "login")


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


async def _read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """The whole body, unpacked. Raises ``TooLarge``, ``Invalid`` or ``UnsupportedMediaType``."""
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
    body = b"".join(parts)
    if body and b"content-encoding" in headers:
        return await decompress(body, headers[b"content-encoding"], limit=LARGEST_BODY)
    return body

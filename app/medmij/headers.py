"""The headers of a MedMij request: which request this is, and which session it belongs to.

``MedMij-Request-ID`` is a UUID, new for each request; ``X-Correlation-ID`` one for all requests of an authorization.
Both are echoed and stand in the log of the service. https://afsprakenstelsel.medmij.nl (resource interface)
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import structlog

from app.errors import Invalid, Issue
from app.server.messages import Headers

REQUEST: Final = b"medmij-request-id"
CORRELATION: Final = b"x-correlation-id"
NAMES: Final = {REQUEST: "MedMij-Request-ID", CORRELATION: "X-Correlation-ID"}
BEARER: Final = 'Bearer realm="Zelfregie"'
CHALLENGE: Final = ("www-authenticate", f'{BEARER}, error="invalid_request"')
_OURS: Final = b"x-request-id"
_LENGTH: Final = 36
_log: Final = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def is_uuid(value: bytes) -> bool:
    """Whether a header is a UUID as it is usually written. https://www.rfc-editor.org/rfc/rfc9562#section-4"""
    if len(value) != _LENGTH:
        return False
    try:
        return str(uuid.UUID(value.decode("ascii"))) == value.decode("ascii").lower()
    except ValueError:
        return False


def check_headers(asked: Mapping[bytes, bytes]) -> None:
    """Raises ``Invalid`` with every header that is missing or is no UUID. Who may leave ``X-Correlation-ID`` out was
    given one before (``Correlating``).
    """
    issues = []
    for name, written in NAMES.items():
        if name not in asked:
            issues.append(Issue("required", f"The header {written} is missing: a UUID.", (f"http.{written}",)))
        elif not is_uuid(asked[name]):
            issues.append(Issue("value", f"The header {written} is a UUID.", (f"http.{written}",)))
    if issues:
        raise Invalid("The headers of MedMij are not right.", issues=tuple(issues), headers=(CHALLENGE,))


def echoed(asked: Mapping[bytes, bytes]) -> Headers:
    """Those that are right, for the answer."""
    return [(name, asked[name]) for name in NAMES if name in asked and is_uuid(asked[name])]


class Correlating:
    """The ASGI app of a base with an ``X-Correlation-ID`` in each request, made where it is absent unless ``strict``;
    and a line in the log for each answer.
    """

    def __init__(self, app: App, service: str, *, strict: bool) -> None:
        self._app = app
        self._service = service
        self._strict = strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        asked = dict(scope["headers"])
        if CORRELATION not in asked and not self._strict:
            asked[CORRELATION] = str(uuid.uuid4()).encode()
            scope = {**scope, "headers": [*scope["headers"], (CORRELATION, asked[CORRELATION])]}

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self._tell(asked, message)
            await send(message)

        await self._app(scope, receive, sending)

    def _tell(self, asked: Mapping[bytes, bytes], message: Mapping[str, Any]) -> None:
        ids = {NAMES[name].lower().replace("-", "_"): value.decode() for name, value in echoed(asked)}
        ours = dict(message["headers"]).get(_OURS, b"").decode()
        _log.info("medmij.answered", service=self._service, status=message["status"], request=ours, **ids)

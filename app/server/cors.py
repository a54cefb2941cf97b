"""Requests of web pages from other origins. https://fetch.spec.whatwg.org/#http-cors-protocol

A page of any origin may ask by default: there are no cookies, so a browser adds nothing that the page does not have
itself; who has no token gets nothing that a plain request from anywhere would not get.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.server.messages import Headers

ANY: Final = "*"
_EXPOSED: Final = (
    b"Allow, Content-Location, ETag, Last-Modified, Location, Preference-Applied, Retry-After, WWW-Authenticate,"
    b" MedMij-Request-ID, X-Correlation-ID, X-Request-Id"
)
_TAKEN: Final = (
    b"Accept, Authorization, Content-Encoding, Content-Type, If-Match, If-Modified-Since, If-None-Exist,"
    b" If-None-Match, MedMij-Request-ID, Prefer, X-Correlation-ID, X-Request-Id, X-Security-Context"
)
_SECONDS: Final = b"7200"
"""How long a browser keeps the answer to a preflight; none keeps it longer."""


class Origins:
    """The origins whose pages may use the API: ``*``, or a list between commas."""

    def __init__(self, allowed: str) -> None:
        listed = frozenset(each.strip().rstrip("/").encode() for each in allowed.split(",") if each.strip())
        self._every = ANY.encode() in listed
        self._listed = listed

    def headers(self, origin: bytes) -> Headers:
        """What an answer to a page of ``origin`` carries."""
        if self._every:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED)]
        if origin not in self._listed:
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]


def preflight(headers: Mapping[bytes, bytes], methods: str) -> Headers:
    """What a browser hears that asks before it sends; nothing for other askers."""
    if b"origin" not in headers or b"access-control-request-method" not in headers:
        return []
    return [
        (b"access-control-allow-methods", methods.encode()),
        (b"access-control-allow-headers", _TAKEN),
        (b"access-control-max-age", _SECONDS),
    ]

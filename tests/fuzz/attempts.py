"""One request as bytes and headers on the wire would have it, sent to the ASGI app itself, so that nothing tidies it up
on its way. https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from app.main import Application

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """``path`` is the whole path and ``query`` what stands behind the ``?``, both as they are written in an address."""

    method: str
    path: str
    query: bytes = b""
    headers: Headers = ()
    body: bytes = b""
    cut: bool = False
    """The client goes away before the body has ended."""

    def with_token(self, token: str) -> Attempt:
        """The same by another caller."""
        headers = tuple(each for each in self.headers if each[0] != b"authorization")
        return replace(self, headers=(*headers, (b"authorization", f"Bearer {token}".encode()))) if token else self

    def replaced(self, names: Mapping[str, str]) -> Attempt:
        """The same with other names of the same length."""

        def other(data: bytes) -> bytes:
            for name, instead in names.items():
                data = data.replace(name.encode(), instead.encode())
            return data

        return replace(
            self,
            path=other(self.path.encode()).decode(),
            query=other(self.query),
            headers=tuple((name, other(value)) for name, value in self.headers),
            body=other(self.body),
        )

    def told(self) -> str:
        """For a failure's message: enough to do it again."""
        return f"{self.method} {self.path}?{self.query!r} {self.headers} {self.body[:2000]!r}"


@dataclass(slots=True)
class Reply:
    """What came back. ``body`` is as it was before gzip."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        return next((value for known, value in self.headers if known == name), b"")

    @property
    def media_type(self) -> str:
        return self.header(b"content-type").decode().partition(";")[0]

    def shown(self) -> bytes:
        """All that can be read in it."""
        return self.body + b"\n" + b"\n".join(name + b": " + value for name, value in self.headers)


async def send(application: Application, attempt: Attempt) -> Reply:
    """The reply of the application; what it raises comes through."""
    sent = [
        {"type": "http.request", "body": attempt.body[:100], "more_body": True},
        {"type": "http.disconnect"}
        if attempt.cut
        else {"type": "http.request", "body": attempt.body[100:], "more_body": False},
    ]
    reply = Reply()

    async def receive() -> MutableMapping[str, Any]:
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def collect(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = list(message["headers"])
        else:
            reply.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": attempt.method,
        "scheme": "http",
        "path": unquote(attempt.path),
        "raw_path": attempt.path.encode(),
        "query_string": attempt.query,
        "root_path": "",
        "headers": [(b"host", b"zelfregie.test"), *attempt.headers],
        "client": ("127.0.0.1", 1),
        "server": ("zelfregie.test", 80),
        "state": {},
    }
    await application(scope, receive, collect)
    announced = reply.header(b"content-length")
    assert attempt.method == "HEAD" or not announced or int(announced) == len(reply.body), "content-length is wrong"
    if reply.header(b"content-encoding") == b"gzip" and reply.body:
        reply.body = zlib.decompress(reply.body, 31)
    return reply

"""The headers of every answer that is not FHIR's own: nothing runs, nothing is framed, nothing is guessed.

https://www.w3.org/TR/CSP3/ https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PROTECTION: Final = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none';"
            b" frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def protecting(send: Send) -> Send:
    """``send`` with these headers on what it sends, unless it says otherwise itself."""

    async def protected(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name for name, _ in given}  # a page with a form says itself what it may lead to
            message["headers"] = given + [each for each in PROTECTION if each[0] not in names]
        await send(message)

    return protected

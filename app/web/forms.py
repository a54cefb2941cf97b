"""What people send in forms: small, of this visit, each field once unless it may be repeated.

Every form carries a token of the session, or of the visit while nobody is logged in; a form of another site is refused.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from app.errors import Forbidden, Invalid, TooLarge, UnsupportedMediaType

LARGEST: Final = 64 * 1024
_MOST_FIELDS: Final = 300
_TYPE: Final = "application/x-www-form-urlencoded"
CSRF: Final = "csrf"


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, in their order."""

    fields: Sequence[tuple[str, str]] = field(repr=False)

    def get(self, name: str) -> str:
        """The field's text without spaces around it, "" when it is not there. Raises ``Invalid`` when it is there
        twice.
        """
        return self.exactly(name).strip()

    def exactly(self, name: str) -> str:
        """The field's text as it was typed: a password."""
        values = self.all(name)
        if len(values) > 1:
            raise Invalid(f"'{name}' is there more than once.", "value")
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be repeated, such as boxes that are ticked."""
        return [value for given, value in self.fields if given == name]

    def has(self, name: str) -> bool:
        """Whether the field is there, such as the button that was pressed."""
        return any(given == name for given, _ in self.fields)


async def read_form(request: Request, *, largest: int = LARGEST, most_fields: int = _MOST_FIELDS) -> Form:
    """The form that was posted, of at most ``largest`` bytes. Raises ``UnsupportedMediaType``, ``TooLarge`` or
    ``Invalid``.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise UnsupportedMediaType(f"A form is sent as {_TYPE}.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest:
            raise TooLarge("This form is too large.", "too-long")
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=False,
            errors="strict",
            max_num_fields=most_fields,
        )
    except ValueError as error:
        raise Invalid("This form cannot be read.", "structure") from error
    if any("\x00" in name or "\x00" in value for name, value in fields):
        raise Invalid("This form cannot be read.", "structure")
    return Form(fields)


def path_of(request: Request) -> str:
    """The path that is asked for. ``request.url`` reads the query along as UTF-8, which a stranger's need not be."""
    return str(request.scope["path"])


def query_of(request: Request) -> str:
    """The query as it was sent, byte by byte."""
    return bytes(request.scope["query_string"]).decode("latin-1")


def check_origin(request: Request, origin: str) -> None:
    """Raises ``Forbidden`` for a form that another site made. ``origin`` is ours; a browser that says nothing of it is
    left to the form's token.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("This form comes from another site.")
    given = request.headers.get("origin")
    if given is not None and given not in (origin, "null") and site is None:
        raise Forbidden("This form comes from another site.")


def check_token(form: Form, expected: str) -> None:
    """Raises ``Forbidden`` for a form without the token of this visit."""
    if not expected or not hmac.compare_digest(form.get(CSRF).encode("utf-8", "replace"), expected.encode()):
        raise Forbidden("This form does not belong to this visit.", "csrf")

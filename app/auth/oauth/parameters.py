"""The parameters of a request, as RFC 6749 has them: each once, an empty one as one that is not there.

https://www.rfc-editor.org/rfc/rfc6749#section-3.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from app.auth.oauth.refusals import invalid_request

FORM: Final = "application/x-www-form-urlencoded"
LARGEST: Final = 64 * 1024
"""Bytes of a form or a query."""
_MOST: Final = 60
Parameters = Mapping[str, str]


class Repeated(Exception):
    """A parameter stands twice; ``found`` has those that do not, with which it may be told where it should be."""

    def __init__(self, found: Parameters) -> None:
        super().__init__()
        self.found = found


def read_parameters(text: bytes) -> Parameters:
    """What a form or query says. Raises ``Repeated``, or ``OAuthError`` for what cannot be read."""
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except ValueError as error:
        raise invalid_request("The parameters cannot be read.") from error
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise invalid_request("The parameters cannot be read.")
    names = [name for name, _ in pairs]
    once = {name: value for name, value in pairs if value and names.count(name) == 1}
    if len(set(names)) != len(names):
        raise Repeated(once)
    return once


def form_parameters(content_type: str, query: str, body: bytes) -> Parameters:
    """Those of a request whose parameters are in its body and nowhere else. Raises ``OAuthError``."""
    if query:
        raise invalid_request("Parameters go in the body, never in the address.")
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise invalid_request(f"The body is {FORM}.")
    try:
        return read_parameters(body)
    except Repeated as error:
        raise invalid_request("A parameter stands twice.") from error


def needed(parameters: Parameters, name: str) -> str:
    """The parameter. Raises ``OAuthError`` when it is not there."""
    value = parameters.get(name, "")
    if not value:
        raise invalid_request(f"{name} is missing.")
    return value

"""``WWW-Authenticate``: what a token lacks, for clients that can ask for another one.
https://www.rfc-editor.org/rfc/rfc6750#section-3

It says what was asked for, never what is there.
"""

from __future__ import annotations

from typing import Final

from app.errors import Forbidden, Issue
from app.fhir.scopes import Scopes
from app.fhir.scopes.actions import write_actions

NAME: Final = "www-authenticate"
_BEARER: Final = 'Bearer realm="Zelfregie"'
_LEVELS: Final = ("patient", "user", "system")


def challenge(*, sent: bool) -> str:
    """For a request that nobody is known to make; ``sent``: it came with a token."""
    return f'{_BEARER}, error="invalid_token"' if sent else _BEARER


def beyond_scopes(scopes: Scopes, text: str, *needed: tuple[str, int]) -> Forbidden:
    """The refusal of what the token's scopes do not allow; ``needed``: the types and actions that it takes."""
    level = next((each for each in _LEVELS if f"{each}/" in scopes.text), _LEVELS[0])
    asked = " ".join(f"{level}/{name}.{write_actions(actions)}" for name, actions in needed)
    scope = f', scope="{asked}"' if asked else ""
    issue = Issue("forbidden", text, kind="beyond-scopes")
    headers = ((NAME, f'{_BEARER}, error="insufficient_scope"{scope}'),)
    return Forbidden(text, "forbidden", issues=(issue,), headers=headers)

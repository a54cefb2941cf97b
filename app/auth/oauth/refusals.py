"""What an OAuth endpoint refuses, as facts that ``routes.py`` writes as RFC 6749 section 5.2 has it.

https://www.rfc-editor.org/rfc/rfc6749#section-5.2
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class OAuthError(Exception):
    """``error`` is a code of the RFC that is implemented; ``description`` never repeats a secret or says who exists.
    ``challenge``: the client tried HTTP Basic, and is told so again (RFC 6749 section 5.2).
    """

    error: str
    description: str
    status: int = 400
    challenge: bool = False

    def __str__(self) -> str:
        """Code and text."""
        return f"{self.error}: {self.description}"


def invalid_request(description: str) -> OAuthError:
    """Something is missing, twice there, or in the wrong form."""
    return OAuthError("invalid_request", description)


def invalid_client(*, challenge: bool = False) -> OAuthError:
    """The client is not who it says, or nobody knows it: the two answer alike."""
    return OAuthError("invalid_client", "The client is unknown or did not prove who it is.", 401, challenge)


def invalid_grant(description: str = "The code or token is unknown, has expired or was used.") -> OAuthError:
    """A code or refresh token that gives nothing (any more)."""
    return OAuthError("invalid_grant", description)


def invalid_scope(description: str) -> OAuthError:
    """Scopes that cannot be read, or of which nothing may be given."""
    return OAuthError("invalid_scope", description)

"""This service as passkeys know it: the host name in its public address. https://www.w3.org/TR/webauthn-3/#rp-id"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """``id``: the host name; ``origin``: the pages that may ask for a passkey."""

    id: str
    origin: str
    name: str = "Zelfregie"

    @classmethod
    def at(cls, public_url: str) -> RelyingParty | None:
        """That of the service at this address; None for an address of digits, and for one without TLS elsewhere than
        on one's own machine: browsers make no passkeys there.
        """
        parts = urlsplit(public_url)
        host = parts.hostname or ""
        try:
            ip_address(host)
        except ValueError:
            is_named = bool(host)
        else:
            is_named = False
        is_local = host == "localhost" or host.endswith(".localhost")
        if not is_named or (parts.scheme != "https" and not is_local):
            return None
        return cls(host, f"{parts.scheme}://{parts.netloc}")

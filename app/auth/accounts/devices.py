"""A mark on a browser that somebody logged in with before, so that it is told from new ones and has its own count of
wrong attempts. It opens nothing.

https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

from __future__ import annotations

import hmac
import secrets

from app.auth.sealing import Seal


def new_mark(seal: Seal, account: str, *, link: str = "") -> str:
    """The cookie of a browser that this account is used in, or in which a link from its mail was opened: then the same
    one however often that is done, as each has its own count.
    """
    nonce = seal.digest(f"link\0{link}".encode("utf-8", "replace")).hex()[:32] if link else secrets.token_hex(16)
    return f"{nonce}.{_signature(seal, account, nonce)}"


def is_known(seal: Seal, account: str, mark: str) -> bool:
    """Whether the account was used in the browser that sends this."""
    nonce, _, signature = mark.partition(".")
    return hmac.compare_digest(_signature(seal, account, nonce).encode(), signature.encode("utf-8", "replace"))


def _signature(seal: Seal, account: str, nonce: str) -> str:
    return seal.digest(f"{account}\0{nonce}".encode("utf-8", "replace")).hex()

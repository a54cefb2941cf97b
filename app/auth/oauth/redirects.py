"""Redirect URIs: which may be registered, and how an answer is sent to one.

https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2 https://www.rfc-editor.org/rfc/rfc8252
https://www.rfc-editor.org/rfc/rfc9207
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlencode, urlsplit

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LONGEST: Final = 1000
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?\[\]@!$&'()+,;=%]+")
"""RFC 3986 without ``#``, and without ``*``, which only a pattern would have."""
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|[0-9a-f:]+")


def problem_of(uri: str, *, public: bool) -> str:
    """Why ``uri`` cannot be a redirect URI; "" when it can. Only public clients may use a scheme of their own."""
    if len(uri) > _LONGEST or not _URI.fullmatch(uri):
        return "it is not an absolute URI in ASCII without a fragment"
    try:
        split = urlsplit(uri)
        port = split.port
    except ValueError:
        return "its host or port cannot be read"
    if split.scheme in ("http", "https"):
        return _problem_on_the_web(split, port)
    if not public:
        return "only a public client may have a scheme of its own"
    if "." not in split.scheme or split.netloc:
        return "a scheme of its own is a reversed domain name followed by a path, such as org.example.app:/callback"
    return ""


def _problem_on_the_web(split: SplitResult, port: int | None) -> str:
    host = split.hostname or ""
    if split.username is not None or split.password is not None:
        return "it names a user"
    if not _HOST.fullmatch(host) or split.netloc != split.netloc.lower():
        return "its host is not a plain host name in lower case"
    if port == 0 or split.netloc.endswith(":"):
        return "its port is not a number"
    if any(each in (".", "..") for each in split.path.lower().replace("%2e", ".").split("/")):
        return "its path goes up"
    if split.scheme == "http" and host not in LOOPBACK:
        return "http is for this machine only (127.0.0.1, [::1], localhost); use https"
    return ""


def answer(redirect_uri: str, parameters: Mapping[str, str]) -> str:
    """``redirect_uri`` with the parameters of an authorization response; empty ones are left out."""
    joined = "&" if "?" in redirect_uri else "?"
    return redirect_uri + joined + urlencode({name: value for name, value in parameters.items() if value})


def form_target(uri: str) -> str:
    """What ``form-action`` of a Content-Security-Policy calls where ``uri`` is: its origin, or its scheme."""
    split = urlsplit(uri)
    return f"{split.scheme}://{split.netloc}" if split.netloc else f"{split.scheme}:"

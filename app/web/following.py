"""Where a page leads on to: a path of our own, and nothing else, whatever ``next`` says.

https://cheatsheetseries.owasp.org/cheatsheets/Unvalidated_Redirects_and_Forwards_Cheat_Sheet.html
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_LONGEST: Final = 4000
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""Printable ASCII without a backslash, which browsers read as a slash; spaces and line breaks are left out of URLs."""


def own_path(given: str) -> str:
    """The path with its query, or "" for anything else."""
    if len(given) > _LONGEST or not _PATH.fullmatch(given):
        return ""
    try:
        parts = urlsplit(given)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or parts.fragment or any(each in ("", ".", "..") for each in _inner(parts.path)):
        return ""
    return given


def _inner(path: str) -> list[str]:
    """The segments of a path but the first and the last, which may be empty."""
    return path.split("/")[1:-1]

"""E-mail addresses: what counts as one, and the form in which two spellings are the same account.

https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

_LONGEST: Final = 254
_LOCAL: Final = 64
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS: Final = re.compile(rf"[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+")


def folded(text: str) -> str:
    """The form that is stored and compared; "" for what is no e-mail address.

    Only what every mail server takes: no quotes, no comments, no line breaks, a domain with a dot.
    """
    address = normalize("NFKC", text).strip().lower()
    if len(address) > _LONGEST or len(address.partition("@")[0]) > _LOCAL or not _ADDRESS.fullmatch(address):
        return ""
    return address

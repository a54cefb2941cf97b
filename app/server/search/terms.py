"""What a token is kept as: a 64-bit hash of ``system|code``. ``term`` says per patient what a hash stands for, which is
how ``code`` without a system is found.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

NO_SYSTEM: Final = ""

Term = tuple[int, str, str]
"""(hash, system, code): what a row of ``token`` and ``term`` is made of."""


@lru_cache(maxsize=65536)
def hash_token(system: str, code: str) -> int:
    """The 64-bit signed hash of ``system|code``; a code without a system has the empty system."""
    digest = hashlib.blake2b(f"{system}|{code}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=65536)
def term(system: str, code: str) -> Term:
    """One token as it is stored."""
    return hash_token(system, code), system, code

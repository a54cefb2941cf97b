"""Passwords: which are refused, and how they are kept. https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver

Length counts and commonness does; what characters a password is made of does not. Kept as Argon2id
(https://www.rfc-editor.org/rfc/rfc9106), made in a thread as that takes time by design.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, Literal
from unicodedata import combining, normalize

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 12
LONGEST: Final = 200
Problem = Literal["short", "long", "common", "personal"]
_SERVICE: Final = ("zelfregie", "zelf", "regie")
_LIST: Final = Path(__file__).with_name("common_passwords.txt")
_ADDED: Final = 6
"""Digits and signs around a common word that do not make it another password."""
_ENDS: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_WORDS: Final = re.compile(r"[^\W\d_]+|\d{4,}")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "01234567890123456789012345678901234567890",
    "qwertyuiopasdfghjklzxcvbnm" * 2,
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
)
_PERSONAL_LEFT: Final = 6
"""What must be left of a password when everything that is known of its owner is taken out of it."""


class Passwords:
    """Makes and checks hashes. ``memory`` in KiB and ``rounds`` are Argon2's costs."""

    def __init__(self, *, memory: int, rounds: int, threads: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory, parallelism=1, type=Type.ID)
        self._nobodys = self._hasher.hash(secrets.token_hex(16))
        self._threads = asyncio.Semaphore(threads)

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self._threads:
            return await asyncio.to_thread(self._hasher.hash, normal(password))

    async def verify(self, stored: str, password: str) -> bool:
        """Whether this is the password; takes as long when there is none (``stored`` is "")."""
        async with self._threads:
            return await asyncio.to_thread(self._verify, stored, normal(password))

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made at other costs than those of now, so that it is to be made again."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored or self._nobodys, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


def normal(password: str) -> str:
    """One form for what keyboards write in several."""
    return normalize("NFKC", password)


def problem(password: str, *, about: Iterable[str] = ()) -> Problem | None:
    """Why a password is refused, if it is. ``about``: e-mail address and names of whose it is to be."""
    chosen = normal(password)
    if len(chosen) < SHORTEST:
        return "short"
    if len(chosen) > LONGEST:
        return "long"
    folded = _folded(chosen)
    if _is_common(folded) or _is_common(folded.translate(_LEET)):
        return "common"
    return "personal" if _is_personal(folded, about) else None


def _folded(text: str) -> str:
    decomposed = normalize("NFKD", text.casefold())
    return "".join(each for each in decomposed if not combining(each))


@cache
def _common() -> frozenset[str]:
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _is_common(folded: str) -> bool:
    if folded in _common() or _is_repeated(folded) or _is_run(folded):
        return True
    core = _ENDS.sub("", folded)
    if core and len(folded) - len(core) <= _ADDED and (core in _common() or _is_repeated(core) or _is_run(core)):
        return True
    parts = _WORDS.findall(folded)
    rest = len(folded) - sum(map(len, parts))
    return 0 < len(parts) <= 3 and rest <= 2 and all(part in _common() or _is_run(part) for part in parts)


def _is_repeated(text: str) -> bool:
    """Whether it is one piece over and over: aaaaaaaaaaaa, 123123123123, welkomwelkom."""
    for length in range(1, 5):
        if len(text) > length and text == (text[:length] * len(text))[: len(text)]:
            return True
    half, odd = divmod(len(text), 2)
    return not odd and half > 0 and text[:half] == text[half:] and text[:half] in _common()


def _is_run(text: str) -> bool:
    """Whether it is a row of the alphabet, of the digits or of the keyboard, forwards or backwards."""
    return len(text) > 3 and any(text in row or text[::-1] in row for row in _ROWS)


def _is_personal(folded: str, about: Iterable[str]) -> bool:
    """Whether little is left without what anybody would try who knows the person and this service."""
    left = folded
    known = {word for each in about for word in re.split(r"[\W_]+", _folded(each)) if len(word) > 2}
    for word in sorted({*known, *_SERVICE}, key=len, reverse=True):
        left = left.replace(word, "")
    return left != folded and len(_ENDS.sub("", left)) < _PERSONAL_LEFT and len(left) < SHORTEST

"""What a token is kept as: a 64-bit hash of ``system|code``. ``term`` says per patient what a hash stands for, which is
how ``code`` without a system is found.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

NO_SYSTEM: Final = ""
WORDS: Final = " words"
"""Stands where a system does in the term of a text that belongs to a code; no URI begins with a blank. Its code begins
with the number of the parameter that finds the text.
"""
LONGEST: Final = 400
"""Characters that are kept as they are of what an index is ordered by: PostgreSQL's hold 2,700 bytes."""
LONGEST_WORDS: Final = 2 * LONGEST
"""Characters of a text that belongs to a code that are looked at; folded, ``LONGEST`` of them are kept."""

_KEPT: Final = 8192
"""Tokens that are remembered, at about 0.6 kB each: codes come again and again, identifiers do not."""

Term = tuple[int, str, str]
"""(hash, system, code): what a row of ``token`` and ``term`` is made of."""


def key_text(text: str) -> str:
    """``text`` as it is kept in an index: one that is too long by its beginning and a hash of it all."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}…{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def fold(text: str) -> str:
    """Lower case, without accents, white space as single blanks: what two spellings of a name have in common."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


def prefix_end(prefix: str) -> str:
    """The first string, in byte order, after all that begin with ``prefix``: for a range on an index."""
    if prefix.endswith("\ud7ff"):
        return prefix[:-1] + "\ue000"  # what lies between cannot be written in UTF-8
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix and ord(prefix[-1]) < 0x10FFFF else "\U0010ffff" * 64


def _hash(system: str, code: str) -> int:
    digest = hashlib.blake2b(f"{system}|{code}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=_KEPT)
def hash_token(system: str, code: str) -> int:
    """The 64-bit signed hash of ``system|code``; a code without a system has the empty system."""
    return _hash(system, code)


def once(system: str, code: str) -> Term:
    """One token as it is stored, of which no other resource has the like: an identifier."""
    return _hash(system, code), key_text(system), key_text(code)


@lru_cache(maxsize=_KEPT)
def term(system: str, code: str) -> Term:
    """One token as it is stored, which comes again."""
    return once(system, code)


Words = tuple[int, str]
"""A text that belongs to a code, by the number of the parameter that finds it."""


def words_code(number: int, text: str) -> str:
    """How the term of a text is ordered: by its parameter, then by its first ``LONGEST`` characters, folded."""
    return f"{number} {fold(text[:LONGEST_WORDS])[:LONGEST]}"


@lru_cache(maxsize=1024)
def wording(texts: tuple[Words, ...]) -> tuple[int, tuple[Term, ...]]:
    """All texts of one resource as one token, and the terms that it stands for: what is measured again and again is
    worded alike.
    """
    codes = {words_code(number, text) for number, text in texts}
    value = hash_words(codes)
    return value, tuple((value, WORDS, code) for code in codes)


def hash_words(codes: Iterable[str]) -> int:
    """The hash of the codes of texts that stand together, in whatever order."""
    return _hash(WORDS, "\n".join(sorted(codes)))

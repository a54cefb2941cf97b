"""Ids that carry their patient: ``<13 characters of the patient key>-<16 random characters>``.

Keys are random 63-bit numbers in Crockford's base 32, lower case. The key names a partition, never a person.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_KEY_LENGTH: Final = 13
_OWN: Final = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{12}(-[0-9a-hjkmnp-tv-z]{16})?")
FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""What an id may look like. https://hl7.org/fhir/R4/datatypes.html#id"""
_BYTE_TO_LETTER: Final = bytes(ord(_ALPHABET[value & 31]) for value in range(256))

CATALOGUE: Final = 0
"""The partition that every tenant shares. A tenant's own catalogue is the partition with its negated number."""

RandomBytes = Callable[[int], bytes]


def new_key(random: RandomBytes = secrets.token_bytes) -> int:
    """A fresh patient key: 1 to 2**63 - 1."""
    return (int.from_bytes(random(8), "big") >> 1) or 1


@lru_cache(maxsize=4096)
def write_key(key: int) -> str:
    """The 13 characters of a patient key."""
    letters = []
    for _ in range(_KEY_LENGTH):
        letters.append(_ALPHABET[key & 31])
        key >>= 5
    return "".join(reversed(letters))


def new_id(prefix: str, random: RandomBytes = secrets.token_bytes) -> str:
    """A fresh id in the partition whose written key is ``prefix``."""
    return f"{prefix}-{random(16).translate(_BYTE_TO_LETTER).decode('ascii')}"


def key_of(resource_id: str) -> int | None:
    """The patient key in an id of our own form; None for ids that others made."""
    return None if _OWN.fullmatch(resource_id) is None else _read_key(resource_id[:_KEY_LENGTH])


@lru_cache(maxsize=4096)
def _read_key(written: str) -> int | None:
    key = 0
    for letter in written:
        key = key << 5 | _VALUES[letter]
    return key if key < 2**63 else None


def catalogues(tenant: int) -> tuple[int, int]:
    """The partitions of the tenant's own catalogue and of the shared one."""
    return -tenant, CATALOGUE

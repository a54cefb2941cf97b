"""The opaque, signed part of a page link. It says where a walk goes on; it is not a permission."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import msgspec

from app.errors import Invalid

_SIGNATURE: Final = 16
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[int, int, list[int | float | str], int, int, str]).decode


@dataclass(frozen=True, slots=True)
class Cursor:
    """``phase`` 1: what stood unchanged at ``seq``; 2: what was changed since. Behind (``keys``, ``patient``, ``n``).

    ``walk`` names the stored list of partitions of a search over several patients.
    """

    phase: int
    seq: int
    keys: tuple[int | float | str, ...]
    patient: int
    n: int
    walk: str = ""


def _sign(key: bytes, payload: bytes, query: str) -> bytes:
    return hmac.new(key, payload + b"\0" + query.encode(), hashlib.sha256).digest()[:_SIGNATURE]


def write_cursor(cursor: Cursor, key: bytes, query: str) -> str:
    """The text of a cursor, good for ``query`` only."""
    payload = _pack((cursor.phase, cursor.seq, cursor.keys, cursor.patient, cursor.n, cursor.walk))
    return base64.urlsafe_b64encode(_sign(key, payload, query) + payload).rstrip(b"=").decode()


def read_cursor(text: str, key: bytes, query: str) -> Cursor:
    """The cursor in a page link. Raises ``Invalid`` when it was not made here for this very search."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        payload = raw[_SIGNATURE:]
        if not hmac.compare_digest(raw[:_SIGNATURE], _sign(key, payload, query)):
            raise Invalid(
                "_page: this page link was not made by this server for this search. Start again at the first page.",
                "value",
                kind="page-link",
            )
        phase, seq, keys, patient, n, walk = _unpack(payload)
        return Cursor(phase, seq, tuple(keys), patient, n, walk)
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise Invalid(
            "_page: this is not a page link of this server. Start again at the first page.",
            "value",
            kind="page-link",
        ) from error

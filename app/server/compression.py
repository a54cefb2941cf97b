"""gzip: bodies that come in so, and answers for who takes them so. https://www.rfc-editor.org/rfc/rfc9110#section-8.4"""

from __future__ import annotations

import asyncio
import zlib
from functools import lru_cache
from typing import Final

from app.errors import Invalid, TooLarge, UnsupportedMediaType

SMALLEST: Final = 1400
"""Bytes of an answer below which it fits one network packet as it is."""
_INLINE: Final = 128 * 1024
"""Bytes that are worked on between two other requests; more is done in a thread, as zlib lets others run."""
_GZIP: Final = 31
_LEVEL: Final = 1
_MEMBERS: Final = 16
"""A gzip may be several files, one after the other; each costs a copy of what follows."""


def _compressed(body: bytes) -> bytes:
    worker = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return worker.compress(body) + worker.flush()


async def compress(body: bytes) -> bytes:
    """``body`` in gzip, fast rather than small."""
    return _compressed(body) if len(body) <= _INLINE else await asyncio.to_thread(_compressed, body)


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: bytes) -> bool:
    """Whether an Accept-Encoding names gzip, or everything, and not at quality 0."""
    qualities: dict[str, float] = {}
    for choice in accept_encoding.decode("latin-1").lower().split(","):
        name, *parameters = choice.split(";")
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.strip().partition("=")
            if key == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        qualities[name.strip()] = quality
    return qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0))) > 0


async def decompress(body: bytes, content_encoding: bytes, *, limit: int) -> bytes:
    """The body as it was before Content-Encoding.

    Raises ``UnsupportedMediaType`` for another one than gzip, ``Invalid`` for what is no gzip, ``TooLarge`` beyond
    ``limit`` bytes, before more is unpacked.
    """
    encoding = content_encoding.decode("latin-1").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise UnsupportedMediaType(
            "Send the body as it is or with Content-Encoding: gzip.", headers=(("accept-encoding", "gzip"),)
        )
    if len(body) <= _INLINE // 8:
        return _decompressed(body, limit)
    return await asyncio.to_thread(_decompressed, body, limit)


def _decompressed(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit + 1
    for _ in range(_MEMBERS):
        worker = zlib.decompressobj(_GZIP)
        try:
            part = worker.decompress(body, room)
        except zlib.error as error:
            raise Invalid("The body is not what Content-Encoding: gzip says.", "structure") from error
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise TooLarge(f"A request may be at most {limit // 1024 // 1024} MB when it is unpacked.", "too-long")
        if not worker.eof:
            raise Invalid("The body ends before its gzip does.", "incomplete")
        body = worker.unused_data
        if not body:
            return b"".join(parts)
    raise Invalid(f"The body has more than {_MEMBERS} gzip files in a row.", "too-costly")

"""The zip that a phone makes of its export, unpacked as it streams by, within bounds.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from app.measurements.importing.apple_export import SLICE, AppleReader
from app.measurements.importing.lines import Line, Problem

LARGEST: Final = 8 * 1024**3
"""Bytes that a zip may unpack to."""
STEEPEST: Final = 200
"""How many times as large as itself a zip may be; an export is 20 to 40 times."""
_FREE: Final = 64 * 1024**2
"""Bytes that are unpacked before that counts."""
_HEADER: Final = struct.Struct("<4sHHHHHIIIHH")
_LOCAL: Final = b"PK\x03\x04"
_AFTER: Final = (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06")
_ENCRYPTED: Final = 1
_SIZES_LATER: Final = 8
_STORED: Final = 0
_DEFLATED: Final = 8
_UNKNOWN: Final = 0xFFFFFFFF
_LONGEST_DESCRIPTOR: Final = 24
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class ZipReader:
    """See ``Reader``. Reads the first file in the zip that is an Apple Health export; lines are those of its XML."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inside: AppleReader | None = None
        self._chosen: AppleReader | None = None
        self._unpacking: zlib._Decompress | None = None
        self._left = 0
        self._later = False
        self._between = True
        self._packed = self._unpacked = 0
        self._over = False

    @property
    def read(self) -> int:
        """See ``Reader``."""
        return 0 if self._chosen is None else self._chosen.read

    @property
    def unused(self) -> Mapping[str, int]:
        """See ``Reader``."""
        return _NONE if self._chosen is None else self._chosen.unused

    def feed(self, piece: bytes) -> Iterator[Line]:
        self._packed += len(piece)
        self._buffer += piece
        while not self._over and self._buffer:
            before = len(self._buffer), self._between
            yield from self._header() if self._between else self._content()
            if (len(self._buffer), self._between) == before:
                return

    def end(self) -> Iterator[Line]:
        if self._inside is not None:  # the zip ends in the middle of the export
            yield from self._inside.end()
            self._inside = None
        if self._chosen is None and not self._over:
            yield Line(1, None, (Problem("zip-without-export"),))
        self._over = True

    def _header(self) -> Iterator[Line]:
        """Begin the next file in the zip."""
        buffer = self._buffer
        if self._later:  # a descriptor of the file before: it has no fixed length
            start = min((each for mark in (_LOCAL, *_AFTER) if (each := buffer.find(mark)) >= 0), default=-1)
            if start < 0 or start > _LONGEST_DESCRIPTOR:
                self._over = len(buffer) > _LONGEST_DESCRIPTOR
                return
            del buffer[:start]
            self._later = False
        if len(buffer) < 4:
            return
        if bytes(buffer[:4]) != _LOCAL:
            self._over = True
            if self._chosen is None:
                known = bytes(buffer[:4]) in _AFTER
                yield Line(1, None, (Problem("zip-without-export" if known else "zip-broken"),))
            return
        if len(buffer) < _HEADER.size:
            return
        _, _, flags, method, _, _, _, size, _, named, extra = _HEADER.unpack_from(buffer)
        whole = _HEADER.size + named + extra
        if len(buffer) < whole:
            return
        name = bytes(buffer[_HEADER.size : _HEADER.size + named]).decode("utf-8", "replace").casefold()
        size = _real_size(size, bytes(buffer[_HEADER.size + named : whole]))
        del buffer[:whole]
        wanted = name.endswith(".xml") and "_cda" not in name and self._chosen is None
        self._later = bool(flags & _SIZES_LATER)
        if (flags & _ENCRYPTED) or method not in (_STORED, _DEFLATED) or (method == _STORED and self._later):
            self._over = True
            yield Line(1, None, (Problem("zip-locked"),))
            return
        self._between = False
        self._left = -1 if self._later else size
        self._inside = AppleReader() if wanted else None
        self._unpacking = zlib.decompressobj(-15) if method == _DEFLATED and (wanted or self._later) else None

    def _content(self) -> Iterator[Line]:
        """Take what there is of the file that was begun."""
        taken = bytes(self._buffer if self._left < 0 else self._buffer[: self._left])
        if self._unpacking is None:
            del self._buffer[: len(taken)]
            yield from self._unpack(taken)
            self._left -= len(taken)
            if self._left == 0:
                yield from self._leave()
            return
        del self._buffer[: len(taken)]
        if self._left > 0:
            self._left -= len(taken)
        rest = taken
        while True:
            try:
                piece = self._unpacking.decompress(rest, SLICE)
            except zlib.error:
                self._over = True
                yield from self._leave()
                yield Line(1, None, (Problem("zip-broken"),))
                return
            yield from self._unpack(piece)
            rest = self._unpacking.unconsumed_tail
            if self._over or self._unpacking.eof or not (rest or piece):
                break
        if self._unpacking.eof:
            self._buffer[:0] = self._unpacking.unused_data
            yield from self._leave()
        elif self._left == 0:
            yield from self._leave()

    def _unpack(self, piece: bytes) -> Iterator[Line]:
        self._unpacked += len(piece)
        if self._unpacked > LARGEST or (self._unpacked > _FREE and self._unpacked > STEEPEST * self._packed):
            self._over = True
            yield Line(1, None, (Problem("zip-too-large"),))
            return
        if self._inside is not None and piece:
            for line in self._inside.feed(piece):
                if not self._inside.is_health_data:
                    self._inside = None  # another file of XML
                    return
                self._chosen = self._inside
                yield line
            if self._inside.is_health_data:
                self._chosen = self._inside

    def _leave(self) -> Iterator[Line]:
        inside, self._inside, self._between = self._inside, None, True
        if inside is not None and inside.is_health_data:
            self._over = True  # there is one
            yield from inside.end()


def _real_size(size: int, extra: bytes) -> int:
    """The size of what is packed; where it does not fit it is in the extra field."""
    while size == _UNKNOWN and len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1 and length >= 16 and len(extra) >= 20:
            return int(struct.unpack_from("<QQ", extra, 4)[1])
        extra = extra[4 + length :]
    return size

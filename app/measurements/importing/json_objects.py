"""JSON as it streams by: one object, several after each other (NDJSON), or a list of them.
https://www.rfc-editor.org/rfc/rfc8259

Only where an object begins and ends is looked for; each is read by itself, so that a broken one leaves the others.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Generator, Iterator
from typing import Final

LONGEST: Final = 262_144
"""Bytes of one object."""
_MARK: Final = re.compile(rb'["{}\[\]\\]')
_BETWEEN: Final = frozenset(b" \t\r\n,[]\x1e")
"""What may stand between objects: white space, the signs of a list, and the mark of a JSON text sequence."""


class Objects:
    """Cuts a text into objects. ``feed`` gives each as its bytes, or None for what is none and for one that is too
    long.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._depth = 0
        self._in_string = False
        self._garbage = False
        self._too_long = False
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        if not self._begun and piece:
            piece, self._begun = piece.removeprefix(BOM_UTF8), True
        self._buffer += piece
        while True:
            if self._depth == 0 and not (yield from self._begin()):
                return
            ended = self._to_the_end()
            if ended is None:
                if len(self._buffer) > LONGEST:  # go on to its end, without keeping it
                    self._too_long = True
                    del self._buffer[: self._at]
                    self._at = 0
                return
            whole = bytes(self._buffer[:ended])
            del self._buffer[:ended]
            self._at = 0
            yield None if self._too_long or ended > LONGEST else whole
            self._too_long = False

    def end(self) -> Iterator[bytes | None]:
        """What is left is an object that was cut off."""
        if self._depth or self._garbage:
            yield None

    def _begin(self) -> Generator[bytes | None, None, bool]:
        """Skip to the next object; whether there is one. Of what is none of it says once that it is there."""
        buffer = self._buffer
        place = 0
        while place < len(buffer):
            byte = buffer[place]
            if byte == 0x7B:  # {
                if self._garbage:
                    self._garbage = False
                    yield None
                del buffer[:place]
                self._at = 0
                return True
            self._garbage = self._garbage or byte not in _BETWEEN
            place += 1
        buffer.clear()
        return False

    def _to_the_end(self) -> int | None:
        """Where the object ends, just behind its brace; None when more is needed."""
        buffer, place = self._buffer, self._at
        while (found := _MARK.search(buffer, place)) is not None:
            mark, place = buffer[found.start()], found.end()
            if mark == 0x5C:  # a backslash: what follows it is text
                if place == len(buffer):
                    self._at = found.start()
                    return None
                place += 1
            elif mark == 0x22:
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += 1 if mark in b"{[" else -1
                if self._depth == 0:
                    return place
        self._at = len(buffer)
        return None

"""One line of the journal: an event's facts, and what ties them to their place in the stream.

A line is made of nothing else than its stream, its number, the hash of the line before and the facts. So the table
keeps only facts and hashes: the line can be made again as it was written, and has its hash only if all four are true.
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from app.audit.stream import HASH_BYTES

# Numbers that the table cannot hold make a line unreadable: it is set apart, and the lines behind it still move.
_Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What the table keeps beside the facts of an event. ``at`` is in microseconds."""

    at: _Number
    patients: tuple[_Number, ...] = ()


class _Parts(msgspec.Struct, frozen=True, gc=False):
    line: _Number
    previous: str
    event: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Line:
    """What was read of a line; ``previous`` is the hash of the line before, ``facts`` the JSON of the event."""

    number: int
    previous: bytes
    facts: bytes
    known: Facts


_decode_parts: Final = msgspec.json.Decoder(_Parts).decode
_decode_facts: Final = msgspec.json.Decoder(Facts).decode
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def line_text(prefix: bytes, number: int, previous: bytes, facts: bytes) -> bytes:
    """The line, with its line end; ``prefix`` is what the ids of the stream's lines begin with."""
    return b'{"id":"%b%012x","line":%d,"previous":"%b","event":%b}\n' % (
        prefix,
        number,
        number,
        hexlify(previous),
        facts,
    )


def read_line(prefix: bytes, text: bytes) -> Line | None:
    """A line of the stream, given without its line end; nothing when the text is not exactly such a line."""
    try:
        parts = _decode_parts(text)
        previous = unhexlify(parts.previous)
    except (*UNREADABLE, ValueError):
        return None
    facts = bytes(parts.event)
    known = read_facts(facts)
    if known is None or len(previous) != HASH_BYTES or line_text(prefix, parts.line, previous, facts) != text + b"\n":
        return None
    return Line(parts.line, previous, facts, known)


def read_facts(facts: bytes) -> Facts | None:
    """What is needed of an event's facts; nothing when they cannot be read, or were erased."""
    try:
        return _decode_facts(facts)
    except UNREADABLE:
        return None

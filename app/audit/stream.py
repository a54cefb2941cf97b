"""A stream: what one process writes to the access log in its life. Its name, the ids of its lines, its hash chain.

A stream is named by 128 random bits. The id of a line is a UUID of version 8 made of the first 80 bits of the name and
48 bits of line number (https://www.rfc-editor.org/rfc/rfc9562#section-5.8): nothing has to be drawn or stored per line,
and the id leads back to the primary key.

The journal chains lines as they are: each holds the SHA-256 hash of the one before. The table chains *hashes*, segment
by segment: ``chain(s) = SHA-256(chain(s-1) + the hashes of the lines of s)``, so that lines can be erased while
the chain still holds. Both begin with ``origin(stream)``.
"""

from __future__ import annotations

import uuid
from hashlib import sha256

STREAM_BYTES = 16
HASH_BYTES = 32
_LINE_BITS = 48
_LINE_MASK = (1 << _LINE_BITS) - 1


def new_stream(randomness: bytes) -> bytes:
    """The name of a new stream from 16 random bytes: those, with the six bits of a UUID's version and variant set."""
    if len(randomness) != STREAM_BYTES:
        raise ValueError(f"a stream is named by {STREAM_BYTES} random bytes, not {len(randomness)}")
    number = int.from_bytes(randomness)
    number = number & ~(0xF << 76) | (0x8 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    return number.to_bytes(STREAM_BYTES)


def line_id(stream: bytes, line: int) -> str:
    """The UUID of a line, in its usual form."""
    return line_id_prefix(stream) + f"{line:012x}"


def line_id_prefix(stream: bytes) -> str:
    """What the UUIDs of all lines of this stream begin with."""
    return str(uuid.UUID(bytes=stream))[:24]


def locate(identifier: uuid.UUID) -> tuple[bytes, bytes, int]:
    """Where the line with this UUID is: the lowest and highest name its stream can have, and the line's number.

    Its segment is the first ``WHERE stream BETWEEN $1 AND $2 AND line <= $3 ORDER BY stream DESC, line DESC``.
    """
    number = identifier.int
    low = number & ~_LINE_MASK
    return low.to_bytes(STREAM_BYTES), (low | _LINE_MASK).to_bytes(STREAM_BYTES), number & _LINE_MASK


def origin(stream: bytes) -> bytes:
    """What stands in for the hash before line 1, in the journal and in the table."""
    return sha256(stream).digest()


def line_hash(text: bytes) -> bytes:
    """The hash of a line, its line end included."""
    return sha256(text).digest()


def next_chain(chain: bytes, hashes: bytes) -> bytes:
    """The chain hash of the segment whose lines have these hashes, behind the one with ``chain``."""
    return sha256(chain + hashes).digest()

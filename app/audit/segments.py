"""Runs of consecutive lines, as the table keeps them: the facts of each, and the hashes that vouch for them.

The hashes are those from when the lines were written: remembered, or found in the line behind. So a line that was
changed in the journal does not have its hash in the table, and the verification says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.audit.event import Event
from app.audit.line import Facts, Line, read_facts, read_line
from app.audit.stream import HASH_BYTES, line_hash

SIZE: Final = 512 * 1024
"""How many bytes of the journal make a segment, when there are so many."""
LONGEST: Final = 3_600_000_000
"""How far apart the lines of a segment can be, in microseconds: what happened in a while is in segments that began in
that while, or at most this long before."""
END: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """``lines`` lines from number ``line`` on, which happened between ``began`` and ``ended`` (µs; a line is written
    when its request is done, so these need not be of the outer lines). ``payload`` are their facts with line ends in
    between, ``hashes`` 32 bytes for each, ``patients`` all that any of them is about.
    """

    line: int
    lines: int
    began: int
    ended: int
    payload: bytes
    hashes: bytes
    patients: frozenset[int]

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.line + self.lines - 1

    def beyond(self, line: int) -> Segment:
        """What of it comes after this line, which is one of its own and not the last."""
        passed = line - self.line + 1
        facts = self.payload.split(END)[passed:]
        known = [read for read in map(read_facts, facts) if read is not None]
        (segment,) = _split(line + 1, known, facts, (self.hashes[HASH_BYTES * passed :],))
        return segment


@dataclass(slots=True)
class Recent:
    """Lines from number ``line`` on that this process has just written, at ``offset`` in the file whose first line is
    ``first``: the mover need not read them again. ``end`` is the offset behind them, once nothing is added any more.
    """

    first: int
    offset: int
    line: int
    end: int | None = None
    events: list[Event] = field(default_factory=list)
    facts: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)

    def segments(self) -> list[Segment]:
        """The segment that these lines make, or more when they are too far apart in time."""
        return _split(self.line, self.events, self.facts, self.hashes)


def segments_in(prefix: bytes, text: bytes, expected: int) -> tuple[list[Segment], list[bytes]]:
    """The segments that these lines make, and what is no line of the stream whose ids begin with ``prefix``: it cannot
    be read, or comes before ``expected`` or a line already seen. ``text`` is lines with line ends in between.
    """
    segments: list[Segment] = []
    apart: list[bytes] = []
    run: list[Line] = []
    last = b""
    for piece in text.split(END):
        line = read_line(prefix, piece)
        if line is None or line.number < expected:
            apart.append(piece)
            continue
        if line.number > expected and run:  # a gap ends a segment
            segments += _segments(run, last)
            run = []
        run.append(line)
        last = piece
        expected = line.number + 1
    return segments + _segments(run, last), apart


def _segments(run: Sequence[Line], last: bytes) -> list[Segment]:
    """``last`` is the text of the last line."""
    if not run:
        return []
    hashes = [*(line.previous for line in run[1:]), line_hash(last + END)]
    return _split(run[0].number, [line.known for line in run], [line.facts for line in run], hashes)


def _split(line: int, known: Sequence[Facts | Event], facts: Sequence[bytes], hashes: Sequence[bytes]) -> list[Segment]:
    """One segment, or as many as it takes until none is too long."""
    times = [event.at for event in known]
    began, ended = min(times), max(times)
    if ended - began > LONGEST:
        half = len(known) // 2
        return [
            *_split(line, known[:half], facts[:half], hashes[:half]),
            *_split(line + half, known[half:], facts[half:], hashes[half:]),
        ]
    patients = frozenset([patient for event in known for patient in event.patients])
    return [Segment(line, len(known), began, ended, END.join(facts), b"".join(hashes), patients)]

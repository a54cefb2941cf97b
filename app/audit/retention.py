"""How long the access log is kept: lines are erased by class when their time is over; the chain still holds.

What is kept how long is data: ``retention.yaml``. An installation may keep lines longer or shorter by settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import yaml

from app.audit.erasure import erase
from app.audit.line import UNREADABLE
from app.audit.segments import END
from app.database.interface import Database

MONTH: Final = 31_556_952 * 1_000_000 // 12
"""A month in µs: a twelfth of a year of 365.2425 days."""
_OLD: Final = (
    "SELECT stream, line, lines, payload FROM audit WHERE ended < $1 AND length(payload) >= lines"
    " AND (stream > $2 OR (stream = $2 AND line > $3)) ORDER BY stream, line LIMIT 20"
)


class _Kind(msgspec.Struct, frozen=True):
    at: int
    interaction: str


_decode: Final = msgspec.json.Decoder(_Kind).decode


@dataclass(frozen=True, slots=True)
class Retention:
    """``months`` per class; ``classes`` of interactions, ``other`` for all that are not in it."""

    months: Mapping[str, int]
    classes: Mapping[str, str]
    other: str

    def kept(self, interaction: str) -> int:
        """How long (µs) a line is kept."""
        return self.months[self.classes.get(interaction, self.other)] * MONTH

    @property
    def shortest(self) -> int:
        """How long (µs) every line is kept at least."""
        return min(self.months.values()) * MONTH


def load_retention(changed: Mapping[str, int] | None = None) -> Retention:
    """The table as committed, with the months that an installation ``changed``. Raises ``ValueError`` for a class that
    the table lacks.
    """
    table = yaml.load(Path(__file__).with_suffix(".yaml").read_text("utf-8"), yaml.CSafeLoader)["classes"]
    unknown = set(changed or {}) - set(table)
    if unknown:
        raise ValueError(f"no class of the access log: {', '.join(sorted(unknown))}; there are {', '.join(table)}")
    other = next(name for name, row in table.items() if "interactions" not in row)
    return Retention(
        {name: row["months"] for name, row in table.items()} | dict(changed or {}),
        {word: name for name, row in table.items() for word in row.get("interactions", ())},
        other,
    )


async def prune(database: Database, retention: Retention, *, now: int) -> int:
    """Erase the lines whose time is over; how many those were. Can be stopped at any point and run again."""
    pruned = 0
    stream, line = b"", 0
    while rows := await database.fetch(_OLD, now - retention.shortest, stream, line):
        for found, first, _, payload in rows:
            stream, line = bytes(found), first
            over = [
                number
                for number, text in enumerate(bytes(payload).split(END), first)
                if (kind := _read(text)) is not None and kind.at < now - retention.kept(kind.interaction)
            ]
            if over:
                async with database.write() as writer:
                    pruned += await erase(writer, stream=stream, lines=over)
    return pruned


def _read(text: bytes) -> _Kind | None:
    try:
        return _decode(text)
    except UNREADABLE:
        return None

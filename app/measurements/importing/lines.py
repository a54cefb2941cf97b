"""What a reader makes of a file: lines with a measurement, or with all that is wrong with them.

https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from app.measurements.kinds import Choice, Kind, Moment, Value

Words = Mapping[str, str]
"""A name in both languages: ``nl`` and ``en``."""
LONGEST_NOTE: Final = 1000
"""Characters of a note that is kept."""


# msgspec's structs, since there may be a million of them: a dataclass takes several times as long to make.
class Problem(msgspec.Struct, frozen=True):
    """One thing to say of a line: the ``code`` of its rule in ``problems.yaml``, the ``place`` in the line (a column,
    an attribute, a path) and what fills the text. Never a value. ``refuses``: nothing of the line is stored.
    """

    code: str
    place: str = ""
    facts: Mapping[str, str | Words] = msgspec.field(default_factory=dict)
    refuses: bool = True


class Device(msgspec.Struct, frozen=True):
    """What measured, as far as a file tells: a name that people know it by, and what is on its label. It is the same
    one when all of this is equal.
    """

    name: str
    manufacturer: str = ""
    model: str = ""


class Taken(msgspec.Struct, frozen=True):
    """One measurement in a file. ``values`` by the names of the kind's values, in its own units, and exactly so;
    ``at``: from when, in µs, where ``effective`` (a FHIR dateTime) has a time; ``total``: the value is that of a whole
    day, of which there is one, however often and with whatever value it is sent again.
    """

    kind: Kind
    values: Mapping[str, Decimal]
    effective: str
    at: int | None
    device: Device | None = None
    moment: str | None = None
    context: Mapping[str, str] = msgspec.field(default_factory=dict)
    note: str = ""
    total: bool = False


class Line(msgspec.Struct, frozen=True):
    """``number``: as the format counts (lines of a text from 1; data points of Open mHealth from 1). A line without a
    problem that refuses has something that was taken.
    """

    number: int
    taken: Taken | None
    problems: Sequence[Problem] = ()


def names(*named: Kind | Value | Moment | Choice) -> Words:
    """What things are called, in both languages."""
    return {"nl": ", ".join(each.nl for each in named), "en": ", ".join(each.en for each in named)}


class Reader(Protocol):
    """Reads a file piece by piece, of any size, in bounded memory. Never raises for what is in the file: what cannot be
    read is a line with a problem, and nothing comes after it where nothing can.
    """

    @property
    def unused(self) -> Mapping[str, int]:
        """What was read and is no measurement of a kind that we have, by what it is called."""

    @property
    def read(self) -> int:
        """How many lines or records were looked at so far, whatever came of them."""

    def feed(self, piece: bytes) -> Iterable[Line]:
        """The lines that are whole now."""

    def end(self) -> Iterable[Line]:
        """The lines that only the end of the file tells."""

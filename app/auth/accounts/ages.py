"""How old somebody surely is, from a birth date that may be partial: https://hl7.org/fhir/R4/datatypes.html#date

Days are those of the Netherlands. A partial date spans the days that it may mean; what gives a person more to say over
themselves counts from the last of them, what gives somebody else a say ends at the first.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.fhir.dates import midnight

_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")


@dataclass(frozen=True, slots=True)
class Birth:
    """The first and the last day on which a person can have been born."""

    first: date
    last: date

    def surely_turned(self, years: int, now: int) -> bool:
        """Whether the person is ``years`` old at ``now`` (µs), whichever of the days it was."""
        return midnight(birthday(self.last, years)) <= now

    def maybe_turned(self, years: int, now: int) -> bool:
        """Whether the person can be ``years`` old at ``now``."""
        return self.turns_at_first(years) <= now

    def turns_at_first(self, years: int) -> int:
        """The first moment (µs) at which the person can turn ``years``."""
        return midnight(birthday(self.first, years))


def read_birth(text: object) -> Birth | None:
    """The days that a ``Patient.birthDate`` means; None for what is no date of the calendar."""
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day = (None if part is None else int(part) for part in found.groups())
    assert year is not None, "the expression asks for it"
    try:
        if month is None:
            return Birth(date(year, 1, 1), date(year, 12, 31))
        if day is None:
            return Birth(date(year, month, 1), date(year, month, monthrange(year, month)[1]))
        return Birth(date(year, month, day), date(year, month, day))
    except ValueError:
        return None


def birthday(born: date, years: int) -> date:
    """The day on which somebody turns ``years``: for 29 February, 1 March in a year that does not have it."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)

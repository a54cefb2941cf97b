"""Lines of the access log as people read them: by day, those of one party that did the same thing taken together.

NEN 7513, chapter 9: when, by whom and on whose behalf, which data, what was done, on which ground.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from app.audit import Known, Recorded
from app.audit.audit_event import action_of, outcome_of, parties
from app.web.dates import local
from app.web.texts import texts

SEEN: Final = "R"
_READING: Final = frozenset(
    {"$everything", "$bgz", "$summary", "$overview", "$lastn", "$stats", "$meta", "$expand", "$lookup", "batch"}
)
_RESOURCE: Final = "/"


@dataclass(frozen=True, slots=True)
class Party:
    """Who did it: ``keys`` as the log has them (person, app, organisation), ``role``, and on whose behalf."""

    keys: tuple[str, ...]
    role: str
    responsible: str

    @property
    def main(self) -> str:
        """What to filter by: the organisation, else the person, else the app."""
        for kind in ("organization:", "person:", "app:"):
            for key in self.keys:
                if key.startswith(kind):
                    return key
        return ""


@dataclass(slots=True)
class Line:
    """What one party did in one day of one kind. ``what``: keys of texts or types, with how often; ``first`` and
    ``last`` in µs.
    """

    day: date
    party: Party
    did: str
    refused: bool
    consents: frozenset[str]
    first: int
    last: int
    count: int = 0
    types: dict[str, int] = field(default_factory=dict)


def party_of(event: Known) -> Party:
    """Who did this."""
    found = tuple(key for key, part in parties(event) if part != "responsible")
    return Party(found, event.agent.role, event.agent.responsible)


def did(event: Known) -> str:
    """The key of the text that says what was done."""
    own = f"looked.did.{event.interaction.removeprefix('$')}"
    if own in texts():
        return own
    action = SEEN if event.interaction in _READING else action_of(event.interaction)
    return f"looked.did.{action}"


def types_of(event: Known) -> set[str]:
    """Which types of data it was about."""
    found = {each.partition(_RESOURCE)[0] for each in event.resources if _RESOURCE in each}
    return found or ({event.type} if event.type else set())


def merged(recorded: Iterable[Recorded]) -> list[Line]:
    """The lines, newest first, what is alike within a day taken together."""
    found: dict[object, Line] = {}
    for each in recorded:
        event = each.event
        day = local(event.at).date()
        party, done, refused = party_of(event), did(event), outcome_of(event.status) != "0"
        key = (day, party, done, refused)
        line = found.get(key)
        if line is None:
            consents = frozenset(event.agent.consent.split())
            line = found[key] = Line(day, party, done, refused, consents, event.at, event.at)
        line.count += 1
        line.first = min(line.first, event.at)
        line.last = max(line.last, event.at)
        for name in types_of(event):
            line.types[name] = line.types.get(name, 0) + 1
    return sorted(found.values(), key=lambda line: -line.last)


def by_day(lines: Sequence[Line]) -> list[tuple[int, list[Line]]]:
    """The lines per day, each day by a moment in it (µs)."""
    days: dict[date, list[Line]] = {}
    for line in lines:
        days.setdefault(line.day, []).append(line)
    return [(listed[0].last, listed) for listed in days.values()]

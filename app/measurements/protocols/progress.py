"""What is in of a run, and what is still to measure. https://hl7.org/fhir/R4/task.html"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.measurements.protocols.allotting import Allotment, Standing, standing
from app.measurements.protocols.run import Window
from app.measurements.protocols.tasks import ASKED, OPEN, texts
from app.measurements.protocols.words import amount_of, beside
from app.measurements.watching import watching
from app.measurements.words import LANGUAGES, Words, day, filled, joined

State = Literal["done", "now", "later", "missed"]
"""Of one slot on one day: everything is in; it can be measured now; later; its time is over."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is at ``now`` (µs). ``status``: of the Task."""

    allotment: Allotment
    standing: Standing
    windows: tuple[Window, ...]
    status: str
    now: int

    def state(self, window: Window) -> State:
        """How a slot of one day stands."""
        if not self.allotment.missing(window):
            return "done"
        if window.end <= self.now:
            return "missed"
        return "now" if window.start <= self.now else "later"

    def open(self) -> list[Window]:
        """What can still be measured, of all days."""
        return [each for each in self.windows if self.state(each) in ("now", "later")]

    def today(self) -> list[Window]:
        """What can still be measured today, and in a window that began yesterday."""
        today = self.allotment.run.day_of(self.now)
        return [each for each in self.open() if each.day == today or each.start <= self.now]

    def coming(self) -> Mapping[int, list[Window]]:
        """What can still be measured on the days after today, by day."""
        today = self.allotment.run.day_of(self.now)
        found: dict[int, list[Window]] = {}
        for each in self.open():
            if each.day > today:
                found.setdefault(each.day, []).append(each)
        return found

    @property
    def over(self) -> bool:
        """Whether its days are over."""
        end = self.allotment.run.span.end
        return end is not None and self.now >= end

    @property
    def goes_on(self) -> bool:
        """Whether it is still to be measured."""
        return self.status in (OPEN | ASKED) and not self.over


def progress(allotment: Allotment, *, status: str, now: int) -> Progress:
    """How far a run is. While it goes on, the first day is left out as soon as there can be enough other days."""
    windows = tuple(allotment.run.windows())
    unknown = Progress(allotment, standing(allotment), windows, status, now)
    if not unknown.goes_on:
        return unknown
    to_come = {each.day for each in unknown.open()}
    return Progress(allotment, standing(allotment, to_come=to_come), windows, status, now)


def words_of(found: Progress) -> Words:
    """All of it in words."""
    return joined([*_sentences(found), *beside(found.allotment), watching()])


def _sentences(found: Progress) -> Iterator[Words]:
    rows, run, how = texts()["progress"], found.allotment.run, found.standing
    if found.status in ASKED:
        yield rows["requested"]
    if found.now < found.windows[0].start and run.day_of(found.now) < 0 and found.goes_on:
        yield filled(rows["not-begun"], first=day(run.first))
    yield filled(
        rows["all" if how.readings >= how.needed else "counted"], readings=str(how.readings), needed=str(how.needed)
    )
    if found.goes_on and len(how.days) < how.needed_days:
        yield filled(rows["days"], days=amount_of("days", how.needed_days - len(how.days)))
    if how.dropped is not None:
        yield rows["dropped"]
    elif run.protocol.drop_first is not None and how.days and found.now >= _of_first(found):
        yield rows["kept"]
    if found.goes_on:
        yield from _to_do(found)
    elif found.over:
        yield rows["over"]


def _of_first(found: Progress) -> int:
    """When the first day that was measured is over."""
    first = found.standing.days[0]
    return max(each.end for each in found.windows if each.day == first)


def _to_do(found: Progress) -> Iterator[Words]:
    rows, today, coming = texts()["progress"], found.today(), found.coming()
    for each in today:
        missing = amount_of("measurements", found.allotment.missing(each))
        yield _capital(filled(rows["today"], slot=each.slot.now, measurements=missing))
    if not today and 0 <= found.allotment.run.day_of(found.now) < found.allotment.run.days:
        yield rows["today-done"]
    if coming:
        slots = [_times(each.slot.words, each.slot.times) for each in found.windows if each.day == max(coming)]
        listed: Words = {language: ", ".join(each[language] for each in slots) for language in LANGUAGES}
        yield filled(rows["coming"], days=amount_of("days", len(coming)), slots=listed)


def _times(slot: Words, times: int) -> Words:
    return filled(texts()["progress"]["slot-once" if times == 1 else "slot"], slot=slot, times=str(times))


def _capital(words: Words) -> Words:
    return {language: text[:1].upper() + text[1:] for language, text in words.items()}

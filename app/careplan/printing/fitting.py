"""What goes on the two pages in brief, and what to the annex. Pure: heights in, places out.

Nothing is cut: an item stands on the two pages as it is, or shortened with a word that says where it goes on, or is
counted in a line that says how many more there are. A section of which anything is missing stands in the annex in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["full", "brief", "short"]
"""With everything; with what matters most; only the beginning of its words."""
MATTERS: Final = ("goals", "action-plan", "agreements", "network", "about", "decisions", "evaluations", "wishes")
"""Which section is given room first; others come after these."""
_BACKWARDS: Final = "action-plan"
"""Of the zones the red one is given room first."""
_ENOUGH: Final = 3
"""Items of a section that found no room: then the others are not tried any more."""
_TOLERANCE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Heights:
    """Of one section, in points: ``items`` has for each item the height by form."""

    code: str
    heading: float
    items: Sequence[dict[Form, float]]
    notice: float


@dataclass(frozen=True, slots=True)
class Room:
    """The columns that there are, in order, and what stands between two pieces in one."""

    columns: Sequence[float]
    gap: float
    before_heading: float


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands somewhere: a heading, an item in a form, or that there is more of its section."""

    kind: Literal["heading", "item", "notice"]
    section: int
    item: int = 0
    form: Form = "full"


@dataclass(frozen=True, slots=True)
class Fit:
    """The pieces per column, and the sections that the annex has in full."""

    columns: Sequence[Sequence[Piece]]
    annex: Sequence[int]


def whole(sections: Sequence[Heights], room: Room) -> Fit | None:
    """Everything in full, when that fits."""
    return _placed(sections, room, [dict.fromkeys(range(len(each.items)), "full") for each in sections])


def in_brief(sections: Sequence[Heights], room: Room) -> Fit:
    """As much as fits: of each section something, then more in turns, then in full where that is possible."""
    trying = _Trying(sections, room, [{} for _ in sections])
    waiting = {place: _admission(each) for place, each in enumerate(sections)}
    order = sorted(waiting, key=lambda place: _rank(sections[place].code))
    refused = dict.fromkeys(waiting, 0)
    while any(waiting.values()):
        for place in order:
            for item in waiting[place][: 2 if sections[place].code == MATTERS[0] else 1]:
                waiting[place].remove(item)
                if not (trying.take(place, item, "brief") or trying.take(place, item, "short")):
                    refused[place] += 1
            if refused[place] == _ENOUGH:
                waiting[place].clear()
    for place in order:
        for item, form in list(trying.shown[place].items()):
            if form == "brief":
                trying.take(place, item, "full")
    found = _placed(sections, room, trying.shown)
    assert found is not None, "headings and notices fit, and every step was tried before it was taken"
    return found


@dataclass(slots=True)
class _Trying:
    """What is shown of each section so far: the form by item."""

    sections: Sequence[Heights]
    room: Room
    shown: list[dict[int, Form]]

    def take(self, place: int, item: int, form: Form) -> bool:
        """Show an item in this form, if all still fits then."""
        before = self.shown[place].get(item)
        self.shown[place][item] = form
        if _placed(self.sections, self.room, self.shown) is not None:
            return True
        if before is None:
            del self.shown[place][item]
        else:
            self.shown[place][item] = before
        return False


def _admission(section: Heights) -> list[int]:
    items = list(range(len(section.items)))
    return items[::-1] if section.code == _BACKWARDS else items


def _rank(code: str) -> int:
    return MATTERS.index(code) if code in MATTERS else len(MATTERS)


def _placed(sections: Sequence[Heights], room: Room, shown: Sequence[dict[int, Form]]) -> Fit | None:
    """Fill the columns one after the other. None when there is too much."""
    columns: list[list[Piece]] = [[] for _ in room.columns]
    annex: list[int] = []
    at, left = 0, room.columns[0]
    for place, section in enumerate(sections):
        complete = len(shown[place]) == len(section.items) and all(
            form == "full" or section.items[item]["full"] == section.items[item][form]
            for item, form in shown[place].items()
        )
        if not complete:
            annex.append(place)
        for group in _groups(place, shown[place], complete=complete):
            height = _height(group, section, room, first=not columns[at])
            while height > left - _TOLERANCE:
                at += 1
                if at == len(columns):
                    return None
                left = room.columns[at]
                height = _height(group, section, room, first=True)
            columns[at] += group
            left -= height
    return Fit(columns, annex)


def _groups(place: int, shown: dict[int, Form], *, complete: bool) -> list[list[Piece]]:
    """Pieces that stay together: a heading with what comes first."""
    pieces = [Piece("item", place, item, shown[item]) for item in sorted(shown)]
    if not complete:
        pieces.append(Piece("notice", place))
    heading = Piece("heading", place)
    return [[heading, *pieces[:1]], *([each] for each in pieces[1:])]


def _height(group: Sequence[Piece], section: Heights, room: Room, *, first: bool) -> float:
    total = 0.0
    for number, piece in enumerate(group):
        if piece.kind == "heading":
            total += section.heading + (0.0 if first else room.before_heading)
        elif piece.kind == "item":
            total += section.items[piece.item][piece.form] + (0.0 if first and not number else room.gap)
        else:
            total += section.notice + (0.0 if first and not number else room.gap)
    return total

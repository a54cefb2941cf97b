"""What there is to see of a Questionnaire, given what was answered so far: its questions in their order, each with the
place of its answers, and the pages that they are spread over.
https://hl7.org/fhir/R4/questionnaire.html

A place has a key: the numbers of the items on the way to it, those that can be there several times (groups, and
questions with something below their answers) with the number of the occurrence or answer, as in ``2_1-0``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from app.questionnaires.answers.checking import MAX_OCCURS
from app.questionnaires.answers.enabling import Enabling
from app.questionnaires.answers.filled import Node, Place
from app.questionnaires.items import Form, Item
from app.web.questionnaires.wording import HIDDEN, control_of

KEY: Final = re.compile(r"\d{1,4}(_\d{1,4})?(-\d{1,4}(_\d{1,4})?)*")
ALL: Final = "all"
"""Stands for the page with everything."""
_WHOLE: Final = frozenset({"page", "table", "htable", "gtable", "grid", "atable"})
"""Controls of groups that are shown together."""
Kind = Literal["display", "open", "close", "question", "more"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to see: a display, a question, where a group begins and ends, and where one more of it can be added.
    ``times``: how often a group is there; ``asked``: it is a question that can be answered here.
    """

    kind: Kind
    key: str
    item: Item
    node: Node | None = field(default=None, repr=False)
    times: int = 0
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown at once. ``key`` is that of the first thing that can be done on it; ``first`` and ``last`` are the
    numbers of its questions among all (0 where it has none); ``within``: the groups around it, the outermost first.
    """

    key: str
    entries: tuple[Entry, ...]
    within: tuple[Entry, ...] = ()
    first: int = 0
    last: int = 0


def outline(enabling: Enabling) -> list[Entry]:
    """Everything that is to be seen."""
    return list(_walk(enabling, enabling.tree.form.items, Place(), ""))


def pages_of(entries: Sequence[Entry]) -> list[Page]:
    """One question each, except where the Questionnaire has a group shown as a whole."""
    made: list[Page] = []
    pending: list[Entry] = []
    around: list[Entry] = []
    whole = 0
    number = first = 0

    def finish(key: str) -> None:
        nonlocal pending, first
        made.append(Page(key, tuple(pending), tuple(around), first, number if first else 0))
        pending, first = [], 0

    for entry in entries:
        if entry.kind == "open" and (whole or control_of(entry.item) in _WHOLE):
            whole += 1
            pending.append(entry)
        elif entry.kind == "open":
            around.append(entry)
        elif entry.kind == "close" and whole:
            whole -= 1
            pending.append(entry)
            if not whole and any(each.asked for each in pending):
                finish(entry.key)
        elif entry.kind == "close":
            around.pop()
        else:
            pending.append(entry)
            if entry.asked:
                number += 1
                first = first or number
            if not whole and (entry.asked or entry.kind == "more"):
                finish(entry.key)
    if pending and made:
        last = made.pop()
        made.append(Page(last.key, (*last.entries, *pending), last.within, last.first, last.last))
    elif pending:
        made.append(Page(pending[-1].key, tuple(pending)))
    return made


def whole_page(entries: Sequence[Entry]) -> Page:
    """Everything at once."""
    number = sum(each.asked for each in entries)
    return Page(ALL, tuple(entries), (), min(1, number), number)


def item_at(form: Form, key: str) -> Item | None:
    """The item of a key; None where the form has none there."""
    if not KEY.fullmatch(key):
        return None
    items: Sequence[Item] = form.items
    found: Item | None = None
    for segment in key.split("-"):
        index = int(segment.partition("_")[0])
        if index >= len(items):
            return None
        found = items[index]
        items = found.children
    return found


def _walk(enabling: Enabling, items: Sequence[Item], place: Place, prefix: str) -> Iterator[Entry]:
    for index, item in enumerate(items):
        if item.extension(HIDDEN) or not enabling.holds(item, place):
            continue
        key = f"{prefix}{index}"
        if item.type == "display":
            yield Entry("display", key, item)
        elif item.type == "group":
            yield from _group(enabling, item, place, key)
        else:
            yield from _question(enabling, item, place, key)


def _group(enabling: Enabling, item: Item, place: Place, key: str) -> Iterator[Entry]:
    nodes = enabling.tree.of_item(item, place)
    if not nodes and not item.repeats:
        nodes = [enabling.tree.empty(item, place)]
    for number, node in enumerate(nodes):
        inner = f"{key}_{number}"
        yield Entry("open", inner, item, node, times=len(nodes))
        yield from _walk(enabling, item.children, Place(node), f"{inner}-")
        yield Entry("close", inner, item, node)
    if item.repeats and not (nodes and item.extension(MAX_OCCURS) == 1):
        yield Entry("more", key, item, times=len(nodes))


def _question(enabling: Enabling, item: Item, place: Place, key: str) -> Iterator[Entry]:
    nodes = enabling.tree.of_item(item, place)
    node = nodes[0] if nodes else None
    asked = not item.raw.get("readOnly") and item.type != "reference"
    yield Entry("question", key, item, node, asked=asked)
    for number, _ in node.answers if node is not None else ():
        for each in _walk(enabling, item.children, Place(node, number), f"{key}_{number}-"):
            if not _belongs_to_question(each, item):
                yield each


def _belongs_to_question(entry: Entry, question: Item) -> bool:
    """A display in a question that is always there is shown with it."""
    if entry.kind != "display" or entry.item.parent is not question:
        return False
    return not entry.item.raw.get("enableWhen")

"""A draft or an answered questionnaire as blocks for a page: what is asked with its fields, and what was answered in
words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.fhir.resource import Resource
from app.questionnaires.answers.checking import MAX_OCCURS
from app.questionnaires.answers.values import choice_in
from app.questionnaires.items import Item
from app.web.dates import ZONE, day, moment
from app.web.questionnaires.drafts import Draft
from app.web.questionnaires.editing import answers_at
from app.web.questionnaires.fields import OTHER, Question, Typed, held
from app.web.questionnaires.options import key_of
from app.web.questionnaires.outline import Entry
from app.web.questionnaires.typed import file_limit, file_types
from app.web.questionnaires.wording import Said, said, said_of, words_of

_BYTES: Final = 1_000_000


@dataclass(slots=True)
class Block:
    """One thing on a page, in the order in which it is read. ``kind``: display, open, close, more or a question;
    ``level``: of its heading.
    """

    kind: str
    key: str
    said: Said
    item: Item
    number: int = 0
    times: int = 0
    level: int = 2
    question: Question | None = None
    typed: Typed = field(default_factory=Typed)
    problem: str = ""
    answers: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Begins the names of the fields."""
        return f"q{self.key}"

    @property
    def focus(self) -> str:
        """The id of the first field."""
        if self.question is None:
            return f"{self.name}-group"
        if self.question.has_slots:
            first = {"date": ".d", "dateTime": ".d"}.get(self.item.type, "")
            return f"{self.name}.0{first}"
        return self.name if self.question.control in ("select", "file") else f"{self.name}-1"

    @property
    def is_full(self) -> bool:
        """Whether there are as many of a group as there can be."""
        return self.times >= int(self.item.extension(MAX_OCCURS) or self.times + 1)

    @property
    def slots(self) -> list[dict[str, str]]:
        """What is typed, with an empty place for one more."""
        there = [each for each in self.typed.slots if any(each.values())]
        assert self.question is not None
        return [*there, {}] if len(there) < self.question.most else there

    @property
    def other(self) -> str:
        """Words of one's own beside the options."""
        return next((each.get("", "") for each in self.typed.slots), "")

    @property
    def other_chosen(self) -> bool:
        """Whether these were chosen."""
        return OTHER in self.typed.chosen

    @property
    def file_types(self) -> tuple[str, ...]:
        """What can be sent."""
        return file_types(self.item)

    @property
    def file_limit(self) -> str:
        """In MB."""
        return f"{file_limit(self.item):g}".replace(".", ",")


def blocks_of(
    draft: Draft,
    entries: Sequence[Entry],
    *,
    typed: Mapping[str, Typed] | None = None,
    problems: Mapping[str, str] | None = None,
    level: int = 2,
) -> list[Block]:
    """The blocks of a page. ``typed``: what was typed instead of what is stored; ``problems``: texts by key."""
    language = draft.visit.language
    made: list[Block] = []
    deep = level
    for entry in entries:
        if entry.kind == "close":
            deep -= 1
        number = int(entry.key.rpartition("_")[2]) + 1 if entry.kind == "open" else 0
        block = Block(
            entry.kind, entry.key, said_of(entry.item, language), entry.item, number, entry.times, min(deep, 6)
        )
        block.problem = (problems or {}).get(entry.key, "")
        if entry.kind == "open":
            deep += 1
        if entry.kind == "question":
            question = block.question = draft.question(entry.key, entry.item)
            stored = answers_at(draft.held.form, draft.response, entry.key)
            block.typed = (typed or {}).get(entry.key) or held(question, stored, language)
            block.answers = [answer_words(draft, question, each) for each in stored]
        made.append(block)
    return made


def answer_words(draft: Draft, question: Question, answer: Resource) -> str:
    """An answer as people read it, in the language of the page."""
    language = draft.visit.language
    kind, value = choice_in(answer, "value")
    key = key_of(answer)
    option = next((each.words for each in question.options if each.key == key), "")
    if option:
        return option
    if kind == "Boolean":
        return draft.visit.yes_no[str(value)]
    if kind == "Quantity":
        return f"{_number(value.get('value', ''), language)} {value.get('unit', value.get('code', ''))}".strip()
    if kind == "Attachment":
        return f"{value.get('title', value.get('contentType', ''))} ({_size(draft, int(value.get('size', 0)))})"
    if kind in ("Decimal", "Integer"):
        return _number(value, language)
    if kind in ("Date", "DateTime"):
        return _when(str(value), language)
    return value[:5] if kind == "Time" else words_of(value, language)


def _size(draft: Draft, size: int) -> str:
    t, language = draft.visit.visitor.t, draft.visit.language
    if size >= _BYTES:
        return t("questionnaires.file.megabytes", size=_number(round(size / _BYTES, 1), language))
    return t("questionnaires.file.kilobytes", size=max(1, size // 1000))


def _when(value: str, language: str) -> str:
    if "T" not in value:
        return day(value, language)
    found = datetime.fromisoformat(value)
    return moment(int((found if found.tzinfo else found.replace(tzinfo=ZONE)).timestamp() * 1_000_000), language)


def _number(value: Any, language: str) -> str:
    return str(value).replace(".", ",") if language == "nl" else str(value)


def heading_of(entry: Entry, language: str) -> tuple[str, int, int]:
    """The words of a group, its number and how many there are of it."""
    number = int(entry.key.rpartition("_")[2]) + 1 if entry.item.repeats else 0
    return said(entry.item.raw, "text", language), number, entry.times

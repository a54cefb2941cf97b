"""A question as fields of a form: which control, what it holds, and the answers that come back in it.
https://hl7.org/fhir/R4/valueset-questionnaire-item-control.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from app.fhir.resource import Resource
from app.questionnaires.answers.checking import MAX_OCCURS
from app.questionnaires.answers.limits import MAX_VALUE, MIN_VALUE, values_of
from app.questionnaires.answers.values import choice_in
from app.questionnaires.items import VALUES, Item
from app.questionnaires.names import CORE
from app.web.questionnaires.options import Option, key_of, options_of, units_of
from app.web.questionnaires.typed import Parts, file_answer, parts_of, read, shown
from app.web.questionnaires.wording import control_of
from app.web.uploads import File, Upload

OTHER: Final = "other:"
"""Chosen for words of one's own."""
_STEP: Final = f"{CORE}questionnaire-sliderStepValue"
_MOST_ON_SCALE: Final = 21
_LONG: Final = 15
"""More options than this are chosen from a list that folds out."""
_DIGITS: Final = 3
"""Of the number of an answer that is typed."""
_FOLDED: Final = frozenset({"drop-down", "autocomplete", "lookup"})
_CHOICES: Final = frozenset({"choice", "open-choice"})

Control = Literal["radio", "checks", "select", "scale", "typed", "file", "closed"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is needed to ask an item here. ``options`` are those of a choice, ``units`` those of an amount."""

    key: str
    item: Item
    control: Control
    options: Sequence[Option] = ()
    units: Sequence[Option] = ()

    @property
    def name(self) -> str:
        """Begins the names of its fields."""
        return f"q{self.key}"

    @property
    def is_open(self) -> bool:
        """Whether words of one's own can be given beside the options."""
        return self.item.type == "open-choice" and self.control in ("radio", "checks", "select")

    @property
    def has_slots(self) -> bool:
        """Whether answers are typed one below the other."""
        return self.control == "typed"

    @property
    def most(self) -> int:
        """How many answers there can be."""
        if not self.item.repeats:
            return 1
        return int(self.item.extension(MAX_OCCURS) or 1_000)


@dataclass(slots=True)
class Typed:
    """What the fields of a question hold: the keys of what is chosen, what is typed, the file that was sent, and
    whether the one that was sent before is to go.
    """

    chosen: list[str] = field(default_factory=list)
    slots: list[dict[str, str]] = field(default_factory=list)
    file: File | None = None
    remove: bool = False


def question_of(key: str, item: Item, sets: Mapping[str, list[Resource]], language: str, yes_no: Parts) -> Question:
    """How an item is asked. ``yes_no``: the words for true and false."""
    if item.type == "reference" or item.raw.get("readOnly"):
        return Question(key, item, "closed")
    if item.type == "attachment":
        return Question(key, item, "file")
    if item.type == "boolean":
        made = [Option(key_of({"valueBoolean": each}), yes_no[str(each)], {"valueBoolean": each}) for each in _BOTH]
        return Question(key, item, "radio", made)
    if item.type in _CHOICES:
        options = options_of(item, sets, language)
        if not options:
            return Question(key, item, "typed" if item.type == "open-choice" else "closed")
        if item.repeats:
            return Question(key, item, "checks", options)
        control = control_of(item)
        folded = control in _FOLDED or (len(options) > _LONG and control != "radio-button")
        return Question(key, item, "select" if folded else "radio", options)
    scale = _scale(item, language)
    if scale:
        return Question(key, item, "scale", scale)
    units = units_of(item, sets, language) if item.type == "quantity" else []
    return Question(key, item, "typed", units=units)


_BOTH: Final = (True, False)


def _scale(item: Item, language: str) -> list[Option]:
    """The numbers of a ruler; nothing for what is none."""
    if item.type not in ("integer", "decimal") or control_of(item) != "slider" or item.repeats:
        return []
    low, high = (values_of(item, *urls)[:1] for urls in (MIN_VALUE, MAX_VALUE))
    if not low or not high or isinstance(low[0], dict) or isinstance(high[0], dict):
        return []
    step = Decimal(item.extension(_STEP) or 1)
    if step <= 0 or (Decimal(high[0]) - Decimal(low[0])) / step >= _MOST_ON_SCALE:
        return []
    made = []
    number = Decimal(low[0])
    while number <= Decimal(high[0]):
        answer = {VALUES[item.type]: int(number) if item.type == "integer" else number}
        text = format(number, "f").replace(".", "," if language == "nl" else ".")
        made.append(Option(key_of(answer), text, answer))
        number += step
    return made


def held(question: Question, answers: Sequence[Resource], language: str) -> Typed:
    """What the fields hold for the answers that are there."""
    if question.has_slots:
        return Typed(slots=[_shown(question, each, language) for each in answers])
    keys = {each.key for each in question.options}
    typed = Typed()
    for each in answers:
        if question.is_open and choice_in(each, "value")[0] == "String" and key_of(each) not in keys:
            typed.chosen.append(OTHER)
            typed.slots.append({"": str(choice_in(each, "value")[1])})
        else:
            typed.chosen.append(key_of(each))
    return typed


def sent(question: Question, form: Upload) -> Typed:
    """What the fields hold in a form that came back."""
    name = question.name
    typed = Typed([each for each in form.all(name) if each], file=form.files.get(name), remove=form.has(f"{name}.gone"))
    numbers = {
        int(text)
        for given, _ in form.fields
        if given.startswith(f"{name}.")
        and (text := given.removeprefix(f"{name}.").partition(".")[0]).isdecimal()
        and len(text) <= _DIGITS
    }
    for number in sorted(numbers):
        slot = f"{name}.{number}"
        parts = parts_of(question.item.type) if question.has_slots else ("",)
        typed.slots.append({part: form.exactly(f"{slot}.{part}" if part else slot) for part in parts})
    return typed


def answers_in(question: Question, typed: Typed, stored: Sequence[Resource], language: str) -> list[Resource]:
    """The answers that are in the fields; what did not change stays as it is stored. Raises ``NotRead``."""
    if question.control == "closed":
        return list(stored)
    if question.control == "file":
        if typed.file is not None:
            return [file_answer(question.item, typed.file)]
        return [] if typed.remove else list(stored)
    if question.has_slots:
        return _typed(question, typed.slots, stored, language)
    before = {key_of(each): each for each in stored}
    options = {each.key: each for each in question.options}
    made = []
    for key in dict.fromkeys(typed.chosen):
        if key in before:
            made.append(before[key])
        elif key in options:
            made.append(dict(options[key].answer))
    words = next((each.get("", "").strip() for each in typed.slots), "")
    if question.is_open and words and (OTHER in typed.chosen or question.item.repeats or not made):
        text = words.replace("\r\n", "\n")
        made.append(before.get(key_of({"valueString": text}), {"valueString": text}))
    return made


def _typed(question: Question, slots: Sequence[Parts], stored: Sequence[Resource], language: str) -> list[Resource]:
    made = []
    for number, parts in enumerate(slots):
        before = stored[number] if number < len(stored) else None
        if before is not None and _same(parts, _shown(question, before, language)):
            made.append(before)
            continue
        answer = read(question.item, parts, list(question.units))
        if answer is not None:
            below = {} if before is None or "item" not in before else {"item": before["item"]}
            made.append({**answer, **below})
    return made


def _shown(question: Question, answer: Resource, language: str) -> dict[str, str]:
    made = shown(question.item.type, answer, language)
    if question.item.type == "quantity" and not question.units:
        quantity = choice_in(answer, "value")[1] or {}
        made["u"] = str(quantity.get("unit", quantity.get("code", "")))
    return made


def _same(parts: Parts, other: Parts) -> bool:
    names = {*parts, *other}
    plain = [{name: each.get(name, "").strip().replace("\r\n", "\n") for name in names} for each in (parts, other)]
    return plain[0] == plain[1] and any(plain[0].values())

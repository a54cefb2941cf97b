"""The items of a Questionnaire, and the answers of a QuestionnaireResponse, in a shape to work with.
https://hl7.org/fhir/R4/questionnaire.html https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.fhir.resource import Resource
from app.questionnaires.names import CORE

ORDINAL: Final = (f"{CORE}ordinalValue", f"{CORE}questionnaire-ordinalValue")
ITEM_WEIGHT: Final = f"{CORE}itemWeight"
VALUES: Final[Mapping[str, str]] = {
    "boolean": "valueBoolean",
    "decimal": "valueDecimal",
    "integer": "valueInteger",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "time": "valueTime",
    "string": "valueString",
    "text": "valueString",
    "url": "valueUri",
    "choice": "valueCoding",
    "open-choice": "valueCoding",
    "attachment": "valueAttachment",
    "reference": "valueReference",
    "quantity": "valueQuantity",
}
"""The member of an answer by the type of its question; that of open-choice may also be a ``valueString``."""
NO_ANSWER: Final = frozenset({"group", "display"})


@dataclass(frozen=True, slots=True)
class Item:
    """One item. ``path``: its FHIRPath in the Questionnaire; ``raw``: as it is written."""

    link_id: str
    type: str
    raw: Resource
    path: str
    parent: Item | None = field(default=None, repr=False, compare=False)
    children: tuple[Item, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_question(self) -> bool:
        """Whether it can have answers."""
        return self.type not in NO_ANSWER

    @property
    def required(self) -> bool:
        """Whether it must be answered where it is enabled."""
        return bool(self.raw.get("required"))

    @property
    def repeats(self) -> bool:
        """Whether it can have several answers, or as a group be there several times."""
        return bool(self.raw.get("repeats"))

    def extension(self, url: str) -> Any:
        """The value of an extension of the item, None where it has none."""
        return extension_value(self.raw, url)


@dataclass(frozen=True, slots=True)
class Form:
    """A Questionnaire with its items. linkIds are unique (que-2)."""

    resource: Resource
    items: tuple[Item, ...]
    by_link_id: Mapping[str, Item]

    @property
    def canonical(self) -> str:
        """With its version, where it has one."""
        url, version = self.resource.get("url", ""), self.resource.get("version")
        return f"{url}|{version}" if version else url

    def walk(self) -> Iterator[Item]:
        """Every item, in the order in which they are asked."""
        yield from self.by_link_id.values()


def form_of(questionnaire: Resource) -> Form:
    """The items of a valid Questionnaire."""
    by_link_id: dict[str, Item] = {}
    items = _items(questionnaire, "Questionnaire", None, by_link_id)
    return Form(questionnaire, items, by_link_id)


def extension_value(element: Resource, url: str) -> Any:
    """The value of the first extension with a URL, None where there is none."""
    for each in element.get("extension", ()):
        if each.get("url") == url:
            return next((value for name, value in each.items() if name.startswith("value")), None)
    return None


def answers_of(response: Resource) -> dict[str, list[Resource]]:
    """Every answer (with its ``value[x]``) by linkId, also of items in groups and below answers, in their order. A
    linkId that stands there without an answer has an empty list.
    """
    found: dict[str, list[Resource]] = {}
    for _, item in walk_answers(response):
        found.setdefault(item.get("linkId", ""), []).extend(
            each for each in item.get("answer", ()) if any(name.startswith("value") for name in each)
        )
    return found


def walk_answers(response: Resource) -> Iterator[tuple[str, Resource]]:
    """(FHIRPath, item) of every item of a response, each before those in it."""
    yield from _walk(response, "QuestionnaireResponse")


def value_in(answer: Resource) -> tuple[str, Any]:
    """The member and the value of an answer; ("", None) when it has none."""
    return next(((name, value) for name, value in answer.items() if name.startswith("value")), ("", None))


def _walk(element: Resource, path: str) -> Iterator[tuple[str, Resource]]:
    for number, item in enumerate(element.get("item", ())):
        place = f"{path}.item[{number}]"
        yield place, item
        yield from _walk(item, place)
        for index, answer in enumerate(item.get("answer", ())):
            yield from _walk(answer, f"{place}.answer[{index}]")


def _items(element: Resource, path: str, parent: Item | None, by_link_id: dict[str, Item]) -> tuple[Item, ...]:
    made = []
    for number, raw in enumerate(element.get("item", ())):
        place = f"{path}.item[{number}]"
        item = Item(raw.get("linkId", ""), raw.get("type", ""), raw, place, parent)
        by_link_id[item.link_id] = item
        object.__setattr__(item, "children", _items(raw, place, item, by_link_id))
        made.append(item)
    return tuple(made)

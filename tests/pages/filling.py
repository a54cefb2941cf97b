"""Fills in any questionnaire on its pages, as somebody who reads what is asked: driven by the Questionnaire, and
keeping what was given, to hold what is stored against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Locator, Page

from app.fhir.resource import Resource
from app.questionnaires.items import value_in
from tests.pages.images import PNG

CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_MOST_STEPS: Final = 250
_NOTHING: Final = ("\0",)


@dataclass
class Filler:
    """``pick``: which of the options is chosen, as a number that is taken modulo how many there are; ``given``: the
    answers (member and value) by the key of their place; ``skip``: how the linkIds begin of what is left without an
    answer.
    """

    page: Page
    questionnaire: Resource
    folder: Path
    pick: int = 0
    extra_groups: int = 1
    skip: tuple[str, ...] = ()
    given: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def item(self, key: str) -> Resource:
        items: Sequence[Resource] = self.questionnaire["item"]
        found: Resource = {}
        for segment in key.split("-"):
            found = items[int(segment.partition("_")[0])]
            items = found.get("item", ())
        return found

    def by_steps(self) -> None:
        """One question after the other, to the overview."""
        for _ in range(_MOST_STEPS):
            if self.page.url.partition("?")[0].endswith("/overview"):
                return
            if "/help" in self.page.url:
                self._press(self.page.locator("main .buttons a"))
                continue
            self.fill_what_is_shown()
            if not self._add_group():
                self.next()
        raise AssertionError(f"no end: {self.page.url}")

    def at_once(self) -> None:
        """All on one page, as often as answers bring questions."""
        for _ in range(20):
            if "/help" in self.page.url:
                self._press(self.page.locator("main .buttons a"))
            if self.page.url.partition("?")[0].endswith("/overview"):
                return
            self.fill_what_is_shown()
            self.next()
        raise AssertionError(f"no end: {self.page.url}")

    def next(self) -> None:
        self._press(self.page.locator("main form p.buttons button[value=next]"))

    def _press(self, button: Locator) -> None:
        """What is read next is on the page that it leads to."""
        assert button.count(), f"{self.page.url}: {self.page.locator('body').inner_text()}"
        with self.page.expect_navigation():
            button.click()

    def fill_what_is_shown(self) -> None:
        problems = self.page.locator(".problems")
        assert not problems.count(), problems.inner_text()
        for key in self.page.locator("input[name=shown]").evaluate_all("all => all.map(each => each.value)"):
            if key not in self.given and not self.item(key)["linkId"].startswith(self.skip or _NOTHING):
                self.seen.append(key)
                self.given[key] = self.answer(key, self.item(key))

    def _add_group(self) -> bool:
        for button in self.page.locator("button[value^='add:']").all():
            key = (button.get_attribute("value") or "").removeprefix("add:")
            if self.added.get(key, 0) < self.extra_groups and not self.item(key)["linkId"].startswith(
                self.skip or _NOTHING
            ):
                self.added[key] = self.added.get(key, 0) + 1
                self._press(button)
                return True
        return False

    def answer(self, key: str, item: Resource) -> list[tuple[str, Any]]:
        """Give an answer in the fields of a question; what it is."""
        kind = item["type"]
        name = f"q{key}"
        chosen = self.page.locator(f"input[name='{name}'][type=radio], input[name='{name}'][type=checkbox]")
        if chosen.count():
            return self._choose(item, chosen)
        select = self.page.locator(f"select[name='{name}']")
        if select.count():
            values = [
                each
                for each in select.locator("option").evaluate_all("all => all.map(each => each.value)")
                if each and each != "other:"
            ]
            value = values[self.pick % len(values)]
            select.select_option(value)
            return [self._chosen(item, value)]
        if kind == "attachment":
            return self._file(name)
        return self._typed(item, name)

    def _choose(self, item: Resource, chosen: Locator) -> list[tuple[str, Any]]:
        values = [
            value for value in chosen.evaluate_all("all => all.map(each => each.value)") if value and value != "other:"
        ]
        if chosen.first.get_attribute("type") == "checkbox":
            picked = [values[self.pick % len(values)]]
            if len(values) > 2 and not _exclusive(item):
                picked.append(values[(self.pick + 1) % len(values)])
            picked.sort(key=values.index)
        else:
            picked = [values[self.pick % len(values)]]
        for value in picked:
            chosen.locator(f"xpath=self::*[@value={_quoted(value)}]").check()
        return [self._chosen(item, value) for value in picked]

    def _chosen(self, item: Resource, key: str) -> tuple[str, Any]:
        kind, _, text = key.partition(":") if key.startswith(("value:", "display:", "reference:")) else ("", "", key)
        if kind == "value" and item["type"] == "boolean":
            return "valueBoolean", text == "True"
        if kind == "value" and item["type"] == "integer":
            return "valueInteger", int(text)
        for option in item.get("answerOption", ()):
            member, value = value_in(option)
            if member == "valueCoding" and key in (
                f"{value.get('system', '')}|{value.get('code')}",
                f"display:{value.get('display')}",
            ):
                return member, {name: value[name] for name in ("system", "version", "code", "display") if name in value}
            if kind == "value" and str(value) == text:
                return member, value
        system, _, code = key.rpartition("|")
        return "valueCoding", {"system": system, "code": code}

    def _file(self, name: str) -> list[tuple[str, Any]]:
        path = self.folder / "foto.png"
        path.write_bytes(PNG)
        self.page.locator(f"input[name='{name}'][type=file]").set_input_files(path)
        return [("valueAttachment", {"contentType": "image/png", "title": "foto.png", "size": len(PNG)})]

    def _typed(self, item: Resource, name: str) -> list[tuple[str, Any]]:
        kind = item["type"]
        number, low = 7, _limit(item, "minValue")
        if low is not None:
            number = int(low) + 1
        high = _limit(item, "maxValue")
        if high is not None:
            number = min(number, int(high))
        plain: Mapping[str, tuple[str, tuple[str, Any]]] = {
            "string": ("Zo gaat het.", ("valueString", "Zo gaat het.")),
            "text": ("Eerst dit.\nDan dat.", ("valueString", "Eerst dit.\nDan dat.")),
            "open-choice": ("Zelf bedacht", ("valueString", "Zelf bedacht")),
            "integer": (str(number), ("valueInteger", number)),
            "decimal": (f"{number},5", ("valueDecimal", Decimal(f"{number}.5"))),
            "url": ("https://www.example.org/x", ("valueUri", "https://www.example.org/x")),
            "time": ("8:05", ("valueTime", "08:05:00")),
        }
        field_name = f"{name}.0"
        if kind in ("date", "dateTime"):
            for part, text in (("d", "5"), ("m", "3"), ("y", "2024")):
                self.page.locator(f"input[name='{field_name}.{part}']").fill(text)
            if kind == "date":
                return [("valueDate", "2024-03-05")]
            self.page.locator(f"input[name='{field_name}.t']").fill("14:30")
            return [("valueDateTime", "2024-03-05T14:30:00+01:00")]
        if kind == "quantity":
            return self._amount(field_name, number)
        text, answer = plain[kind]
        if item.get("maxLength", 100) < len(text):
            text = text[: item["maxLength"]].strip()
            answer = (answer[0], text)
        self.page.locator(f"[name='{field_name}']").fill(text)
        return [answer]

    def _amount(self, name: str, number: int) -> list[tuple[str, Any]]:
        self.page.locator(f"input[name='{name}']").fill(str(number))
        unit = self.page.locator(f"[name='{name}.u']")
        quantity: dict[str, Any] = {"value": number}
        tag = unit.evaluate("each => each.tagName + '.' + each.type")
        if tag == "INPUT.text":
            unit.fill("keer")
            return [("valueQuantity", {**quantity, "unit": "keer"})]
        if tag.startswith("SELECT"):
            unit.select_option(index=1)
        system, _, code = str(unit.input_value()).rpartition("|")
        return [("valueQuantity", {**quantity, "system": system, "code": code})]


def _limit(item: Resource, name: str) -> Any:
    return next((value_in(each)[1] for each in item.get("extension", ()) if each["url"] == f"{CORE}{name}"), None)


def _exclusive(item: Resource) -> bool:
    return any(
        each["url"].endswith("optionExclusive")
        for one in item.get("answerOption", ())
        for each in one.get("extension", ())
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text else f"'{text}'"


def stored_answers(questionnaire: Resource, response: Resource) -> dict[str, list[tuple[str, Any]]]:
    """What a response says, by the key of its place; places without an answer are left out."""
    found: dict[str, list[tuple[str, Any]]] = {}

    def walk(items: Sequence[Resource], holder: Resource, prefix: str) -> None:
        for index, item in enumerate(items):
            there = [each for each in holder.get("item", ()) if each["linkId"] == item["linkId"]]
            for number, each in enumerate(there):
                key = f"{prefix}{index}"
                if item["type"] == "group":
                    walk(item.get("item", ()), each, f"{key}_{number}-")
                    continue
                found[key] = [value_in(answer) for answer in each.get("answer", ())]
                for which, answer in enumerate(each.get("answer", ())):
                    walk(item.get("item", ()), answer, f"{key}_{which}-")

    walk(questionnaire["item"], response, "")
    return found


def same_answers(given: Mapping[str, list[tuple[str, Any]]], stored: Mapping[str, list[tuple[str, Any]]]) -> list[str]:
    """The places where what is stored is not what was given; what was given may leave out words and bytes."""
    wrong = []
    for key, answers in given.items():
        there = stored.get(key, [])
        if len(there) != len(answers) or not all(map(_same, answers, there)):
            wrong.append(f"{key}: {answers} is stored as {there}")
    return wrong


def _same(given: tuple[str, Any], there: tuple[str, Any]) -> bool:
    if given[0] != there[0]:
        return False
    if isinstance(given[1], dict):
        return all(there[1].get(name) == value for name, value in given[1].items())
    return bool(given[1] == there[1])

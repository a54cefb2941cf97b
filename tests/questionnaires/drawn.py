"""Random Questionnaires, responses that fit them, and ways to break or only rewrite these.

What is enabled is told here by a few lines of their own, so that the code is not held against itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, Final

from app.fhir.resource import Resource
from tests.questionnaires.answering import CORE, coding, given, item, quantity, questionnaire, response, when

KINDS: Final = (
    *("boolean", "decimal", "integer", "date", "dateTime", "time", "string", "text", "url", "choice", "open-choice"),
    *("attachment", "reference", "quantity"),
)
_CODES: Final = ("a", "b", "c", "d")
Scope = Mapping[str, list[Any]]
"""The answers (their values) that an item sees, by linkId."""


def form(draw: Random) -> Resource:
    """A Questionnaire of a few items, nested and repeated, with conditions on what comes before."""
    counter = iter(range(1_000))
    return questionnaire(*_items(draw, counter, 0, []), subjectType=["Patient"])


def _items(draw: Random, counter: Iterator[int], depth: int, before: list[Resource]) -> list[Resource]:
    made = []
    seen = list(before)
    for _ in range(draw.randint(1, 5)):
        link_id = f"v{next(counter)}"
        kind = draw.choice(("group", "display", *KINDS)) if depth < 3 else draw.choice(KINDS)
        each = item(link_id, kind)
        if seen and draw.random() < 0.4:
            each["enableWhen"] = [_condition(draw, draw.choice(seen)) for _ in range(draw.randint(1, 2))]
            each["enableBehavior"] = draw.choice(("any", "all"))
        if kind == "group":
            each["repeats"] = draw.random() < 0.4
            each["item"] = _items(draw, counter, depth + 1, seen)
        elif kind != "display":
            _ask(draw, each)
            seen.append(each)
            if depth < 2 and draw.random() < 0.2:
                each["item"] = _items(draw, counter, depth + 1, seen)
        made.append(each)
    return made


def _ask(draw: Random, each: Resource) -> None:
    kind = each["type"]
    each["required"] = draw.random() < 0.5
    each["repeats"] = kind in ("string", "choice", "integer") and draw.random() < 0.3
    extensions: list[Resource] = []
    if kind in ("choice", "open-choice"):
        each["answerOption"] = [{"valueCoding": coding(code)} for code in _CODES]
    if kind in ("integer", "decimal"):
        extensions += [
            {"url": f"{CORE}minValue", f"value{kind.capitalize()}": 0},
            {"url": f"{CORE}maxValue", f"value{kind.capitalize()}": 100},
        ]
    if kind == "decimal":
        extensions.append({"url": f"{CORE}maxDecimalPlaces", "valueInteger": 2})
    if kind == "string":
        each["maxLength"] = 10
        extensions += [
            {"url": f"{CORE}minLength", "valueInteger": 2},
            {"url": f"{CORE}regex", "valueString": "[a-z]+"},
        ]
    if kind == "quantity":
        extensions.append(
            {"url": f"{CORE}questionnaire-unit", "valueCoding": coding("kg", "http://unitsofmeasure.org")}
        )
    if kind == "attachment":
        extensions.append({"url": f"{CORE}mimeType", "valueCode": "image/png"})
    if kind == "reference":
        extensions.append({"url": f"{CORE}questionnaire-referenceResource", "valueCode": "Organization"})
    if each["repeats"]:
        extensions.append({"url": f"{CORE}questionnaire-maxOccurs", "valueInteger": 3})
    if extensions:
        each["extension"] = extensions


def _condition(draw: Random, question: Resource) -> Resource:
    members = {"boolean": "Boolean", "integer": "Integer", "string": "String", "choice": "Coding"}
    kind = members.get(question["type"])
    if kind is None or draw.random() < 0.3:
        return when(question["linkId"], "exists", answerBoolean=draw.random() < 0.7)
    operator = draw.choice(("=", "!=", ">", "<=")) if kind == "Integer" else draw.choice(("=", "!="))
    return when(question["linkId"], operator, **{f"answer{kind}": value(draw, question)[1]})


def value(draw: Random, question: Resource) -> tuple[str, Any]:
    """(type, value) of an answer that fits a question of ``form``, or one that asks nothing but a type or an option."""
    options = question.get("answerOption")
    if options and question["type"] == "choice":
        option = draw.choice(options)
        return next((name.removeprefix("value"), each) for name, each in option.items() if name.startswith("value"))
    makers: Mapping[str, Callable[[], tuple[str, Any]]] = {
        "boolean": lambda: ("Boolean", draw.random() < 0.5),
        "integer": lambda: ("Integer", draw.choice((0, 3, 100))),
        "decimal": lambda: ("Decimal", Decimal(draw.randint(0, 9_999)) / 100),
        "date": lambda: ("Date", draw.choice(("2024", "2024-02", "2024-02-29"))),
        "dateTime": lambda: ("DateTime", "2024-02-29T10:00:00+01:00"),
        "time": lambda: ("Time", "10:00:00"),
        "string": lambda: ("String", draw.choice(("ja", "nee", "misschien"))),
        "text": lambda: ("String", "Zo is het\ngegaan."),
        "url": lambda: ("Uri", "http://example.org/x"),
        "choice": lambda: ("Coding", coding(draw.choice(_CODES))),
        "open-choice": lambda: draw.choice((("Coding", coding("a")), ("String", "anders"))),
        "attachment": lambda: ("Attachment", {"contentType": "image/png", "data": "QUJD"}),
        "reference": lambda: ("Reference", {"reference": "Organization/practice"}),
        "quantity": lambda: ("Quantity", quantity(draw.randint(1, 90), "kg")),
    }
    return makers[question["type"]]()


def answered(draw: Random, asked: Resource, *, everything: bool = False) -> Resource:
    """A response that fits; ``everything``: what is enabled is answered, required or not."""
    return response(*_answers(draw, asked["item"], {}, everything=everything))


def _answers(draw: Random, items: list[Resource], scope: dict[str, list[Any]], *, everything: bool) -> list[Resource]:
    """Those of one place, in their order; ``scope`` gets what they say."""
    made = []
    for each in items:
        link_id, kind = each["linkId"], each["type"]
        scope.pop(link_id, None)
        if not _is_enabled(each, scope) or kind == "display":
            _forget(each, scope)
            continue
        if kind == "group":
            made += _group(draw, each, scope, everything=everything)
            continue
        if not (each.get("required") or everything or draw.random() < 0.6):
            _forget(each, scope)
            continue
        values = [value(draw, each)]
        while each.get("repeats") and len(values) < 3 and draw.random() < 0.5:
            other = value(draw, each)
            if other not in values:
                values.append(other)
        scope[link_id] = [one for _, one in values]
        answers = []
        for kind_of, one in values:
            answer: Resource = {f"value{kind_of}": one}
            inner = {**scope, link_id: [one]}
            below = _answers(draw, each.get("item", []), inner, everything=everything)
            if below:
                answer["item"] = below
            answers.append(answer)
        made.append(given(link_id, *answers))
    return made


def _group(draw: Random, each: Resource, scope: dict[str, list[Any]], *, everything: bool) -> list[Resource]:
    made = []
    times = draw.randint(0, 2) if each.get("repeats") else 1
    last: dict[str, list[Any]] = {}
    for _ in range(times):
        inner = dict(scope)
        below = _answers(draw, each["item"], inner, everything=everything)
        last = inner
        if below or draw.random() < 0.3:
            made.append(given(each["linkId"], items=below) if below else given(each["linkId"]))
    _forget(each, scope)
    if not each.get("repeats"):
        scope.update(last)
    return made


def _forget(each: Resource, scope: dict[str, list[Any]]) -> None:
    scope.pop(each["linkId"], None)
    for below in each.get("item", ()):
        _forget(below, scope)


def _is_enabled(each: Resource, scope: Scope) -> bool:
    conditions = each.get("enableWhen", [])
    if not conditions:
        return True
    found = [_holds(condition, scope.get(condition["question"], [])) for condition in conditions]
    return all(found) if each.get("enableBehavior") == "all" else any(found)


def _holds(condition: Resource, values: list[Any]) -> bool:
    expected: Any = next(value for name, value in condition.items() if name.startswith("answer"))
    operator = condition["operator"]
    if operator == "exists":
        return bool(values) is bool(expected)
    if operator == "!=":
        return bool(values) and expected not in values
    tests = {"=": lambda one: one == expected, ">": lambda one: one > expected, "<=": lambda one: one <= expected}
    return any(tests[operator](one) for one in values)


@dataclass(frozen=True, slots=True)
class Broken:
    """A response that breaks one rule, of the item ``link_id``."""

    rule: str
    link_id: str
    response: Resource


def places(asked: Resource, answers: Resource) -> Iterator[tuple[list[Resource], int, Resource]]:
    """Every item of a response: the list that it is in, its number in that, and the item that it answers."""
    by_link_id = {each["linkId"]: each for each in every_item(asked)}

    def walk(listed: list[Resource]) -> Iterator[tuple[list[Resource], int, Resource]]:
        for number, each in enumerate(listed):
            yield listed, number, by_link_id[each["linkId"]]
            yield from walk(each.get("item", []))
            for answer in each.get("answer", ()):
                yield from walk(answer.get("item", []))

    yield from walk(answers.get("item", []))


def every_item(asked: Resource) -> Iterator[Resource]:
    for each in asked.get("item", ()):
        yield each
        yield from every_item(each)


Break = Callable[[list[Resource], int, Resource], "str | None"]
"""Breaks the response at a place, by changing it; the rule, or None where this place cannot be broken so."""


def _wrong_type(listed: list[Resource], number: int, asked: Resource) -> str | None:
    if "answer" not in listed[number]:
        return None
    answer = listed[number]["answer"][0]
    below = {name: value for name, value in answer.items() if name == "item"}
    other = {"valueTime": "10:00:00"} if asked["type"] != "time" else {"valueBoolean": True}
    listed[number]["answer"][0] = {**other, **below}
    return "type"


def _unknown(listed: list[Resource], number: int, _: Resource) -> str | None:
    listed[number]["linkId"] = f"{listed[number]['linkId']}-onbekend"
    return "unknown-item"


def _twice(listed: list[Resource], number: int, asked: Resource) -> str | None:
    if "answer" not in listed[number]:
        return None
    listed.insert(number, copy.deepcopy(listed[number]))
    return "repeated-item"


def _swapped(listed: list[Resource], number: int, _: Resource) -> str | None:
    if number + 1 >= len(listed) or listed[number]["linkId"] == listed[number + 1]["linkId"]:
        return None
    listed[number], listed[number + 1] = listed[number + 1], listed[number]
    return "order"


def _left_out(listed: list[Resource], number: int, asked: Resource) -> str | None:
    if not asked.get("required") or "answer" not in listed[number]:
        return None
    del listed[number]
    return "required"


def _emptied(listed: list[Resource], number: int, asked: Resource) -> str | None:
    if not asked.get("required") or "answer" not in listed[number]:
        return None
    del listed[number]["answer"]
    return "required"


def _deeper(listed: list[Resource], number: int, asked: Resource) -> str | None:
    if asked["type"] != "group" or "item" not in listed[number]:
        return None
    inner = listed[number]["item"]
    inner[0] = {"linkId": listed[number]["linkId"], "item": [inner[0]]}
    return "misplaced"


def _answered_group(listed: list[Resource], number: int, asked: Resource) -> str | None:
    if asked["type"] != "group":
        return None
    listed[number]["answer"] = [{"valueString": "x"}]
    return "not-a-question"


def _too_many(listed: list[Resource], number: int, asked: Resource) -> str | None:
    if "answer" not in listed[number] or asked.get("repeats"):
        return None
    listed[number]["answer"] = [listed[number]["answer"][0], copy.deepcopy(listed[number]["answer"][0])]
    return "too-many"


def _value(rule: str, kinds: Mapping[str, Resource]) -> Break:
    def broken(listed: list[Resource], number: int, asked: Resource) -> str | None:
        answer = kinds.get(asked["type"])
        if answer is None or "answer" not in listed[number]:
            return None
        below = {name: value for name, value in listed[number]["answer"][0].items() if name == "item"}
        listed[number]["answer"][0] = {**copy.deepcopy(answer), **below}
        return rule

    return broken


BREAKS: Final[tuple[Break, ...]] = (
    _wrong_type,
    _unknown,
    _twice,
    _swapped,
    _left_out,
    _emptied,
    _deeper,
    _answered_group,
    _too_many,
    _value("max-value", {"integer": {"valueInteger": 101}, "decimal": {"valueDecimal": Decimal("100.01")}}),
    _value("min-value", {"integer": {"valueInteger": -1}, "decimal": {"valueDecimal": Decimal("-0.01")}}),
    _value("decimals", {"decimal": {"valueDecimal": Decimal("1.001")}}),
    _value("max-length", {"string": {"valueString": "elfletterss"}}),
    _value("min-length", {"string": {"valueString": "x"}}),
    _value("regex", {"string": {"valueString": "JA"}}),
    _value("option", {"choice": {"valueCoding": coding("z")}, "open-choice": {"valueCoding": coding("z")}}),
    _value("unit", {"quantity": {"valueQuantity": quantity(1, "g")}}),
    _value("attachment-type", {"attachment": {"valueAttachment": {"contentType": "text/plain", "data": "QUJD"}}}),
    _value("reference-type", {"reference": {"valueReference": {"reference": "Patient/anna"}}}),
)


def broken(draw: Random, asked: Resource, answers: Resource) -> Iterator[Broken]:
    """A copy for each way to break it that there is a place for."""
    for way in BREAKS:
        found = list(range(sum(1 for _ in places(asked, answers))))
        draw.shuffle(found)
        for place in found:
            damaged = copy.deepcopy(answers)
            listed, number, question = list(places(asked, damaged))[place]
            rule = way(listed, number, question)
            if rule is not None:
                yield Broken(rule, question["linkId"], damaged)
                break


def rewritten(draw: Random, answers: Resource) -> Resource:
    """The same answers, written otherwise."""
    made = copy.deepcopy(answers)
    made["language"] = "nl"

    def walk(listed: list[Resource]) -> None:
        for each in listed:
            each["id"] = f"i{draw.randint(0, 999)}"
            walk(each.get("item", []))
            for answer in each.get("answer", ()):
                if "valueCoding" in answer:
                    answer["valueCoding"] = {**answer["valueCoding"], "display": "Anders gezegd", "userSelected": True}
                if "valueDecimal" in answer:
                    answer["valueDecimal"] = answer["valueDecimal"].normalize() + 0
                walk(answer.get("item", []))

    walk(made.get("item", []))
    return made

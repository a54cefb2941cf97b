"""Sections of what people told: who I am and what matters, and what was decided together.

https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.careplan.document.content import Item, Line, Telling
from app.careplan.document.dates import day
from app.careplan.document.gather import Key
from app.careplan.document.people import who
from app.careplan.document.values import concept_text, plain_value
from app.careplan.plan import local
from app.fhir.resource import Resource

WHO_I_AM: Final = "wie-ben-ik"
DECIDING: Final = "samen-beslissen"
_IN_BRIEF: Final = ("called", "life", "important")
_NOT_KNOWN: Final = ("refuted", "entered-in-error")


def about(telling: Telling) -> list[Item]:
    """Who I am and what matters, from the newest answers; conditions and notes of the plan."""
    texts, gathered = telling.texts, telling.gathered
    brief: list[Line] = []
    more: list[Line] = []
    keys: list[Key] = []
    found = _answered(telling, WHO_I_AM)
    for response in found[:1]:
        keys.append(("QuestionnaireResponse", response["id"]))
        for link, text in _answers(response.get("item", ()), telling):
            listed = brief if link in _IN_BRIEF else more
            label = texts.known(f"about.{link}")
            listed.append(Line(label or _asked(response, link), text))
        more += _told(response, telling)
    conditions, named = conditions_of(gathered.plan.get("addresses", ()), telling)
    brief += telling.line("about.conditions", conditions)
    keys += named
    for note in gathered.plan.get("note", ()):
        more += telling.line("about.note", note.get("text", ""))
    return [Item("", tuple(brief), tuple(more), tuple(keys))] if brief or more else []


def decisions(telling: Telling) -> list[Item]:
    """What was decided together, the newest first."""
    return [_decision(each, telling) for each in _answered(telling, DECIDING)]


def conditions_of(references: Any, telling: Telling) -> tuple[str, list[Key]]:
    """The names of conditions on one line, and which they are; what was refuted or entered in error is no condition."""
    names: list[str] = []
    keys: list[Key] = []
    for reference in references:
        condition = telling.gathered.find(reference)
        if condition is None:
            names += [reference["display"]] if reference.get("display") else []
            continue
        codes = [each.get("code") for each in condition.get("verificationStatus", {}).get("coding", ())]
        if any(each in _NOT_KNOWN for each in codes):
            continue
        names.append(concept_text(condition.get("code")) or reference.get("display", ""))
        keys.append((condition["resourceType"], condition["id"]))
    return ", ".join(filter(None, names)), keys


def _answered(telling: Telling, questionnaire: str) -> list[Resource]:
    """Answers to one of our questionnaires that the plan is supported by, the newest first."""
    canonical = f"{telling.names.base}/Questionnaire/{questionnaire}"
    found = []
    for reference in telling.gathered.plan.get("supportingInfo", ()):
        key = local(reference)
        each = telling.gathered.resources.get(key) if key is not None else None
        if each is None or each["resourceType"] != "QuestionnaireResponse":
            continue
        if each.get("questionnaire", "").partition("|")[0] == canonical and each.get("status") != "entered-in-error":
            found.append(each)
    return sorted(found, key=lambda each: each.get("authored", ""), reverse=True)


def _answers(items: Any, telling: Telling) -> Iterator[tuple[str, str]]:
    """(linkId, answer in words), in order."""
    for item in items:
        texts = [_value(each, telling) for each in item.get("answer", ())]
        if any(texts):
            yield item.get("linkId", ""), "; ".join(filter(None, texts))


def answered_in(response: Resource, telling: Telling) -> Iterator[tuple[str, str, str]]:
    """(linkId, the words of the question where the answers have them, answer in words), in order, at any depth."""

    def walked(items: Any) -> Iterator[tuple[str, str, str]]:
        for item in items:
            texts = [_value(each, telling) for each in item.get("answer", ())]
            if any(texts):
                yield item.get("linkId", ""), item.get("text", ""), "; ".join(filter(None, texts))
            yield from walked(item.get("item", ()))
            for answer in item.get("answer", ()):
                yield from walked(answer.get("item", ()))

    yield from walked(response.get("item", ()))


def _asked(response: Resource, link: str) -> str:
    return next((each.get("text", "") for each in response.get("item", ()) if each.get("linkId") == link), "")


def _value(answer: Resource, telling: Telling) -> str:
    texts = telling.texts
    found: tuple[str, Any] = ("", "")
    name, value = next(((name, value) for name, value in answer.items() if name.startswith("value")), found)
    match name:
        case "valueCoding":
            code = value.get("code", "")
            return texts.known(f"outcome.{code}") or value.get("display") or code
        case "valueDate" | "valueDateTime":
            return day(value, texts.language)
        case "valueReference":
            return who(value, telling.gathered, texts)
        case "valueAttachment":
            return str(value.get("title", ""))
        case _:
            return plain_value(name, value, texts)


def _told(response: Resource, telling: Telling) -> Iterator[Line]:
    """By whom and when: ``Verteld door Truus Vermeulen zelf op 1 september 2026``."""
    name = who(response.get("source") or response.get("author"), telling.gathered, telling.texts)
    when = response.get("authored", "")
    if not name:
        return
    if when:
        yield Line("", telling.texts("source.said-on", who=name, day=day(when, telling.texts.language)))
    else:
        yield Line("", telling.texts("source.said", who=name))


def _decision(response: Resource, telling: Telling) -> Item:
    texts = telling.texts
    said = dict(_answers(response.get("item", ()), telling))
    brief = [
        *telling.line("decision.decided", said.pop("decision", "")),
        *telling.line("decision.outcome", said.pop("outcome", "")),
        *telling.line("decision.until", said.pop("until", "")),
    ]
    title = said.pop("choice", "") or texts("decision.unnamed")
    if "authored" in response:
        brief += telling.line("decision.when", day(response["authored"], texts.language))
    more = list(telling.line("decision.preferences", said.pop("preferences", "")))
    for option in response.get("item", ()):
        if option.get("linkId") == "option":
            more += _option(option, telling)
    more += telling.line("decision.aid", said.pop("aid", ""))
    more += telling.line("decision.present", said.pop("present", ""))
    more += [Line(_asked(response, link), text) for link, text in said.items()]
    more += _told(response, telling)
    return Item(title, tuple(brief), tuple(more), (("QuestionnaireResponse", response["id"]),))


def _option(option: Resource, telling: Telling) -> Iterator[Line]:
    said = dict(_answers(option.get("item", ()), telling))
    parts = [said.get("option.name", "")]
    parts += [telling.texts("decision.for", text=said["option.for"])] if "option.for" in said else []
    parts += [telling.texts("decision.against", text=said["option.against"])] if "option.against" in said else []
    yield from telling.line("decision.option", "\n".join(filter(None, parts)))

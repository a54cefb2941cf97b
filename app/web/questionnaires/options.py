"""What can be chosen at a question: its options, or the codes of its value set.
https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.answerValueSet
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from app.errors import Forbidden, NotFound, Unprocessable
from app.fhir.resource import Resource
from app.questionnaires.answers.choices import sets_asked
from app.questionnaires.answers.limits import UNIT, UNIT_OPTION, UNIT_VALUE_SET, values_of
from app.questionnaires.answers.values import choice_in
from app.questionnaires.items import Form, Item, extension_value
from app.questionnaires.names import CORE
from app.web.calling import Calls
from app.web.questionnaires.wording import said, words_of

MOST: Final = 500
"""Codes of a value set that a page lists."""
_PREFIX: Final = f"{CORE}questionnaire-optionPrefix"
_KEPT: Final = ("system", "version", "code", "display")


@dataclass(frozen=True, slots=True)
class Option:
    """One choice. ``key`` stands for it in a form; ``answer`` is its ``value[x]``."""

    key: str
    words: str
    answer: Resource = field(repr=False)


async def expansions(calls: Calls, form: Form, items: Sequence[Item], language: str) -> Mapping[str, list[Resource]]:
    """The codes of the value sets that questions are answered from, by canonical; a set that is not held here, or is
    too large to choose from, is not among them.
    """
    found: dict[str, list[Resource]] = {}
    contained = {f"#{each.get('id')}": each for each in form.resource.get("contained", ())}
    for canonical in {each for item in items for each in sets_asked(item)}:
        try:
            if canonical in contained:
                listed = await _of_resource(calls, contained[canonical], language)
            else:
                asked = {"url": canonical, "count": MOST + 1, "displayLanguage": language}
                listed = (await calls.get("ValueSet/$expand", urlencode(asked))).resource
        except (NotFound, Unprocessable, Forbidden):
            continue
        codes = [each for each in listed.get("expansion", {}).get("contains", ()) if "code" in each]
        if 0 < len(codes) <= MOST:
            found[canonical] = codes
    return found


async def _of_resource(calls: Calls, value_set: Resource, language: str) -> Resource:
    parameters: list[Resource] = [
        {"name": "valueSet", "resource": value_set},
        {"name": "count", "valueInteger": MOST + 1},
        {"name": "displayLanguage", "valueCode": language},
    ]
    body: Resource = {"resourceType": "Parameters", "parameter": parameters}
    return (await calls.post("ValueSet/$expand", body)).resource


def options_of(item: Item, sets: Mapping[str, list[Resource]], language: str) -> list[Option]:
    """What can be chosen; nothing where that is not known."""
    made = [_option(each, language) for each in item.raw.get("answerOption", ())]
    if not made:
        codes = sets.get(item.raw.get("answerValueSet", ""), [])
        made = [_coding({name: each[name] for name in _KEPT if name in each}, language) for each in codes]
    return made


def units_of(item: Item, sets: Mapping[str, list[Resource]], language: str) -> list[Option]:
    """The units that an amount can be given in; nothing where any unit will do."""
    listed = [each for each in values_of(item, UNIT, UNIT_OPTION) if isinstance(each, dict)]
    listed += sets.get(str(item.extension(UNIT_VALUE_SET) or ""), [])
    made: list[Option] = []
    for each in listed:
        unit = {"unit": each.get("display", each.get("code")), "system": each.get("system"), "code": each.get("code")}
        option = _coding(each, language)
        if all(option.key != other.key for other in made):
            made.append(Option(option.key, option.words, {name: value for name, value in unit.items() if value}))
    return made


def key_of(answer: Resource) -> str:
    """What stands for an answer in a form, so that it is the option that it was chosen from."""
    kind, value = choice_in(answer, "value")
    if kind == "Coding":
        return f"{value.get('system', '')}|{value['code']}" if "code" in value else f"display:{value.get('display')}"
    if kind == "Reference":
        return f"reference:{value.get('reference', value.get('display', ''))}"
    return f"value:{value}"


def unit_key(quantity: Resource) -> str:
    """The same for the unit of an amount."""
    if "code" in quantity:
        return f"{quantity.get('system', '')}|{quantity['code']}"
    return f"display:{quantity.get('unit')}"


def _option(each: Resource, language: str) -> Option:
    kind, value = choice_in(each, "value")
    if kind == "Coding":
        prefix = extension_value(each, _PREFIX) or extension_value(value, _PREFIX)
        option = _coding(value, language)
        return Option(option.key, f"{prefix} {option.words}" if prefix else option.words, option.answer)
    answer = {f"value{kind}": value}
    words = said(each, f"value{kind}", language) if isinstance(value, str) else words_of(value, language)
    return Option(key_of(answer), words, answer)


def _coding(coding: Resource, language: str) -> Option:
    answer: dict[str, Any] = {"valueCoding": {name: coding[name] for name in _KEPT if name in coding}}
    return Option(key_of(answer), words_of(coding, language), answer)

"""What a question may be answered by and begins with. STU3 has one initial value of the item itself; R4 marks
the option that is chosen at first, and has values of their own only where there are no options.

https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.answerOption
https://hl7.org/fhir/STU3/questionnaire-definitions.html#Questionnaire.item.initial_x_
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from app.fhir.definitions import Element
from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.sides import STU3

_OPTION: Final = ("Questionnaire.item.option", "Questionnaire.item.answerOption")


def to_r4(values: Values, direction: Direction) -> Values:
    """``option`` and ``initial[x]`` → ``answerOption`` and ``initial``."""
    convert = direction.objects(*_OPTION)
    options = [convert(each) for each in values.get("option", ())]
    initial = _renamed(values, direction, "initial", "value")
    if not options:
        return {"initial": [initial]} if initial else {}
    for place, each in enumerate(options):
        if initial and initial.items() <= each.items():
            options[place] = {**each, "initialSelected": True}
            break
    return {"answerOption": options}


def to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite: the first value or the first option that is chosen."""
    convert = direction.objects(*reversed(_OPTION))
    made: Values = {}
    given = values.get("answerOption", ())
    begins = [each for each in given if each.get("initialSelected") is True] or values.get("initial", ())
    if given:
        made["option"] = [convert(_without(each, "initialSelected")) for each in given]
    for each in begins[:1]:
        made.update(_renamed(each, direction, "value", "initial"))
    return made


@cache
def _initial() -> Mapping[str, Element]:
    """By the type's part of the name: ``Coding`` of ``initialCoding``."""
    elements = STU3.elements("Questionnaire.item")
    return {name.removeprefix("initial"): each for name, each in elements.items() if each.choice == "initial"}


def _renamed(values: Values, direction: Direction, here: str, there: str) -> Values:
    """The value of a choice under its other name, translated."""
    made: Values = {}
    for name, value in values.items():
        plain = name.removeprefix("_")
        element = _initial().get(plain.removeprefix(here)) if plain.startswith(here) else None
        if element is None:
            continue
        key = there + plain.removeprefix(here)
        if name != plain:
            made[f"_{key}"] = direction.element(value)
        else:
            made[key] = value if element.is_primitive else direction.datatype(element.type)(value)
    return made


def _without(values: Values, name: str) -> dict[str, Any]:
    return {key: each for key, each in values.items() if key.removeprefix("_") != name}

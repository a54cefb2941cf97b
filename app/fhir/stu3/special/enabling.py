"""``enableWhen``: R4 compares with an operator where STU3 has an equal answer, or that there is one (``hasAnswer``).
Operators that STU3 cannot say are lifted from Nictiz's extension (``lifting.py``).

https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.operator
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from app.fhir.definitions import Element
from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.sides import R4

_EQUAL: Final = "="
_EXISTS: Final = "exists"


def to_r4(values: Values, direction: Direction) -> Values:
    """``hasAnswer`` → the operator ``exists``; an answer alone → the operator ``=``."""
    if "hasAnswer" in values:
        return {"operator": _EXISTS, "answerBoolean": values["hasAnswer"]}
    return {"operator": _EQUAL, **_answers(values, direction)}


def to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite. What STU3 cannot be equal to is carried."""
    if values.get("operator") == _EXISTS and isinstance(values.get("answerBoolean"), bool):
        return {"hasAnswer": values["answerBoolean"]}
    return _answers(values, direction)


@cache
def _types() -> Mapping[str, Element]:
    elements = R4.elements("Questionnaire.item.enableWhen")
    return {name: each for name, each in elements.items() if each.choice == "answer"}


def _answers(values: Values, direction: Direction) -> Values:
    made: Values = {}
    for name, value in values.items():
        element = _types().get(name.removeprefix("_"))
        if element is None:
            continue
        if name.startswith("_"):
            made[name] = direction.element(value)
        else:
            made[name] = value if element.is_primitive else direction.datatype(element.type)(value)
    return made


def behavior(item: Mapping[str, Any]) -> str | None:
    """In STU3 one condition of several is enough: https://hl7.org/fhir/STU3/questionnaire-definitions.html"""
    return "any" if len(item.get("enableWhen", ())) > 1 else None

"""``Coverage.grouping`` and ``sequence`` of STU3: R4 has a list of classes, each with its type.
https://hl7.org/fhir/R4/coverage-definitions.html#Coverage.class http://terminology.hl7.org/CodeSystem/coverage-class
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values

_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/coverage-class"
_CODES: Final = {
    "group": "group",
    "subGroup": "subgroup",
    "plan": "plan",
    "subPlan": "subplan",
    "class": "class",
    "subClass": "subclass",
}
_NAMES: Final = {code: name for name, code in _CODES.items()}
_SEQUENCE: Final = "sequence"


def to_r4(values: Values, _: Direction) -> Values:
    """``grouping`` and ``sequence`` → ``class``. A name without a value is carried: R4 demands the value."""
    grouping = values.get("grouping", {})
    found = [
        _class(code, grouping[name], grouping.get(f"{name}Display"))
        for name, code in _CODES.items()
        if name in grouping
    ]
    if _SEQUENCE in values:
        found.append(_class(_SEQUENCE, values[_SEQUENCE], None))
    return {"class": found} if found else {}


def to_stu3(values: Values, _: Direction) -> Values:
    """The opposite: of each kind the first."""
    grouping: Values = {}
    made: Values = {}
    for each in values.get("class", ()):
        code, value = _code(each), each.get("value")
        if value is None:
            continue
        if code == _SEQUENCE:
            made.setdefault(_SEQUENCE, value)
        elif (name := _NAMES.get(code)) is not None and name not in grouping:
            grouping[name] = value
            if "name" in each:
                grouping[f"{name}Display"] = each["name"]
    return {"grouping": grouping, **made} if grouping else made


def _class(code: str, value: Any, name: Any) -> Values:
    made = {"type": {"coding": [{"system": _SYSTEM, "code": code}]}, "value": value}
    return made if name is None else {**made, "name": name}


def _code(given: Mapping[str, Any]) -> str:
    codings = given.get("type", {}).get("coding", ())
    return next((each.get("code", "") for each in codings if each.get("system") == _SYSTEM), "")

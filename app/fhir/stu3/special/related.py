"""``Observation.related`` of STU3: R4 has members of a panel and what a value is derived from as elements of their own.
Other kinds of relation are carried.

https://hl7.org/fhir/STU3/observation-definitions.html#Observation.related
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_NAMES: Final[Mapping[str, str]] = {"has-member": "hasMember", "derived-from": "derivedFrom"}


def to_r4(values: Values, direction: Direction) -> Values:
    """``related`` → ``hasMember`` and ``derivedFrom``."""
    convert = direction.datatype("Reference")
    made: Values = {}
    for each in values.get("related", ()):
        name = _NAMES.get(each.get("type"))
        if name is not None and "target" in each:
            made.setdefault(name, []).append(convert(each["target"]))
    return made


def to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite, members first. What STU3 cannot relate to (a document) is carried."""
    convert = direction.datatype("Reference")
    found = [
        {"type": kind, "target": convert(each)}
        for kind, name in _NAMES.items()
        for each in values.get(name, ())
        if _can_be_related(each.get("reference", ""))
    ]
    return {"related": found} if found else {}


def _can_be_related(reference: str) -> bool:
    kind = reference.rpartition("/")[0].rpartition("/")[2]
    return not kind or kind in ("Observation", "QuestionnaireResponse")

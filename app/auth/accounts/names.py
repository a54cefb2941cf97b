"""A person's name as one line, from what FHIR has of it. https://hl7.org/fhir/R4/datatypes.html#HumanName"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.fhir.resource import Resource

_ORDER: Final = ("usual", "official", "", "nickname", "temp", "anonymous", "maiden", "old")
"""What people are called by comes before what they are registered as."""


def display_name(resource: Resource) -> str:
    """The name of a Patient, Practitioner or RelatedPerson; "" when it has none."""
    names: Any = resource.get("name")
    listed = [each for each in names if isinstance(each, dict)] if isinstance(names, list) else []
    for each in sorted(listed, key=lambda name: _rank(name.get("use", ""))):
        if written := _written(each):
            return written
    return ""


def _rank(use: str) -> int:
    return _ORDER.index(use) if use in _ORDER else len(_ORDER)


def _written(name: Resource) -> str:
    text = name.get("text")
    if isinstance(text, str) and text.strip():
        return text.strip()
    given: Sequence[Any] = name.get("given") or ()
    parts = [*(each for each in given if isinstance(each, str)), name.get("family") or ""]
    return " ".join(part for part in parts if part)

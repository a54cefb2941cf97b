"""What a resource is called in ``Reference.display``. https://hl7.org/fhir/R4/references.html#Reference"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.fhir.resource import Resource

_LONGEST: Final = 200
_PLACES: Final = (
    *(
        "name",
        "title",
        "code",
        "vaccineCode",
        "medicationCodeableConcept",
        "type",
        "class",
        "deviceName",
        "description",
    ),
    *("category", "practitioner", "device", "role", "specialty", "test", "payor", "collection"),
)
"""Where a resource says what it is, of which the first that says something counts."""


def display_of(resource: Resource) -> str:
    """A few words; "" where the resource has none."""
    for name in _PLACES:
        for each in _texts(resource.get(name)):
            if each.strip():
                return each.strip()[:_LONGEST]
    return ""


def _texts(value: Any) -> Iterator[str]:
    """What an element of any type says in words."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        yield from _of_object(value)


def _of_object(value: Mapping[str, Any]) -> Iterator[str]:
    for name in ("text", "display"):
        if isinstance(value.get(name), str):
            yield value[name]
    for coding in value.get("coding", ()):
        if isinstance(coding, dict) and isinstance(coding.get("display"), str):
            yield coding["display"]
    if "family" in value or "given" in value:
        parts = (*value.get("prefix", ()), *value.get("given", ()), value.get("family"))
        yield " ".join(each for each in parts if isinstance(each, str))
    if isinstance(value.get("name"), str):  # of a device
        yield value["name"]

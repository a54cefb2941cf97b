"""Which concepts of a CodeSystem a filter of a value set takes. https://hl7.org/fhir/R4/valueset-filter-operator.html"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from app.errors import Invalid
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import CodeSystem, Concept

Takes = Callable[[Concept], bool]
_OWN: Final = frozenset({"concept", "code"})
"""The names under which a filter means the code itself."""
GROWING: Final = frozenset({"is-a", "descendent-of", "generalizes", "=", "in", "regex"})
"""Operators that take a concept by what is known of it, so that they take no less of a system when more is held."""
_SNOMED: Final = "http://snomed.info/sct"


def filter_of(condition: Resource, system: CodeSystem) -> Takes:
    """The test that one filter makes of a concept. Raises ``Invalid`` for one that cannot be made."""
    make = _OPERATORS.get(condition["op"])
    if make is None:
        raise Invalid(f"The filter operator {condition['op']} is not known here.", "not-supported")
    if system.url == _SNOMED and condition["op"] == "in" and condition["property"] in _OWN:
        # There it does not mean one of these codes. https://hl7.org/fhir/R4/snomedct.html#implicit
        raise Invalid("The reference sets of SNOMED CT are not held here.", "not-supported")
    return make(condition["property"], condition["value"], system)


def _is_a(_: str, value: str, system: CodeSystem) -> Takes:
    below = system.below(value)
    return lambda concept: concept.code in below


def _descendent_of(_: str, value: str, system: CodeSystem) -> Takes:
    below = system.below(value) - {value}
    return lambda concept: concept.code in below


def _is_not_a(_: str, value: str, system: CodeSystem) -> Takes:
    below = system.below(value)
    return lambda concept: concept.code not in below


def _generalizes(_: str, value: str, system: CodeSystem) -> Takes:
    above = system.above(value)
    return lambda concept: concept.code in above


def _equals(name: str, value: str, _: CodeSystem) -> Takes:
    return lambda concept: value in _values(concept, name)


def _in(name: str, value: str, _: CodeSystem) -> Takes:
    wanted = frozenset(each.strip() for each in value.split(","))
    return lambda concept: not wanted.isdisjoint(_values(concept, name))


def _not_in(name: str, value: str, system: CodeSystem) -> Takes:
    takes = _in(name, value, system)
    return lambda concept: not takes(concept)


def _exists(name: str, value: str, _: CodeSystem) -> Takes:
    wanted = value == "true"
    return lambda concept: bool(_values(concept, name)) is wanted


def _regex(name: str, value: str, _: CodeSystem) -> Takes:
    matches = _pattern(value)
    return lambda concept: any(matches(each) for each in _values(concept, name))


_OPERATORS: Final[Mapping[str, Callable[[str, str, CodeSystem], Takes]]] = {
    "is-a": _is_a,
    "descendent-of": _descendent_of,
    "is-not-a": _is_not_a,
    "generalizes": _generalizes,
    "=": _equals,
    "in": _in,
    "not-in": _not_in,
    "exists": _exists,
    "regex": _regex,
}


def _values(concept: Concept, name: str) -> list[str]:
    """What the concept has for a property, as text."""
    if name in _OWN:
        return [concept.code]
    if name == "display":
        return [] if concept.display is None else [concept.display]
    found = [_text(value) for each, value in concept.properties if each == name]
    return [*found, *concept.parents] if name == "parent" and not found else found


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("code", ""))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | Decimal) else ""


@lru_cache(maxsize=256)
def _pattern(text: str) -> Callable[[str], bool]:
    """A test for a whole text. Whoever may write a value set writes the pattern, so it is matched by an engine whose
    time grows with the text only.
    """
    try:
        schema = core_schema.str_schema(pattern=f"^(?:{text})$", regex_engine="rust-regex")
        validator = SchemaValidator(schema)
    except SchemaError as error:
        raise Invalid("The regular expression of a filter of the value set cannot be read.", "value") from error

    def matches(value: str) -> bool:
        try:
            validator.validate_python(value)
        except ValidationError:
            return False
        return True

    return matches

"""The invariants of https://hl7.org/fhir/R4/elementdefinition.html#invs"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from app.fhir.validation.invariants.rule import (
    Holds,
    Invariant,
    Value,
    at_least_one,
    distinct,
    has_choice,
    if_then,
    not_both,
    present,
    rule,
)

_NAME = r"[^\s.,:;'\"/|?!@#$%&*()\[\]{}]{1,64}"
_PATH: Final = re.compile(rf"{_NAME}(?:\.{_NAME}(?:\[x\])?(?::[^\s.]+)?)*").fullmatch
_SIMPLE_PATH: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*(?:\[x])?)*").fullmatch
_SLICE: Final = re.compile(r"[a-zA-Z0-9/\-_\[\]@]+").fullmatch
_BINDABLE: Final = frozenset({"code", "Coding", "CodeableConcept", "Quantity", "string", "uri"})
_REFERRING: Final = ("Reference", "canonical")
_CHOICES: Final = ("defaultValue", "fixed", "pattern", "minValue", "maxValue")


def _matches(name: str, match: Any) -> Holds:
    return lambda value: name not in value or match(value[name]) is not None


def eld_2(element: Value) -> bool:
    """The minimum is not above the maximum."""
    least, most = element.get("min"), element.get("max", "*")
    return least is None or not most.removeprefix("-").isdecimal() or bool(least <= int(most))


def eld_3(element: Value) -> bool:
    """The maximum is a number, or there is none."""
    most: str = element.get("max", "*")
    return most == "*" or most.isdecimal()


def eld_4(kind: Value) -> bool:
    """Only what refers is aggregated."""
    return kind.get("code") in _REFERRING or not present("aggregation")(kind)


def eld_5(element: Value) -> bool:
    """What is defined elsewhere is not defined here too."""
    here = present("maxLength")(element) or not element.keys().isdisjoint(("type", "example", "binding"))
    return not here and not any(has_choice(element, name) for name in _CHOICES)


def _of_one_type(name: str) -> Holds:
    return lambda element: len(element.get("type", ())) <= 1 or not has_choice(element, name)


def eld_11(element: Value) -> bool:
    """Codes can be bound, and what may hold them."""
    codes = {kind["code"] for kind in element.get("type", ()) if "code" in kind}
    return not codes or not codes.isdisjoint(_BINDABLE)


def eld_12(binding: Value) -> bool:
    """A value set is named by a URL or URN."""
    value_set: str = binding.get("valueSet", "urn:")
    return value_set.startswith(("http:", "https", "urn:"))


def eld_17(kind: Value) -> bool:
    """Only what refers has a profile of what it refers to."""
    return kind.get("code") in _REFERRING or not present("targetProfile")(kind)


def eld_18(element: Value) -> bool:
    """What changes the meaning of others says why."""
    return element.get("isModifier") is not True or present("isModifierReason")(element)


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "ElementDefinition": (
        rule("eld-2", "The min may not be above the max.", eld_2, "min"),
        rule("eld-3", "The max must be a number or *.", eld_3, "max"),
        rule(
            "eld-5",
            "With a contentReference there may be no type, default, fixed value, pattern, example, bounds or binding.",
            lambda each: not present("contentReference")(each) or eld_5(each),
            "contentReference",
        ),
        rule("eld-6", "Only an element with one type has a fixed value.", _of_one_type("fixed"), "type"),
        rule("eld-7", "Only an element with one type has a pattern.", _of_one_type("pattern"), "type"),
        not_both("eld-8", "There may not be both a pattern and a fixed value.", "pattern[x]", "fixed[x]"),
        rule(
            "eld-11",
            f"Only elements of these types have a binding: {', '.join(sorted(_BINDABLE))}.",
            lambda each: "binding" not in each or eld_11(each),
            "binding",
        ),
        rule("eld-13", "No two types may have the same code.", distinct("type", "code"), "type"),
        rule("eld-14", "No two constraints may have the same key.", distinct("constraint", "key"), "constraint"),
        not_both(
            "eld-15",
            "There may not be both a default value and a meaningWhenMissing.",
            "meaningWhenMissing",
            "defaultValue[x]",
        ),
        rule(
            "eld-16",
            "A sliceName has only letters, digits and / - _ [ ] @.",
            _matches("sliceName", _SLICE),
            "sliceName",
        ),
        rule("eld-18", "An element with isModifier needs an isModifierReason.", eld_18, "isModifier"),
        rule(
            "eld-19",
            "A path is names of at most 64 characters with points between, without other punctuation.",
            _matches("path", _PATH),
        ),
        rule(
            "eld-20",
            "The names of a path should be letters and digits only, so that programs can use them.",
            _matches("path", _SIMPLE_PATH),
            severity="warning",
        ),
        if_then("eld-22", "A sliceIsConstraining needs a sliceName.", "sliceIsConstraining", "sliceName"),
    ),
    "ElementDefinition.binding": (
        rule("eld-12", "The valueSet must begin with http:, https: or urn:.", eld_12, "valueSet"),
    ),
    "ElementDefinition.constraint": (
        rule(
            "eld-21",
            "A constraint should have an expression: validators follow it.",
            present("expression"),
            severity="warning",
        ),
    ),
    "ElementDefinition.slicing": (
        at_least_one("eld-1", "A slicing needs a discriminator or a description.", "discriminator", "description"),
    ),
    "ElementDefinition.type": (
        rule("eld-4", "Only the types Reference and canonical have an aggregation.", eld_4, "aggregation"),
        rule("eld-17", "Only the types Reference and canonical have a targetProfile.", eld_17, "targetProfile"),
    ),
}

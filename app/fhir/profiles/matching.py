"""Fixed values and patterns. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

Fits = Callable[[Any], bool]


def equals(value: Any, fixed: Any) -> bool:
    """Whether a value is exactly the fixed one: the same members, the items of arrays in order."""
    return _same_kind(value, fixed) and bool(value == fixed)


def fixed(wanted: Any) -> Fits:
    """A test whether a value is exactly the fixed one."""
    return lambda value: equals(value, wanted)


def fitting(pattern: Any) -> Fits:
    """A test whether a value has all that the pattern has; of an array each item of the pattern, in any place."""
    if isinstance(pattern, dict):
        members = [(name, fitting(wanted)) for name, wanted in pattern.items()]
        return lambda value: (
            isinstance(value, dict) and all(name in value and test(value[name]) for name, test in members)
        )
    if isinstance(pattern, list):
        tests = [fitting(wanted) for wanted in pattern]
        return lambda value: isinstance(value, list) and all(any(map(test, value)) for test in tests)
    if isinstance(pattern, str):
        return lambda value: value == pattern
    return fixed(pattern)


def _same_kind(value: Any, other: Any) -> bool:
    """True is no 1, though Python says so."""
    if isinstance(value, bool) or isinstance(other, bool):
        return isinstance(value, bool) and isinstance(other, bool)
    numbers = (int, Decimal)
    return isinstance(value, numbers) == isinstance(other, numbers)

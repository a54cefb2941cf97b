"""Fixed values and patterns. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_"""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def equals(value: Any, fixed: Any) -> bool:
    """Whether a value is exactly the fixed one: the same members, the items of arrays in order."""
    return _same_kind(value, fixed) and bool(value == fixed)


def fits(value: Any, pattern: Any) -> bool:
    """Whether a value has everything that the pattern has; of an array each item of the pattern, in any place."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(name in value and fits(value[name], pattern[name]) for name in pattern)
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(fits(each, wanted) for each in value) for wanted in pattern)
    return equals(value, pattern)


def _same_kind(value: Any, other: Any) -> bool:
    """True is no 1, though Python says so."""
    if isinstance(value, bool) or isinstance(other, bool):
        return isinstance(value, bool) and isinstance(other, bool)
    numbers = (int, Decimal)
    return isinstance(value, numbers) == isinstance(other, numbers)

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
        return _having([(name, fitting(wanted)) for name, wanted in pattern.items()])
    if isinstance(pattern, list):
        return _holding([fitting(wanted) for wanted in pattern])
    if isinstance(pattern, str):
        return lambda value: value == pattern
    return fixed(pattern)


def _having(members: list[tuple[str, Fits]]) -> Fits:
    # Loops, and no generators: this is what telling slices apart spends its time on.
    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for name, test in members:  # noqa: SIM110
            if name not in value or not test(value[name]):
                return False
        return True

    return fits


def _holding(tests: list[Fits]) -> Fits:
    def fits(value: Any) -> bool:
        if not isinstance(value, list):
            return False
        for test in tests:
            for each in value:
                if test(each):
                    break
            else:
                return False
        return True

    return fits


def _same_kind(value: Any, other: Any) -> bool:
    """True is no 1, though Python says so."""
    if isinstance(value, bool) or isinstance(other, bool):
        return isinstance(value, bool) and isinstance(other, bool)
    numbers = (int, Decimal)
    return isinstance(value, numbers) == isinstance(other, numbers)

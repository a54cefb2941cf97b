"""Rules about which of two dates comes first. https://hl7.org/fhirpath/N1/#datetime-comparison"""

from __future__ import annotations

from typing import Final

from app.errors import Invalid
from app.fhir.dates import bounds
from app.fhir.validation.invariants.rule import Holds, Value

_SECOND: Final = 1_000_000


def in_order(first: str, last: str) -> Holds:
    """The member ``first`` is not after the member ``last``, as far as both are precise.

    FHIRPath takes seconds as exact, fraction or not.
    """

    def holds(value: Value) -> bool:
        if first not in value or last not in value:
            return True
        try:
            start, after_start = bounds(value[first])
            end, after_end = bounds(value[last])
        except Invalid:
            return True  # no date at all, which its format check says
        both_exact = after_start - start <= _SECOND and after_end - end <= _SECOND
        return start <= end if both_exact else start < after_end

    return holds

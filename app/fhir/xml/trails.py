"""Where in a resource a problem is.

https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
"""

from __future__ import annotations

Trail = tuple["Trail", str, int] | None
"""The way to an element: that of its parent, its step (``.code``), its place in an array or -1. None: the resource."""


def steps(at: Trail) -> list[str]:
    """The steps of the way, innermost first."""
    found: list[str] = []
    while at is not None:
        at, step, index = at
        found.append(step if index < 0 else f"{step}[{index}]")
    return found

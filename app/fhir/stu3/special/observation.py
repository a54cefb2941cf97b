"""``Observation``: an instant is a date and time, and an integer a quantity without a unit, where STU3 has only those.
https://hl7.org/fhir/R4/observation-version-maps.html
"""

from __future__ import annotations

from app.fhir.stu3.conversions import Direction, Values


def value_to_r4(values: Values, direction: Direction) -> Values:
    """A quantity."""
    return {"valueQuantity": direction.datatype("Quantity")(values["valueQuantity"])}


def value_to_stu3(values: Values, direction: Direction) -> Values:
    """A quantity, or an integer as one."""
    if "valueQuantity" in values:
        return {"valueQuantity": direction.datatype("Quantity")(values["valueQuantity"])}
    return {"valueQuantity": {"value": values["valueInteger"]}} if "valueInteger" in values else {}


def moment_to_r4(values: Values, direction: Direction) -> Values:
    """A date and time."""
    return _primitive(values, "effectiveDateTime", direction)


def moment_to_stu3(values: Values, direction: Direction) -> Values:
    """A date and time, or an instant as one."""
    return _primitive(values, "effectiveDateTime", direction) or _primitive(values, "effectiveInstant", direction)


def _primitive(values: Values, name: str, direction: Direction) -> Values:
    made: Values = {}
    if name in values:
        made["effectiveDateTime"] = values[name]
    if f"_{name}" in values:
        made["_effectiveDateTime"] = direction.element(values[f"_{name}"])
    return made

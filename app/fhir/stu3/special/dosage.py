"""``Dosage``: R4 puts dose and rate together in a list, ``doseAndRate``.
https://hl7.org/fhir/R4/dosage.html https://hl7.org/fhir/STU3/dosage.html
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_TYPES: Final = {
    "doseRange": "Range",
    "doseQuantity": "Quantity",
    "rateRatio": "Ratio",
    "rateRange": "Range",
    "rateQuantity": "Quantity",
}
MEMBERS: Final = tuple(_TYPES)


def to_r4(values: Values, direction: Direction) -> Values:
    """Dose and rate of STU3 as the only ``doseAndRate``."""
    found = {name: direction.datatype(_TYPES[name])(value) for name, value in values.items()}
    return {"doseAndRate": [found]} if found else {}


def to_stu3(values: Values, direction: Direction) -> Values:
    """The first ``doseAndRate``; a type of it, and further ones, are carried."""
    for each in values.get("doseAndRate", ())[:1]:
        return {name: direction.datatype(kind)(each[name]) for name, kind in _TYPES.items() if name in each}
    return {}

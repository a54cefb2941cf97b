"""``Money``: a Quantity in STU3, a value and a currency in R4.
https://hl7.org/fhir/STU3/datatypes.html#Money https://hl7.org/fhir/R4/datatypes.html#Money
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_SYSTEM: Final = "urn:iso:std:iso:4217"


def to_r4(values: Values, _: Direction) -> Values:
    """The code of the currency; how a unit is written besides is carried."""
    return {"currency": values["code"]} if values.get("system") == _SYSTEM and "code" in values else {}


def to_stu3(values: Values, _: Direction) -> Values:
    """The opposite."""
    return {"system": _SYSTEM, "code": values["currency"]} if "currency" in values else {}

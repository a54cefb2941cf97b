"""Values of FHIR as people read them. https://hl7.org/fhir/R4/datatypes.html"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from app.careplan.document.texts import Texts
from app.fhir.resource import Resource

_COMPARATORS: Final = {"<": "less-than", "<=": "at-most", ">=": "at-least", ">": "more-than"}


def concept_text(concept: Any) -> str:
    """The words of a CodeableConcept: its text, else a display, else a code."""
    if not isinstance(concept, dict):
        return ""
    codings = concept.get("coding", ())
    shown = next((each["display"] for each in codings if each.get("display")), "")
    return concept.get("text") or shown or next((each["code"] for each in codings if each.get("code")), "")


def quantity_text(quantity: Any, texts: Texts) -> str:
    """A Quantity in words, with a decimal comma in Dutch."""
    if not isinstance(quantity, dict) or "value" not in quantity:
        return ""
    unit = quantity.get("unit") or quantity.get("code") or ""
    text = f"{number_text(quantity['value'], texts)} {unit}".strip()
    comparator = _COMPARATORS.get(quantity.get("comparator", ""))
    return texts(f"target.{comparator}", amount=text) if comparator else text


def number_text(value: Decimal | float, texts: Texts) -> str:
    """A number as it is written in the language; its digits are kept."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text.replace(".", ",") if texts.language == "nl" else text


def range_text(value: Resource, texts: Texts) -> str:
    """A Range in words: between two, at least, or at most."""
    low, high = quantity_text(value.get("low"), texts), quantity_text(value.get("high"), texts)
    if low and high:
        return texts("target.between", low=low, high=high)
    if low:
        return texts("target.at-least", amount=low)
    return texts("target.at-most", amount=high) if high else ""


def plain_value(name: str, value: Any, texts: Texts) -> str:
    """The value of a member ``value[x]``, where it is of a type that needs nothing else to be told."""
    match name:
        case "valueQuantity":
            return quantity_text(value, texts)
        case "valueCodeableConcept":
            return concept_text(value)
        case "valueRange":
            return range_text(value, texts)
        case "valueDecimal" | "valueInteger":
            return number_text(value, texts)
        case "valueBoolean":
            return texts("target.yes" if value else "target.no")
        case "valueString" | "valueUri" | "valueTime":
            return str(value).strip()
    return ""

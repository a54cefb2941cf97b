"""One line about a resource, for people: what it is, what was measured, and of when."""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource
from app.measurements.kinds import kind_of, part_of
from app.web.texts import translate

_NAMES: Final = (
    *("code", "medicationCodeableConcept", "vaccineCode", "title", "description", "name", "type", "category"),
    *("serviceType", "reasonCode", "payload", "scope", "kind", "contentType", "status"),
)
_DATES: Final = (
    *("effectiveDateTime", "effectivePeriod", "performedDateTime", "performedPeriod", "occurrenceDateTime"),
    *("onsetDateTime", "recordedDate", "authoredOn", "authored", "date", "dateTime", "period", "start", "sent"),
    *("startDate", "issued", "created", "recorded", "birthDate"),
)
_LONGEST: Final = 120
_PANEL: Final = 3
"""Values of a panel that one line shows."""


def described(resource: Resource, language: str, canonical_base: str) -> str:
    """What it is; "" where nothing of it says so."""
    name = _coded(resource, language, canonical_base) or next(
        filter(None, (_text(resource.get(each)) for each in _NAMES)), ""
    )
    value = _value(resource, language, canonical_base)
    line = f"{name}: {value}" if name and value else name or value
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def dated(resource: Resource) -> str:
    """The day of it as FHIR writes it; "" where it has none."""
    for name in _DATES:
        found = resource.get(name)
        if isinstance(found, dict):
            found = found.get("start") or found.get("end")
        if isinstance(found, str):
            return found[:10]
    return ""


def _coded(resource: Resource, language: str, canonical_base: str) -> str:
    """The name of a code without words that is known here."""
    code = resource.get("code")
    if resource.get("resourceType") != "Observation" or not isinstance(code, dict) or code.get("text"):
        return ""
    for coding in code.get("coding", ()):
        if (coding.get("system"), coding.get("code")) == (
            f"{canonical_base}/CodeSystem/goal-observation",
            "goal-evaluation",
        ):
            return translate(language)("data.item.goal_evaluation")
    part = part_of(resource, canonical_base)
    found = kind_of(resource, canonical_base) or (part[1] if part is not None else None)
    return "" if found is None else found.nl if language == "nl" else found.en


def _text(found: Any) -> str:
    """The words of a CodeableConcept, a Coding, a HumanName or a text; the first of several."""
    if isinstance(found, list):
        return next(filter(None, map(_text, found)), "")
    if isinstance(found, str):
        return found
    if not isinstance(found, dict):
        return ""
    if "family" in found or "given" in found:
        return " ".join([*found.get("given", ()), found.get("family", "")]).strip()
    for name in ("text", "display", "contentString", "title", "coding", "code"):
        if said := _text(found.get(name)):
            return said
    return ""


def _value(resource: Resource, language: str, canonical_base: str) -> str:
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, dict) and "value" in quantity:
        return f"{_number(quantity, language)} {quantity.get('unit', quantity.get('code', ''))}".strip()
    said = _text(resource.get("valueCodeableConcept") or resource.get("valueString"))
    return said or _panel(resource, language, canonical_base)


def _number(quantity: dict[str, Any], language: str) -> str:
    """As it was written, with the comma of Dutch."""
    text = str(quantity["value"])
    return text.replace(".", ",") if language == "nl" else text


def _panel(resource: Resource, language: str, canonical_base: str) -> str:
    """The values of a panel of one unit, as blood pressure is written: 138/82 mmHg. What was computed of several
    measurements has figures that are no such pair.
    """
    computed = f"{canonical_base}/CodeSystem/observation-category"
    if any(each.get("system") == computed for of in resource.get("category", ()) for each in of.get("coding", ())):
        return ""
    parts = [each["valueQuantity"] for each in resource.get("component", ()) if "valueQuantity" in each]
    units = {each.get("unit", each.get("code", "")) for each in parts}
    values = [_number(each, language) for each in parts if "value" in each]
    return f"{'/'.join(values)} {units.pop()}".strip() if len(units) == 1 and 1 < len(values) <= _PANEL else ""

"""One line about a resource, for people: what it is, what was measured, and of when."""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource

_NAMES: Final = (
    *("code", "medicationCodeableConcept", "vaccineCode", "description", "title", "name", "type", "category"),
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


def described(resource: Resource) -> str:
    """What it is; "" where nothing of it says so."""
    name = next(filter(None, (_text(resource.get(each)) for each in _NAMES)), "")
    value = _value(resource)
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


def _value(resource: Resource) -> str:
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, dict) and "value" in quantity:
        return f"{quantity['value']} {quantity.get('unit', quantity.get('code', ''))}".strip()
    return _text(resource.get("valueCodeableConcept") or resource.get("valueString")) or _panel(resource)


def _panel(resource: Resource) -> str:
    """The values of a panel of one unit, as blood pressure is written: 138/82 mmHg."""
    parts = [each["valueQuantity"] for each in resource.get("component", ()) if "valueQuantity" in each]
    units = {each.get("unit", each.get("code", "")) for each in parts}
    values = [str(each["value"]) for each in parts if "value" in each]
    return f"{'/'.join(values)} {units.pop()}".strip() if len(units) == 1 and 1 < len(values) <= _PANEL else ""

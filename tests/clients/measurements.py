"""Heart rates that the clients send: each of its own minute, or under the number that a device gave it."""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import Resource
from tests.builders import HEART_RATE, LOINC, UCUM, observation

DEVICE: Final = "https://zelfregie.example/fhir/NamingSystem/watch"
CODE: Final = f"{LOINC}|{HEART_RATE}"


def heart_rate(subject: str, day: str, minute: int, **members: Any) -> Resource:
    """``60 + minute`` beats, at so many minutes past eight."""
    return observation(
        subject,
        code={"coding": [{"system": LOINC, "code": HEART_RATE}]},
        effectiveDateTime=f"{day}T08:{minute:02}:00+01:00",
        valueQuantity={"value": 60 + minute, "unit": "/min", "system": UCUM, "code": "/min"},
        **members,
    )


def numbered(subject: str, number: str, **members: Any) -> Resource:
    """One that ``identifier`` finds by its number."""
    return heart_rate(subject, "2026-11-22", 1, identifier=[{"system": DEVICE, "value": number}], **members)

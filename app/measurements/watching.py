"""That nobody watches day and night, and whom to call: the one text that goes with every value (MODEL 5).

https://hl7.org/fhir/R4/languages.html
"""

from __future__ import annotations

from app.measurements.words import Words, table


def watching() -> Words:
    """The text in Dutch and English."""
    found: Words = table("watching.yaml")["watching"]
    return found

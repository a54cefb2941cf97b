"""In which words a concept is shown. https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept.designation"""

from __future__ import annotations

from collections.abc import Iterable

from app.fhir.resource import Resource


def display_of(display: str | None, designations: Iterable[Resource], language: str | None) -> str | None:
    """The words in ``language`` (``nl`` finds ``nl-NL``), else the concept's own."""
    if language is None:
        return display
    wanted = language.lower()
    for each in designations:
        spoken = str(each.get("language", "")).lower()
        if spoken == wanted or spoken.startswith(f"{wanted}-"):
            return str(each["value"])
    return display

"""A Bundle that is a document has a time in R4.
https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.timestamp
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def timestamp(bundle: Mapping[str, Any]) -> str | None:
    """When a document of STU3 was made: the date of its Composition if that is to the second, else when the Bundle was
    last updated. None for other Bundles, and where nobody says.
    """
    if bundle.get("type") != "document":
        return None
    entries = bundle.get("entry", ())
    composition: Mapping[str, Any] = entries[0].get("resource", {}) if entries else {}
    for found in (composition.get("date"), bundle.get("meta", {}).get("lastUpdated")):
        if isinstance(found, str) and "T" in found:
            return found
    return None

"""The BSN never gets in: a PGO has no ground to use it. Its value is masked before anything is stored, as nl-core has
it.

https://simplifier.net/packages/nictiz.fhir.nl.r4.nl-core (nl-core-Patient, identifier BSN),
https://hl7.org/fhir/R4/extension-data-absent-reason.html
"""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import walk_dicts

SYSTEMS: Final = frozenset({"http://fhir.nl/fhir/NamingSystem/bsn", "urn:oid:2.16.840.1.113883.2.4.6.3"})
_TRACES: Final = (b"NamingSystem/bsn", b"2.16.840.1.113883.2.4.6.3", b"\\")
_MASKED: Final = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}


def may_hold(body: bytes) -> bool:
    """Whether a JSON body must be looked through: it names the BSN's system, or hides letters behind escapes."""
    return any(trace in body for trace in _TRACES)


def mask(value: Any) -> int:
    """Take every BSN out of ``value`` (in place), leaving the mark that it was masked; how many there were."""
    masked = 0
    for each in walk_dicts(value):
        if each.get("system") in SYSTEMS and "value" in each:
            del each["value"]
            each["_value"] = {"extension": [dict(_MASKED)]}
            masked += 1
    return masked

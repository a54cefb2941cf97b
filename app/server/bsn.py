"""The BSN never gets in: a PGO has no ground to use it. Its value is masked before anything is stored, as nl-core has
it.

https://simplifier.net/packages/nictiz.fhir.nl.r4.nl-core (nl-core-Patient, identifier BSN),
https://hl7.org/fhir/R4/extension-data-absent-reason.html
"""

from __future__ import annotations

from typing import Any, Final

from app.fhir.resource import walk_dicts

SYSTEMS: Final = frozenset({"fhir.nl/fhir/namingsystem/bsn", "2.16.840.1.113883.2.4.6.3"})
"""The BSN's own systems, as ``_plain`` writes them."""
_TYPE: Final = "NNNLD"
"""The identifier type of a Dutch national person number. http://terminology.hl7.org/CodeSystem/v2-0203"""
_TRACES: Final = (b"namingsystem/bsn", b"2.16.840.1.113883.2.4.6.3", b"nnnld", b"\\")
_MASKED: Final = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}


def may_hold(body: bytes) -> bool:
    """Whether a JSON body must be looked through: it names the BSN's system, or hides letters behind escapes."""
    folded = body.lower()
    return any(trace in folded for trace in _TRACES)


def mask(value: Any) -> int:
    """Take every BSN out of ``value`` (in place), leaving the mark that it was masked; how many there were."""
    masked = 0
    for each in walk_dicts(value):
        if "value" in each and (_plain(each.get("system")) in SYSTEMS or _is_typed(each.get("type"))):
            del each["value"]
            each["_value"] = {"extension": [dict(_MASKED)]}
            masked += 1
    return masked


def is_system(system: str) -> bool:
    """Whether an identifier of this system is a BSN, however it is written."""
    return _plain(system) in SYSTEMS


def _plain(system: Any) -> str:
    """A system without what people vary by mistake: capitals, http or https, a last slash, ``urn:oid:``."""
    if not isinstance(system, str):
        return ""
    plain = system.strip().lower().rstrip("/")
    for prefix in ("http://", "https://", "urn:oid:"):
        plain = plain.removeprefix(prefix)
    return plain


def _is_typed(kind: Any) -> bool:
    codings = kind.get("coding") if isinstance(kind, dict) else None
    return isinstance(codings, list) and any(isinstance(each, dict) and each.get("code") == _TYPE for each in codings)

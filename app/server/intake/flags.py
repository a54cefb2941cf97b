"""The service's own flags on what came in: ``meta.tag`` of the system ``intake``, which nobody else sets.

https://hl7.org/fhir/R4/resource.html#simple-tags
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from app.fhir.resource import Resource

PROFILE_DEVIATION: Final = "profile-deviation"
UNLIKELY: Final = "unlikely"
BEYOND_LIMIT: Final = "beyond-limit"
TO_CONFIRM: Final = "to-confirm"
NO_LONGER_DELIVERED: Final = "no-longer-delivered"
DELIVERY: Final = "delivery"
"""No flag: the activity of a delivery's Provenance."""
DISPLAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        PROFILE_DEVIATION: "Does not follow its profile",
        UNLIKELY: "Unlikely value",
        BEYOND_LIMIT: "Value beyond the limit",
        TO_CONFIRM: "To be confirmed",
        NO_LONGER_DELIVERED: "No longer delivered",
        DELIVERY: "Delivered by a source",
    }
)


def intake_system(canonical_base: str) -> str:
    """The system of the flags."""
    return f"{canonical_base}/CodeSystem/intake"


def since_extension(canonical_base: str) -> str:
    """The extension of ``meta`` that says since when something is no longer delivered."""
    return f"{canonical_base}/StructureDefinition/no-longer-delivered-since"


def set_flags(resource: Resource, canonical_base: str, *codes: str) -> None:
    """Give a valid resource, in place, these flags and no others: what a client sends of them does not count, nor since
    when it would be no longer delivered.
    """
    meta = resource.get("meta")
    if meta is None and not codes:
        return
    system, since = intake_system(canonical_base), since_extension(canonical_base)
    if meta and not codes and not _has_flags(meta, system, since):
        return
    made = dict(meta or {})
    _keep(made, "extension", [each for each in made.get("extension", ()) if each.get("url") != since])
    kept = [each for each in made.get("tag", ()) if each.get("system") != system]
    _keep(made, "tag", [*kept, *({"system": system, "code": code, "display": DISPLAYS[code]} for code in codes)])
    if made:
        resource["meta"] = made
    else:
        del resource["meta"]


def _has_flags(meta: Resource, system: str, since: str) -> bool:
    return any(each.get("system") == system for each in meta.get("tag", ())) or any(
        each.get("url") == since for each in meta.get("extension", ())
    )


def _keep(meta: Resource, name: str, listed: list[Resource]) -> None:
    if listed:
        meta[name] = listed
    else:
        meta.pop(name, None)

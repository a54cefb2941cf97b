"""The service's own flags on what came in: ``meta.tag`` of the system ``intake``, which nobody else sets.

https://hl7.org/fhir/R4/resource.html#simple-tags
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from app.fhir.resource import Resource

PROFILE_DEVIATION: Final = "profile-deviation"
DISPLAYS: Final[Mapping[str, str]] = MappingProxyType({PROFILE_DEVIATION: "Does not follow its profile"})


def intake_system(canonical_base: str) -> str:
    """The system of the flags."""
    return f"{canonical_base}/CodeSystem/intake"


def set_flags(resource: Resource, system: str, *codes: str) -> None:
    """Give a valid resource, in place, these flags and no others: what a client sends of them does not count."""
    meta = resource.get("meta")
    given = () if meta is None else meta.get("tag", ())
    kept = [each for each in given if each.get("system") != system]
    if len(kept) == len(given) and not codes:
        return
    tags = [*kept, *({"system": system, "code": code, "display": DISPLAYS[code]} for code in codes)]
    made = {name: value for name, value in (meta or {}).items() if name != "tag"}
    if tags:
        made["tag"] = tags
    if made:
        resource["meta"] = made
    else:
        del resource["meta"]

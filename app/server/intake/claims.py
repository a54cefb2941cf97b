"""Which profiles a resource claims, itself and in what it holds: without a look at the database, before anything else.

https://hl7.org/fhir/R4/resource.html#profile-tags
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.fhir.resource import Resource


@dataclass(frozen=True, slots=True)
class Claimant:
    """A resource that is to be checked, and where it stands: ``Observation``, ``Bundle.entry[2].resource``.

    ``profiles`` are those that it claims, or what it contains or has as entries. ``patient`` is the partition that what
    it refers to is looked for in; None: in the catalogues alone.
    """

    path: str
    resource: Resource
    profiles: tuple[str, ...]
    patient: int | None = None


def claimed_in(resource: Resource) -> tuple[str, ...]:
    """The canonicals that are claimed anywhere in a resource, each once. It may not be valid."""
    if "contained" not in resource and "entry" not in resource:
        meta = resource.get("meta")
        if meta is None or (isinstance(meta, dict) and "profile" not in meta):
            return ()
    return tuple(dict.fromkeys(_claims(resource)))


def _claims(resource: Any) -> Iterator[str]:
    if not isinstance(resource, dict):
        return
    meta = resource.get("meta")
    listed = meta.get("profile") if isinstance(meta, dict) else None
    if isinstance(listed, list):
        yield from (each for each in listed if isinstance(each, str))
    for each in _listed(resource, "contained"):
        yield from _claims(each)
    if resource.get("resourceType") == "Bundle":
        for entry in _listed(resource, "entry"):
            yield from _claims(entry.get("resource") if isinstance(entry, dict) else None)


def _listed(resource: Any, name: str) -> list[Any]:
    listed = resource.get(name)
    return listed if isinstance(listed, list) else []

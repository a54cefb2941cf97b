"""Resources within a resource: what it contains, and the entries of a Bundle. Each may claim profiles of its own.

https://hl7.org/fhir/R4/profiling.html#resources, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.fhir.profiles.resolving import Resolve, within_bundle
from app.fhir.profiles.run import Place
from app.fhir.resource import Resource


@dataclass(frozen=True, slots=True)
class Claim:
    """A resource, where it stands, the profiles that it claims, and what its references resolve by.

    ``around`` is the resource that contains it; itself for one that is not contained.
    """

    resource: Resource
    around: Resource
    place: Place
    profiles: tuple[str, ...]
    resolve: Resolve | None


def claims_of(resource: Resource, resolve: Resolve | None, place: Place | None = None) -> Iterator[Claim]:
    """Each resource that claims profiles, the outermost first."""
    place = place or (None, resource["resourceType"], None)
    yield from _claim(resource, resource, place, resolve)
    for number, each in enumerate(resource.get("contained", ())):
        yield from _claim(each, resource, (place, "contained", number), resolve)
    if resource["resourceType"] == "Bundle":
        entries = resource.get("entry", ())
        within = within_bundle(entries, resolve)
        for number, entry in enumerate(entries):
            if isinstance(entry.get("resource"), dict):
                yield from claims_of(entry["resource"], within, ((place, "entry", number), "resource", None))


def _claim(resource: Resource, around: Resource, place: Place, resolve: Resolve | None) -> Iterator[Claim]:
    listed = resource.get("meta", {}).get("profile", ())
    profiles = tuple(each for each in listed if isinstance(each, str))
    if profiles:
        yield Claim(resource, around, place, profiles, resolve)

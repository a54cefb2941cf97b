"""What there is to say of a resource and a profile, whoever names it: who claims it, or who asks.

Nothing can be of an abstract profile by itself, and the canonical of one of FHIR's own types is followed by every
resource of the type. https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from app.errors import Issue
from app.fhir.profiles.claims import claims_of
from app.fhir.profiles.profiles import Profiles
from app.fhir.profiles.resolving import Resolve
from app.fhir.profiles.run import written
from app.fhir.profiles.tree import CORE
from app.fhir.resource import Resource

UNKNOWN = "profile-unknown"


def claimed_issues(profiles: Profiles, resource: Resource, resolve: Resolve | None = None) -> list[Issue]:
    """What is not as the claimed profiles ask, of a resource whose shape is FHIR's; that one is not held is
    information.
    """
    issues: list[Issue] = []
    types: set[str] = set()
    for claim in claims_of(resource, None):
        for number, canonical in enumerate(claim.profiles):
            place = f"{written(claim.place)}.meta.profile[{number}]"
            if profiles.is_abstract(canonical):
                text = "The profile is abstract: claim one that is derived from it."
                issues.append(Issue("invalid", text, (place,), rule="profile-type", profile=canonical))
            elif (kind := _type_named(profiles, canonical)) is not None:
                types.add(canonical)
                issues += _of_type(profiles, claim.resource, kind, canonical, place)
    found = profiles.claimed(resource, resolve)
    return issues + [each for each in found if each.rule != UNKNOWN or each.profile not in types]


def asked_issues(profiles: Profiles, resource: Resource, canonical: str, resolve: Resolve | None = None) -> list[Issue]:
    """The same of one profile that is asked for; that it is not held is an error."""
    if (kind := _type_named(profiles, canonical)) is not None:
        return _of_type(profiles, resource, kind, canonical)
    if not profiles.knows(canonical):
        text = f"The profile {canonical} is not held here, or not with all that it is derived from."
        return [Issue("not-found", text, rule=UNKNOWN, profile=canonical)]
    return profiles.check(resource, canonical, resolve)


def _type_named(profiles: Profiles, canonical: str) -> str | None:
    """The type of FHIR's own that a canonical names, which is no profile."""
    if not canonical.startswith(CORE) or profiles.knows(canonical):
        return None
    return profiles.type_of(canonical)


def _of_type(profiles: Profiles, resource: Resource, kind: str, canonical: str, *places: str) -> list[Issue]:
    if kind in profiles.lineage(resource["resourceType"]):
        return []
    text = f"The profile is one of {kind}, which this resource is not."
    return [Issue("invalid", text, places, rule="profile-type", profile=canonical)]

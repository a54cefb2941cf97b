"""A small package of profiles for the tests of this folder, installed as any other is."""

from __future__ import annotations

from typing import Any, Final

from app.fhir.packages.library import Artifact
from app.fhir.packages.manifest import Manifest
from app.fhir.packages.reading import Package
from app.fhir.resource import Resource
from tests.builders import LOINC, WEIGHT, concept, observation, reference

URL: Final = "https://profiles.test/StructureDefinition/"
CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
WEIGHING: Final = f"{URL}weighing"
"""An Observation of body weight with a note, of a Patient with a telephone number, by a Practitioner with a name."""
REACHABLE: Final = f"{URL}reachable"
NAMED: Final = f"{URL}named"
BASE_ONLY: Final = f"{URL}base-only"
"""Abstract."""
WISH: Final = f"{URL}wish"
"""A Goal."""
FULL_NOTE: Final = f"{URL}full-note"
"""A DocumentReference."""
UNKNOWN: Final = f"{URL}not-held"
NOTE: Final = [{"text": "Na het ontbijt"}]
PACKAGE: Final = "profiles.test#1.0.0"


def _profile(url: str, kind: str, *elements: Resource, **members: Any) -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": url.rpartition("/")[2].title().replace("-", ""),
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": kind,
        "baseDefinition": f"{CORE}{kind}",
        "derivation": "constraint",
        "differential": {"element": [{"id": kind, "path": kind}, *elements]},
        **members,
    }


def _element(path: str, **members: Any) -> Resource:
    return {"id": path, "path": path, **members}


def _to(*profiles: str) -> list[Resource]:
    return [{"code": "Reference", "targetProfile": list(profiles)}]


PROFILES: Final = (
    _profile(
        WEIGHING,
        "Observation",
        _element("Observation.code", patternCodeableConcept=concept(LOINC, WEIGHT)),
        _element("Observation.subject", min=1, type=_to(REACHABLE)),
        _element("Observation.performer", type=_to(NAMED)),
        _element("Observation.derivedFrom", type=_to(WEIGHING)),
        _element("Observation.note", min=1),
    ),
    _profile(REACHABLE, "Patient", _element("Patient.telecom", min=1)),
    _profile(NAMED, "Practitioner", _element("Practitioner.name", min=1)),
    _profile(BASE_ONLY, "Observation", abstract=True),
    _profile(WISH, "Goal", _element("Goal.note", min=1)),
    _profile(FULL_NOTE, "DocumentReference", _element("DocumentReference.description", min=1)),
)


def package(*profiles: Resource, name: str = PACKAGE) -> Package:
    """The package of these, or of all above."""
    short, _, version = name.partition("#")
    artifacts = tuple(Artifact.of(each, fhir_version="4.0.1", package=name) for each in profiles or PROFILES)
    return Package(Manifest(short, version, "4.0.1", {}), artifacts, f"digest of {name}", 0, ())


def weighing(subject: str | None = "Patient/anna", *, profile: str = WEIGHING, **members: Any) -> Resource:
    """A weight that follows its profile, but for what ``members`` say."""
    return observation(subject, **{"meta": {"profile": [profile]}, "note": NOTE, **members})


def by(practitioner: str) -> list[Resource]:
    return [reference(practitioner)]


TAG: Final = {
    "system": "https://zelfregie.example/fhir/CodeSystem/intake",
    "code": "profile-deviation",
    "display": "Does not follow its profile",
}


def rules(issues: list[Resource]) -> list[tuple[str, str, str]]:
    """Severity, rule and place of what profiles say."""
    return [
        (each["severity"], each["details"]["text"], each["expression"][0])
        for each in issues
        if each.get("extension") and "details" in each
    ]


def tags(resource: Resource) -> list[Any]:
    found: list[Any] = resource["meta"].get("tag", [])
    return found

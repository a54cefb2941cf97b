"""HL7's own profiles with their snapshots, and how ours of the same differentials are compared with them."""

from __future__ import annotations

import functools
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.fhir.definitions import load
from app.fhir.packages import Artifact, Library
from app.fhir.profiles.snapshot import with_snapshot
from app.fhir.resource import Resource, decode

_ANY: Final = "http://hl7.org/fhir/StructureDefinition/Resource"
_VALUES: Final = ("fixed", "pattern")


class Difference(NamedTuple):
    """``what`` is the member that differs, or ``missing`` or ``more`` for a whole element; ``order`` for the places."""

    profile: str
    element: str
    what: str
    ours: Any
    theirs: Any


@functools.cache
def structure_definitions(fhir_definitions: Path) -> Mapping[str, Resource]:
    """Every StructureDefinition of HL7's R4 package by its id."""
    found: dict[str, Resource] = {}
    with tarfile.open(fhir_definitions / "hl7.fhir.core-4.0.1.tar.gz") as package:
        for member in package:
            if "/StructureDefinition-" in member.name and member.name.endswith(".json"):
                file = package.extractfile(member)
                assert file is not None
                resource = decode(file.read())
                found[resource["id"]] = resource
    return found


@functools.cache
def hl7_library(fhir_definitions: Path) -> Library:
    return library_of(*structure_definitions(fhir_definitions).values())


def library_of(*resources: Resource) -> Library:
    """A library of these R4 resources."""
    return Library(Artifact.of(each, fhir_version="4.0.1", package="test#1") for each in resources)


def profiles(fhir_definitions: Path) -> Iterator[Resource]:
    """HL7's profiles and extensions that have both views."""
    for each in structure_definitions(fhir_definitions).values():
        if each.get("derivation") == "constraint" and "snapshot" in each and "differential" in each:
            yield each


def differences(profile: Resource, fhir_definitions: Path) -> Iterator[Difference]:
    """What is not the same in our snapshot of a profile and in the one that it has."""
    made = with_snapshot(profile, hl7_library(fhir_definitions), load("4.0.1"))
    ours = {each["id"]: _compared(each) for each in made["snapshot"]["element"]}
    theirs = {each["id"]: _compared(each) for each in profile["snapshot"]["element"]}
    name = profile["id"]
    for element in theirs.keys() - ours.keys():
        yield Difference(name, element, "missing", None, theirs[element])
    for element in ours.keys() - theirs.keys():
        yield Difference(name, element, "more", ours[element], None)
    if [each for each in ours if each in theirs] != [each for each in theirs if each in ours]:
        yield Difference(name, "", "order", list(ours), list(theirs))
    for element in ours.keys() & theirs.keys():
        for what, value in ours[element].items():
            if value != theirs[element][what]:
                yield Difference(name, element, what, value, theirs[element][what])


def _compared(element: Resource) -> dict[str, Any]:
    binding = element.get("binding", {})
    return {
        **{name: element.get(name) for name in ("path", "sliceName", "min", "max", "contentReference", "base")},
        "type": sorted(map(_type, element.get("type", ()))),
        "binding": binding.get("valueSet", "").partition("|")[0] if binding.get("strength") == "required" else None,
        "value": {name: value for name, value in element.items() if name.startswith(_VALUES)},
        "isModifier": element.get("isModifier", False),
        "mustSupport": element.get("mustSupport", False),
    }


def _type(kind: Resource) -> tuple[str, list[str], list[str]]:
    targets = [each for each in kind.get("targetProfile", ()) if each != _ANY]  # which says no more than nothing does
    return kind.get("code", ""), sorted(kind.get("profile", ())), sorted(targets)

"""The official packages and examples of the folder of definitions, read once per process."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.fhir import xml
from app.fhir.definitions import Definitions, load
from app.fhir.packages import Artifact, Library
from app.fhir.packages.reading import read
from app.fhir.profiles import Profiles
from app.fhir.profiles.elements import Item, items_of, members_of
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from tests.fhir.examples import nictiz

VERSIONS: Final = ("4.0.1", "3.0.1")
NICTIZ: Final[Mapping[str, tuple[str, ...]]] = {
    "4.0.1": ("Nictiz-R4-zib2020", "MedMij-R4-Core"),
    "3.0.1": ("Nictiz-STU3-Zib2017", "Nictiz-STU3-Questionnaires"),
}


@functools.cache
def artifacts(fhir_definitions: Path, name: str) -> tuple[Artifact, ...]:
    """What is kept of one package or of a folder of packages."""
    return tuple(artifact for package in read(fhir_definitions / name) for artifact in package.artifacts)


@functools.cache
def nictiz_artifacts(fhir_definitions: Path, version: str) -> tuple[Artifact, ...]:
    return tuple(each for name in NICTIZ[version] for each in artifacts(fhir_definitions, name))


@functools.cache
def of_version(fhir_definitions: Path, version: str) -> tuple[Artifact, ...]:
    """HL7's and Nictiz's for one FHIR version."""
    core = artifacts(fhir_definitions, f"hl7.fhir.core-{version}.tar.gz")
    return (*core, *nictiz_artifacts(fhir_definitions, version))


@functools.cache
def library(fhir_definitions: Path, *versions: str) -> Library:
    """Everything for these FHIR versions, installed in this order."""
    return Library(artifact for version in versions for artifact in of_version(fhir_definitions, version))


def profiles_of(held: Library, version: str) -> Profiles:
    definitions = load(version)
    return Profiles(definitions, held, LibraryTerminology(held, definitions))


@functools.cache
def profiles(fhir_definitions: Path, version: str) -> Profiles:
    """The profiles of one FHIR version, where everything for both is held."""
    return profiles_of(library(fhir_definitions, *VERSIONS), version)


@dataclass(frozen=True, slots=True)
class Examples:
    """``by_name`` has each by its file name, ``by_reference`` by ``Type/id``."""

    by_name: Mapping[str, Resource]
    by_reference: Mapping[str, Resource]


@functools.cache
def examples(fhir_definitions: Path, version: str) -> Examples:
    """Nictiz's examples for one FHIR version. Of two with the same id the first one is found by it."""
    by_name: dict[str, Resource] = {}
    by_reference: dict[str, Resource] = {}
    for name, content in nictiz(fhir_definitions, version):
        resource = xml.from_xml(content, load(version))
        assert by_name.setdefault(_free(name, by_name), resource) is resource
        if "id" in resource:
            by_reference.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)
    return Examples(by_name, by_reference)


def _free(name: str, taken: Mapping[str, Resource]) -> str:
    """The questionnaires' examples have some names of the others'."""
    return name if name not in taken else f"questionnaires/{name}"


def elements(resource: Resource, definitions: Definitions) -> Iterator[tuple[str, Item]]:
    """Every element of a resource, parents first, with its path in the type that has it (``Patient.contact.name``,
    ``HumanName.family``, ``Observation.value[x]`` and ``Observation.valueQuantity``); the resource itself and each
    value of a type also with the name of that.
    """
    kind = resource["resourceType"]
    waiting = [Item(resource, None, kind, None)]
    yield kind, waiting[0]
    while waiting:
        owner = waiting.pop()
        for name, row in ((name, row) for name, rows in members_of(definitions, owner.owner).items() for row in rows):
            for item in items_of(owner.object, (row,)):
                for each in dict.fromkeys((name, row.member)):
                    yield f"{owner.owner}.{each}", item
                if item.type in definitions.types and "." not in item.type:
                    yield item.type, item
                waiting.append(item)

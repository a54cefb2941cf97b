"""HL7's packages of conformance resources, read from their tarballs.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

VARIABLE = "ZELFREGIE_FHIR_DEFINITIONS"
PROJECT = Path(__file__).parents[3]
DEFAULT = "../shared/fhir"
KINDS = ("StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter", "CompartmentDefinition")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Package:
    """One package: name and version (``hl7.fhir.r4.core#4.0.1``), the tarball's sha256, resources by type and url."""

    source: str
    sha256: str
    resources: Mapping[str, Mapping[str, Json]]


def folder() -> Path:
    """Where the tarballs are: ``ZELFREGIE_FHIR_DEFINITIONS`` or ``../shared/fhir``, seen from the project's folder."""
    return PROJECT / (os.environ.get(VARIABLE) or DEFAULT)


def tarball(version: str) -> Path:
    """The tarball of FHIR ``4.0.1`` or ``3.0.1``; it may not exist."""
    return folder() / f"hl7.fhir.core-{version}.tar.gz"


def read(path: Path) -> Package:
    """All conformance resources of a package in order of file name, HL7's examples of such resources left out."""
    content = path.read_bytes()
    manifest: Json = {}
    found: dict[str, dict[str, Json]] = {kind: {} for kind in KINDS}
    for name, resource in sorted(_files(path), key=lambda file: file[0]):
        if name == "package.json":
            manifest = resource
        elif (kind := resource.get("resourceType")) in found and "url" in resource and not _is_example(kind, resource):
            found[kind][resource["url"]] = resource
    return Package(f"{manifest['name']}#{manifest['version']}", hashlib.sha256(content).hexdigest(), found)


def examples(path: Path) -> Iterator[tuple[str, bytes]]:
    """(File name, bytes) of the package's resources that are not conformance resources about FHIR itself."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            name = Path(member.name).name
            if file and name.endswith(".json") and name not in ("package.json", ".index.json"):
                yield name, file.read()


def _files(path: Path) -> Iterator[tuple[str, Json]]:
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file and member.name.endswith(".json"):
                yield Path(member.name).name, msgspec.json.decode(file.read())


def _is_example(kind: str, resource: Json) -> bool:
    """HL7 publishes a few examples of these two beside the real ones, under the same codes."""
    name = str(resource["url"]).rsplit("/", 1)[-1]
    return kind in ("SearchParameter", "CompartmentDefinition") and name.startswith("example")

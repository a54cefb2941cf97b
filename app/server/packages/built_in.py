"""The package that comes with this service, ``medmij_profiles``: its profiles, value sets, search parameters.

It is read from its folder, with the canonical base of this installation in the place of the one in the files (MODEL 4).
https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.config import CANONICAL_BASE, VERSION
from app.errors import Invalid
from app.fhir.packages import Artifact
from app.fhir.resource import Resource, decode, encode

FOLDER: Final = Path(__file__).parents[3] / "medmij_profiles"
NAME: Final = "zelfregie.profiles"
PACKAGE: Final = f"{NAME}#{VERSION}"
_FHIR_VERSION: Final = "4.0.1"
_NOT_OF_IT: Final = frozenset({"examples", "near-misses"})
"""Folders of what shows how the profiles are used."""


@functools.cache
def built_in(canonical_base: str, folder: Path = FOLDER) -> tuple[Artifact, ...]:
    """What the package has under a canonical base, in order of file name. Raises ``Invalid`` naming a bad file."""
    found = []
    for place, resource in resources(canonical_base, folder):
        try:
            found.append(Artifact.of(resource, fhir_version=_FHIR_VERSION, package=PACKAGE))
        except KeyError as error:
            raise Invalid(f"medmij_profiles/{place} is no conformance resource: it has no {error}.") from error
    return tuple(found)


def resources(canonical_base: str, folder: Path = FOLDER) -> Iterator[tuple[str, Resource]]:
    """Each file in the package with the whole resource in it, snapshots too, under a canonical base, in order of file
    name. Raises ``Invalid`` naming a bad file.
    """
    written, wanted = (encode(each)[1:-1] for each in (CANONICAL_BASE, canonical_base))
    for path in sorted(folder.rglob("*.json")):
        within = path.relative_to(folder)
        if len(within.parts) == 1 or not _NOT_OF_IT.isdisjoint(within.parts):
            continue
        try:
            yield within.as_posix(), decode(path.read_bytes().replace(written, wanted))
        except Invalid as error:
            raise Invalid(f"medmij_profiles/{within.as_posix()} is no conformance resource: {error}") from error

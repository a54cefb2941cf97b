"""A package as its makers have it: a folder for each kind of resource, one JSON file each.

https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from app.errors import Invalid
from app.fhir.definitions import Definitions, load
from app.fhir.packages import Artifact, Library
from app.fhir.profiles.snapshot import with_snapshot
from app.fhir.profiles.tree import NotHeld, Tree, Unreadable, tree_of
from app.fhir.resource import Resource, decode, encode
from app.fhir.terminology.library import LibraryTerminology

EXAMPLES: Final = "examples"
NEAR_MISSES: Final = "near-misses"
MANIFEST: Final = "package.json"
_FHIR_VERSION: Final = "4.0.1"


@dataclass(frozen=True, slots=True)
class Content:
    """What a folder holds. ``resources`` are by file, in the order of their names; ``beside`` is what else profiles may
    build upon.
    """

    folder: Path
    manifest: Mapping[str, Any]
    resources: Mapping[Path, Resource]
    examples: Mapping[Path, Resource]
    library: Library
    definitions: Definitions
    terminology: LibraryTerminology = field(repr=False)

    def of_type(self, kind: str) -> list[Resource]:
        """Its resources of one type, in order of their titles."""
        found = [each for each in self.resources.values() if each["resourceType"] == kind]
        return sorted(found, key=lambda each: str(each.get("title", each.get("name", ""))).casefold())

    def tree(self, canonical: str) -> Tree:
        """The tree of a profile. Raises ``Invalid``."""
        try:
            return tree_of(canonical, self.library, self.definitions)
        except NotHeld as error:
            raise Invalid(f"{error.canonical} is not in the folder.", "not-found") from error
        except Unreadable as error:
            raise Invalid(str(error), "value") from error


def read_folder(folder: Path, beside: Iterable[Artifact] = ()) -> Content:
    """Raises ``Invalid`` for what is no package in folders, and for files that are no resources."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise Invalid(f"{folder} has no {MANIFEST}: it is no package.", "not-found")
    resources: dict[Path, Resource] = {}
    examples: dict[Path, Resource] = {}
    for path in sorted(folder.glob("*/*.json")):
        if path.parent.name != NEAR_MISSES:
            (examples if path.parent.name == EXAMPLES else resources)[path] = _resource(path)
    definitions = load(_FHIR_VERSION)
    own = [
        Artifact.of(each, fhir_version=_FHIR_VERSION, package=folder.name)
        for each in resources.values()
        if "url" in each
    ]
    library = Library([*beside, *own])
    return Content(
        folder,
        msgspec.json.decode(manifest.read_bytes()),
        resources,
        examples,
        library,
        definitions,
        LibraryTerminology(library, definitions),
    )


def snapshots(content: Content) -> Iterator[tuple[Path, bytes]]:
    """The files of StructureDefinitions with their snapshots made anew. Raises ``Invalid``."""
    for path, resource in content.resources.items():
        if resource["resourceType"] == "StructureDefinition" and "differential" in resource:
            try:
                made = with_snapshot(resource, content.library, content.definitions)
            except NotHeld as error:
                raise Invalid(f"{path.name}: {error.canonical} is not in the folder.", "not-found") from error
            except Unreadable as error:
                raise Invalid(f"{path.name}: {error}.", "value") from error
            yield path, as_file(made)


def as_file(resource: Resource) -> bytes:
    """JSON as the files have it."""
    return msgspec.json.format(encode(resource), indent=2) + b"\n"


def write(files: Iterable[tuple[Path, bytes]]) -> int:
    """Write what differs from what is there; how many files those were."""
    written = 0
    for path, data in files:
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written += 1
    return written


def _resource(path: Path) -> Resource:
    try:
        resource = decode(path.read_bytes())
    except Invalid as error:
        raise Invalid(f"{path.name}: {error}", error.code) from error
    if "resourceType" not in resource:
        raise Invalid(f"{path.name} is no resource.", "structure")
    return resource

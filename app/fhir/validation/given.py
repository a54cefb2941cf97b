"""The resources of the files that are given together, for references from one to another.

https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from app.errors import ZelfregieError
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, parse_reference
from app.fhir.validation import has_shape, validate
from app.fhir.validation.files import Piece, decoded, pieces_of

MOST_KEPT: Final = 64 * 1024 * 1024
"""Bytes of files whose resources are kept once they were read; files may be larger than memory."""


class _Place(NamedTuple):
    """Where a resource is: a file, from which byte on, how many, and below which entries of Bundles."""

    path: Path
    start: int
    size: int
    entries: tuple[int, ...] = ()


class Given:
    """What the files hold, by what refers to it. Nothing is read until a reference is followed."""

    def __init__(self, paths: Sequence[Path], definitions: Definitions) -> None:
        self._paths = paths
        self._definitions = definitions
        self._kept: dict[tuple[Path, int], tuple[int, Resource]] = {}

    def resolve(self, reference: str) -> Resource | None:
        """The resource that a reference leads to: an entry by its ``fullUrl``, anything by ``Type/id``, or with the
        version that it is. None where the files do not have it, or have several that differ.
        """
        literal = parse_reference(reference)
        places = self._places.get(reference)
        if places is None and literal is not None and not literal.base:
            places = self._places.get(literal.relative)
        found = [self._at(each) for each in places or ()]
        if not found or any(each != found[0] for each in found[1:]):
            return None
        known = found[0].get("meta", {}).get("versionId")
        asked = None if literal is None else literal.version
        return found[0] if asked is None or known in (None, asked) else None

    @cached_property
    def _places(self) -> dict[str, list[_Place]]:
        found: dict[str, list[_Place]] = {}
        for path in dict.fromkeys(self._paths):
            for name, place in self._in(path):
                listed = found.setdefault(name, [])
                if place not in listed:
                    listed.append(place)
        return found

    def _in(self, path: Path) -> Iterator[tuple[str, _Place]]:
        """What each resource in a file can be called by. What cannot be read is told where it is looked at itself."""
        try:
            for piece in pieces_of(path):
                try:
                    resource = decoded(piece.content, path, self._definitions)
                except ZelfregieError:
                    continue
                if has_shape(validate(resource, self._definitions)):
                    yield from _named(resource, _Place(path, piece.start, len(piece.content)))
        except (OSError, ZelfregieError):
            return

    def _at(self, place: _Place) -> Resource:
        key = place.path, place.start
        if key not in self._kept:
            resource = decoded(Piece.read(place.path, place.start, place.size), place.path, self._definitions)
            while self._kept and sum(size for size, _ in self._kept.values()) + place.size > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = place.size, resource
        found = self._kept[key][1]
        for number in place.entries:
            found = found["entry"][number]["resource"]
        return found


def _named(resource: Resource, place: _Place) -> Iterator[tuple[str, _Place]]:
    if isinstance(resource.get("id"), str):
        yield f"{resource['resourceType']}/{resource['id']}", place
    if resource["resourceType"] != "Bundle":
        return
    for number, entry in enumerate(resource.get("entry", ())):
        if isinstance(entry.get("resource"), dict):
            within = place._replace(entries=(*place.entries, number))
            if isinstance(entry.get("fullUrl"), str):
                yield entry["fullUrl"], within
            yield from _named(entry["resource"], within)

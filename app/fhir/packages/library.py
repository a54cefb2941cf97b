"""The conformance resources that are held, looked up by FHIR version and canonical.

Profiles of different FHIR versions may have the same canonical and say different things, so a canonical alone names
nothing. https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from app.fhir.resource import Resource, decode, encode

_LEFT_OUT: Final = ("text", "snapshot")
"""What nobody needs in order to check: the narrative, and the snapshot of a profile that has its differential."""


def canonical_of(resource: Resource) -> str:
    """What a conformance resource is known by: its ``url``, which a NamingSystem of these versions has not: the URI of
    the identifiers or codes that it is about, the preferred one where it has several. "" where there is none.
    https://hl7.org/fhir/R4/namingsystem.html
    """
    if resource.get("resourceType") == "NamingSystem" and "url" not in resource:
        uris = [each for each in resource.get("uniqueId", ()) if each.get("type") == "uri"]
        uris.sort(key=lambda each: each.get("preferred") is not True)
        return str(uris[0].get("value", "")) if uris else ""
    return str(resource.get("url", ""))


def without_what_is_shown(resource: Resource) -> Resource:
    """A conformance resource as far as it is needed in order to check."""
    left_out = _LEFT_OUT if "differential" in resource else _LEFT_OUT[:1]
    return {name: value for name, value in resource.items() if name not in left_out}


@dataclass(frozen=True, slots=True)
class Artifact:
    """One conformance resource of a package: ``content`` is its JSON, deflated; ``package`` is ``name#version``.

    ``fhir_version`` is ``4.0.1`` or ``3.0.1``, also for the packages that say 4.0.0 or 3.0.2.
    """

    fhir_version: str
    kind: str
    url: str
    version: str
    package: str
    content: bytes

    @classmethod
    def of(cls, resource: Resource, *, fhir_version: str, package: str) -> Artifact:
        """The artifact of a resource that has a canonical. Raises KeyError for another."""
        content = zlib.compress(encode(without_what_is_shown(resource)), 9)
        url = canonical_of(resource)
        if not url:
            raise KeyError("url")
        return cls(fhir_version, resource["resourceType"], url, resource.get("version", ""), package, content)

    def resource(self) -> Resource:
        """The resource, without narrative; a StructureDefinition with a differential comes without its snapshot."""
        return decode(zlib.decompress(self.content))


class Library:
    """What is held. It does not change: what is installed later makes another one."""

    def __init__(self, artifacts: Iterable[Artifact] = ()) -> None:
        self._found: dict[tuple[str, str, str], list[Artifact]] = {}
        for each in artifacts:
            self._found.setdefault((each.fhir_version, each.kind, each.url), []).append(each)
        for listed in self._found.values():
            listed.sort(key=_newness)

    def find(self, fhir_version: str, kind: str, canonical: str) -> Artifact | None:
        """What a canonical means: the version after ``|``, else the newest; of two alike, the one given last."""
        url, _, version = canonical.partition("|")
        listed = self._found.get((fhir_version, kind, url), ())
        return next((each for each in reversed(listed) if version in ("", each.version)), None)

    def versions(self, fhir_version: str, kind: str, canonical: str) -> Iterator[Artifact]:
        """All that a canonical can mean: each version of each package, or those of the version after ``|``; the newest
        first.
        """
        url, _, version = canonical.partition("|")
        for each in reversed(self._found.get((fhir_version, kind, url), ())):
            if version in ("", each.version):
                yield each

    def of_kind(self, fhir_version: str, kind: str) -> Iterator[Artifact]:
        """Everything of one resource type, of each canonical what it means without a version, in order of canonical."""
        for key in sorted(self._found):
            if key[:2] == (fhir_version, kind):
                yield self._found[key][-1]

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))


def _newness(artifact: Artifact) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in artifact.version.split(".")]

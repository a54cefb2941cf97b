"""What this installation holds of packages, the same in every process: looked up again only once it has changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from sys import intern
from typing import Final

from app.database import Reader
from app.fhir.definitions import Definitions, load
from app.fhir.definitions.own import served
from app.fhir.packages import Artifact, Library
from app.fhir.profiles.profiles import Profiles
from app.fhir.terminology.library import LibraryTerminology
from app.server.packages.built_in import built_in

MOST_LARGE: Final = 2
"""Large checks against profiles at one time in a process."""
_GENERATION: Final = "SELECT value FROM setting WHERE name = 'packages'"
_ARTIFACTS: Final = (
    "SELECT p.fhir_version, a.kind, a.url, a.version, p.name, p.version, a.content FROM package p"
    " JOIN artifact a ON a.package_name = p.name AND a.package_version = p.version"
    " ORDER BY p.installed, p.name, p.version, a.kind, a.url, a.version"
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A library and what was made of it, by FHIR version; ``r4``: R4 as it is served."""

    library: Library
    r4: Definitions
    terminology: dict[str, LibraryTerminology] = field(default_factory=dict)
    profiles: dict[str, Profiles] = field(default_factory=dict)

    def terminology_of(self, fhir_version: str) -> LibraryTerminology:
        if fhir_version not in self.terminology:
            self.terminology[fhir_version] = LibraryTerminology(self.library, self._definitions(fhir_version))
        return self.terminology[fhir_version]

    def profiles_of(self, fhir_version: str) -> Profiles:
        if fhir_version not in self.profiles:
            terminology = self.terminology_of(fhir_version)
            self.profiles[fhir_version] = Profiles(self._definitions(fhir_version), self.library, terminology)
        return self.profiles[fhir_version]

    def _definitions(self, fhir_version: str) -> Definitions:
        """The very object that the server has, so that nothing is made twice of the same definitions."""
        return self.r4 if fhir_version == self.r4.version else load(fhir_version)


class InstalledPackages:
    """The library of what is built in and what is installed. ``canonical_base`` begins the canonicals of the first.

    Each question costs one small statement; what was made for an earlier one is given again until something was
    installed or removed. FHIR versions are 4.0.1 and 3.0.1.
    """

    def __init__(self, canonical_base: str) -> None:
        self._canonical_base = canonical_base
        self._generation = -1
        self._r4 = served(canonical_base)
        self._held = _Held(Library(), self._r4)
        self._making = asyncio.Lock()
        self.large_checks = asyncio.Semaphore(MOST_LARGE)
        """Held while a resource of many values is held against profiles."""

    async def library(self, reader: Reader) -> Library:
        """What is held now."""
        return (await self._now(reader)).library

    async def terminology(self, reader: Reader, fhir_version: str = "4.0.1") -> LibraryTerminology:
        """The value sets, code systems and concept maps of one FHIR version."""
        return (await self._now(reader)).terminology_of(fhir_version)

    async def profiles(self, reader: Reader, fhir_version: str = "4.0.1") -> Profiles:
        """The profiles of one FHIR version."""
        return (await self._now(reader)).profiles_of(fhir_version)

    async def _now(self, reader: Reader) -> _Held:
        generation = await _generation(reader)
        # A snapshot from before the last change is answered with what came of that change.
        if generation > self._generation:
            async with self._making:
                if generation > self._generation:
                    self._held = _Held(await self._made(reader), self._r4)
                    self._generation = generation  # what came in between is found anew by the next who asks
        return self._held

    async def _made(self, reader: Reader) -> Library:
        rows = await reader.fetch(_ARTIFACTS)
        found = list(built_in(self._canonical_base))
        for fhir_version, kind, url, version, name, package_version, content in rows:
            package = intern(f"{name}#{package_version}")
            found.append(Artifact(intern(fhir_version), intern(kind), url, intern(version), package, bytes(content)))
        return Library(found)


async def _generation(reader: Reader) -> int:
    rows = await reader.fetch(_GENERATION)
    return int(rows[0][0])

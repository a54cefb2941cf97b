"""What this installation holds of packages, the same in every process: looked up again only once it has changed."""

from __future__ import annotations

import asyncio
from sys import intern
from typing import Final

from app.database import Reader
from app.fhir.packages import Artifact, Library
from app.server.packages.built_in import built_in

_GENERATION: Final = "SELECT value FROM setting WHERE name = 'packages'"
_ARTIFACTS: Final = (
    "SELECT p.fhir_version, a.kind, a.url, a.version, p.name, p.version, a.content FROM package p"
    " JOIN artifact a ON a.package_name = p.name AND a.package_version = p.version"
    " ORDER BY p.installed, p.name, p.version, a.kind, a.url, a.version"
)


class InstalledPackages:
    """The library of what is built in and what is installed. ``canonical_base`` begins the canonicals of the first."""

    def __init__(self, canonical_base: str) -> None:
        self._canonical_base = canonical_base
        self._generation = -1
        self._library = Library()
        self._making = asyncio.Lock()

    async def library(self, reader: Reader) -> Library:
        """What is held now, with one small statement; another library when something was installed or removed."""
        generation = await _generation(reader)
        # A snapshot from before the last change is answered with what came of that change.
        if generation > self._generation:
            async with self._making:
                if generation > self._generation:
                    self._library = await self._made(reader)
                    self._generation = generation  # what came in between is found anew by the next who asks
        return self._library

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

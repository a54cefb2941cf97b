"""Installing, listing and removing packages. Every process knows of a change at its next question.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from app.database import Database, Reader, Writer
from app.errors import Conflict, Invalid, NotFound
from app.fhir.packages.manifest import Missing, missing, split
from app.fhir.packages.reading import Package
from app.server.packages.built_in import NAME
from app.server.packages.tables import INSERT_ARTIFACT, INSERT_PACKAGE

State = Literal["installed", "replaced", "there already"]

_CHANGED: Final = "UPDATE setting SET value = (value::bigint + 1)::text WHERE name = 'packages'"
_ALL: Final = (
    "SELECT p.name, p.version, p.fhir_version, p.digest, p.dependencies, p.installed FROM package p"
    " ORDER BY p.name, p.version"
)
_DIGESTS: Final = "SELECT p.name, p.version, p.digest FROM package p"
_COUNTS: Final = (
    "SELECT a.package_name, a.package_version, a.kind, count(*) FROM artifact a"
    " GROUP BY a.package_name, a.package_version, a.kind"
)
_SHARED: Final = (
    "SELECT DISTINCT pa.name, pa.version, pb.name, pb.version, a.url FROM artifact a"
    " JOIN package pa ON pa.name = a.package_name AND pa.version = a.package_version"
    " JOIN artifact b ON b.kind = a.kind AND b.url = a.url"
    " JOIN package pb ON pb.name = b.package_name AND pb.version = b.package_version"
    " WHERE pa.fhir_version = pb.fhir_version AND (pa.name, pa.version) < (pb.name, pb.version)"
    " ORDER BY 1, 2, 3, 4, 5"
)
_REMOVE: Final = (
    "DELETE FROM artifact WHERE package_name = $1 AND package_version = $2",
    "DELETE FROM package WHERE name = $1 AND version = $2",
)


@dataclass(frozen=True, slots=True)
class Installed:
    """One package. ``installed`` in µs; ``counts`` of what it holds by resource type; ``shared`` canonicals of
    the same FHIR version by the other package that has them too.
    """

    name: str
    version: str
    fhir_version: str
    digest: str
    installed: int
    counts: Mapping[str, int]
    missing: Sequence[Missing]
    shared: Mapping[str, Sequence[str]]

    @property
    def package(self) -> str:
        """``name#version``."""
        return f"{self.name}#{self.version}"


async def install(
    database: Database, packages: Sequence[Package], *, replace: bool = False, now: int
) -> dict[str, State]:
    """Install all of these or, when one cannot be, none; what became of each, by ``name#version``.

    What is installed with the same content is left as it is. Raises ``Conflict`` for one that is installed with other
    content, unless ``replace``, and ``Invalid`` for the one that is built in.
    """
    wanted = _distinct(packages)

    async def work(writer: Writer) -> dict[str, State]:
        # This row is locked first, so that two who install at once do it one after the other.
        await writer.execute(_CHANGED)
        states = await _states(writer, wanted, replace=replace)
        for each in wanted:
            if states[each.name] != "there already":
                await _put(writer, each, now=now)
        return states

    states = await _states(database, wanted, replace=replace)
    if all(state == "there already" for state in states.values()):
        return states
    return await database.transact(work)


async def remove(database: Database, package: str) -> int:
    """Remove one, named ``name#version``; how many resources are gone with it. Raises ``NotFound``."""
    name, version = split(package)

    async def work(writer: Writer) -> int:
        await writer.execute(_CHANGED)
        found = await _counts(writer)
        if (name, version) not in {(row[0], row[1]) for row in await writer.fetch(_DIGESTS)}:
            raise NotFound(f"{package} is not installed.")
        for sql in _REMOVE:
            await writer.execute(sql, name, version)
        return sum(found.get((name, version), {}).values())

    return await database.transact(work)


async def listed(reader: Reader) -> list[Installed]:
    """Every installed package, by name and version."""
    rows = await reader.fetch(_ALL)
    counts, shared = await _counts(reader), await _shared(reader)
    held = [(name, version, fhir_version) for name, version, fhir_version, *_ in rows]
    return [
        Installed(
            name,
            version,
            fhir_version,
            digest,
            installed,
            counts.get((name, version), {}),
            missing(msgspec.json.decode(dependencies, type=dict[str, str]), held, fhir_version),
            shared.get(f"{name}#{version}", {}),
        )
        for name, version, fhir_version, digest, dependencies, installed in rows
    ]


def _distinct(packages: Sequence[Package]) -> list[Package]:
    found: dict[str, Package] = {}
    for each in packages:
        if each.manifest.name == NAME:
            raise Invalid(f"{NAME} is built in, and is not installed besides.", "conflict")
        if found.setdefault(each.name, each).digest != each.digest:
            raise Conflict(f"{each.name} is given twice, with different content.")
    return [*found.values()]


async def _states(reader: Reader, packages: Sequence[Package], *, replace: bool) -> dict[str, State]:
    rows = await reader.fetch(_DIGESTS)
    digests = {f"{name}#{version}": digest for name, version, digest in rows}
    states: dict[str, State] = {}
    for each in packages:
        known = digests.get(each.name)
        if known not in (None, each.digest) and not replace:
            raise Conflict(f"{each.name} is installed with other content. To put this in its place, say --replace.")
        states[each.name] = "installed" if known is None else "there already" if known == each.digest else "replaced"
    return states


async def _put(writer: Writer, package: Package, *, now: int) -> None:
    said = package.manifest
    for sql in _REMOVE:
        await writer.execute(sql, said.name, said.version)
    dependencies = msgspec.json.encode(dict(said.dependencies)).decode()
    row = (said.name, said.version, said.fhir_version, package.digest, dependencies, now)
    await writer.insert(INSERT_PACKAGE, [row])
    await writer.insert(
        INSERT_ARTIFACT,
        [(said.name, said.version, each.kind, each.url, each.version, each.content) for each in package.artifacts],
    )


async def _counts(reader: Reader) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for name, version, kind, count in await reader.fetch(_COUNTS):
        found.setdefault((name, version), {})[kind] = count
    return found


async def _shared(reader: Reader) -> dict[str, dict[str, list[str]]]:
    """For each package, and each other that has some of its canonicals, these."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, version, other_name, other_version, url in await reader.fetch(_SHARED):
        one, other = f"{name}#{version}", f"{other_name}#{other_version}"
        found.setdefault(one, {}).setdefault(other, []).append(url)
        found.setdefault(other, {}).setdefault(one, []).append(url)
    return found

"""The service's own definitions in the shared catalogue, so that what it refers to can be read and searched there:
profiles, extensions, value sets, code systems, search parameters, questionnaires and operations.

https://hl7.org/fhir/R4/conformance-module.html
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec
import structlog

from app.auth.grants import service_access
from app.errors import Unprocessable
from app.fhir.resource import Resource, decode, encode
from app.server.ids import CATALOGUE
from app.server.loading import Found, LoadReport, load
from app.server.operation_definitions import operation_definition
from app.server.packages.built_in import resources
from app.server.server import FhirServer

_SHARED_TENANT: Final = 0
"""The tenant whose own catalogue is the one that all share."""
_OPERATION: Final = "OperationDefinition"
_STORED: Final = "SELECT id, body FROM resource WHERE patient = $1 AND type = $2 AND deleted = 0"
_VERSIONS: Final = "SELECT id, version FROM resource WHERE patient = $1 AND type = $2 AND deleted = 0"
_PUBLISHED: Final = "SELECT value FROM setting WHERE name = 'published'"
_KEEP: Final = (
    "INSERT INTO setting (name, value) VALUES ('published', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)

_log: Final = structlog.get_logger(__name__)

Versions = Mapping[str, int]
"""The version of each published resource in the catalogue, by ``Type/id``."""


async def publish(server: FhirServer) -> int:
    """Store the definitions that are not in the shared catalogue as they are now; how many those were.

    What was published by an earlier release and is no more is retired there: what refers to it still finds it. What
    others put into the catalogue is let be. Raises ``Unprocessable`` when one of the definitions is refused.
    """
    operations = [operation_definition(server.canonical_base, each) for each in server.operations.every()]
    digest = sha256(_packaged(server.canonical_base) + encode(operations)).hexdigest()
    before, known = await _published(server)
    if before == digest and await _are_there(server, known):
        return 0
    wanted = {f"{each['resourceType']}/{each['id']}": each for each in (*_of_package(server), *operations)}
    stored = await _stored(server, {*wanted, *known})
    ours = [name for name, each in wanted.items() if name in known or _is_free(each, stored.get(name))]
    differing = [wanted[name] for name in ours if stored.get(name) != _without_meta(wanted[name])]
    retired = [
        {**stored[name], "status": "retired"}
        for name in known
        if name not in wanted and name in stored and stored[name].get("status") != "retired"
    ]
    if differing or retired:
        await _store(server, [*differing, *retired])
    await _keep(server, digest, {*ours, *known})
    return len(differing) + len(retired)


def _of_package(server: FhirServer) -> Iterator[Resource]:
    """What the package has; the operations are as this server has them."""
    return (each for _, each in resources(server.canonical_base) if each["resourceType"] != _OPERATION)


@functools.cache
def _packaged(canonical_base: str) -> bytes:
    """Changes with anything in the package."""
    return sha256(encode(list(resources(canonical_base)))).digest()


async def _published(server: FhirServer) -> tuple[str, Versions]:
    """The digest of what was published last, and in which versions."""
    rows = await server.database.fetch(_PUBLISHED)
    if not rows:
        return "", {}
    kept: dict[str, Any] = msgspec.json.decode(rows[0][0])
    return kept["digest"], kept["versions"]


def _is_free(wanted: Resource, stored: Resource | None) -> bool:
    """Whether a definition can have its id. What others made under it stays, and the log says so."""
    free = stored is None or stored.get("url") == wanted.get("url")
    if not free:
        _log.warning("definitions.taken", type=wanted["resourceType"], id=wanted["id"])
    return free


async def _are_there(server: FhirServer, known: Versions) -> bool:
    """Whether nobody changed or deleted them since."""
    found = await _versions(server, known)
    return all(found.get(name) == version for name, version in known.items())


async def _versions(server: FhirServer, names: Iterable[str]) -> Versions:
    """Of everything in the shared catalogue that is of a type of these."""
    found = {}
    for kind in _types(names):
        for resource_id, version in await server.database.fetch(_VERSIONS, CATALOGUE, server.registry.number(kind)):
            found[f"{kind}/{resource_id}"] = version
    return found


async def _stored(server: FhirServer, names: Iterable[str]) -> dict[str, Resource]:
    """Likewise the resources, without ``meta``."""
    found = {}
    for kind in _types(names):
        for resource_id, body in await server.database.fetch(_STORED, CATALOGUE, server.registry.number(kind)):
            found[f"{kind}/{resource_id}"] = _without_meta(decode(body))
    return found


def _types(names: Iterable[str]) -> list[str]:
    return sorted({name.partition("/")[0] for name in names})


async def _store(server: FhirServer, definitions: list[Resource]) -> None:
    report = LoadReport()
    async with service_access(
        server.database,
        tenant=_SHARED_TENANT,
        reason="definitions",
        now=server.clock(),
        patient_type=server.registry.number("Patient"),
    ) as access:
        found = [Found(f"{each['resourceType']}/{each['id']}", each) for each in definitions]
        await load(server, access, found, patient=None, report=report)
    if report.refusals:
        raise Unprocessable(
            "The service's own definitions cannot be stored.",
            issues=tuple(issue for refusal in report.refusals for issue in refusal.issues),
        )


async def _keep(server: FhirServer, digest: str, names: set[str]) -> None:
    versions = {name: version for name, version in (await _versions(server, names)).items() if name in names}
    async with server.database.write() as writer:
        await writer.execute(_KEEP, encode({"digest": digest, "versions": versions}).decode())


def _without_meta(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "meta"}

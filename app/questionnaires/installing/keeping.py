"""Installing, listing and removing, in one tenant's catalogue. Every process knows of a change at its next question.
https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from app.auth.accounts.persons import keep_in_catalogue
from app.auth.grants import service_access
from app.database import Reader, Row, Writer
from app.errors import Conflict, NotFound, Unprocessable
from app.fhir.dates import LOCAL, bounds
from app.fhir.resource import Resource, decode
from app.questionnaires.installing.wanted import Wanted
from app.questionnaires.instruments import Licence
from app.questionnaires.tables import INSERT_INSTRUMENT
from app.server.search.terms import NO_SYSTEM, hash_token
from app.server.server import FhirServer
from app.server.store.erase import Erasing
from app.server.store.prepare import check_resource

_CHANGED: Final = "UPDATE setting SET value = (value::bigint + 1)::text WHERE name = 'instruments'"
_TENANT: Final = "SELECT 1 FROM partition WHERE patient = $1"
_COLUMNS: Final = "SELECT i.url, i.version, i.installed, i.licence, i.scoring, i.facts FROM instrument i"
_ALL: Final = f"{_COLUMNS} WHERE i.catalogue = $1 ORDER BY i.url, i.version"
_ONE: Final = f"{_COLUMNS} WHERE i.catalogue = $1 AND i.url = $2 AND i.version = $3"
_REMOVE: Final = "DELETE FROM instrument WHERE catalogue = $1 AND url = $2 AND version = $3"
_QUESTIONNAIRES: Final = (
    "SELECT r.id, r.body FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient = $1 AND t.type = $2 AND t.param = $3 AND t.value = $4 AND r.deleted = 0"
)
_REQUEST: Final = "questionnaires"


@dataclass(frozen=True, slots=True)
class Installed:
    """A row. ``installed`` in µs; ``removed``: it can no more be used, and its key is gone."""

    url: str
    version: str
    installed: int
    licence: Licence
    scored: bool
    removed: bool

    @property
    def canonical(self) -> str:
        """``url|version``."""
        return f"{self.url}|{self.version}"

    def ended(self, *, now: int) -> bool:
        """Whether its licence lasts no more."""
        return bool(self.licence.until) and now >= bounds(self.licence.until)[1]


async def install(server: FhirServer, wanted: Wanted, *, tenant: int, replace: bool = False, now: int) -> str:
    """Put the Questionnaire into the tenant's catalogue, and its licence and key beside it; its canonical.

    Raises ``Conflict`` for a version that is installed already, unless ``replace``; ``Unprocessable`` for a
    Questionnaire that is not valid, and for another key under the version of the one before.
    """
    questionnaire = wanted.questionnaire
    url, version, catalogue = questionnaire["url"], questionnaire["version"], -tenant
    await _check_tenant(server.database, tenant)
    await _check_free(server, catalogue, questionnaire)
    await _check(server, questionnaire, tenant=tenant, now=now)
    row = (
        *(catalogue, url, version, now),
        *(msgspec.json.encode(each) for each in (wanted.licence, wanted.scoring, wanted.facts)),
    )

    async def work(writer: Writer) -> None:
        # This row is locked first, so that two who install at once do it one after the other.
        await writer.execute(_CHANGED)
        before = await writer.fetch(_ONE, catalogue, url, version)
        if before:
            _check_replaced(before[0], wanted, replace=replace)
        await writer.execute(_REMOVE, catalogue, url, version)
        await writer.insert(INSERT_INSTRUMENT, [row])

    # The licence is there before the wording is: there is no moment at which the wording is there without it.
    await server.database.transact(work)
    await keep_in_catalogue(server, questionnaire, tenant=tenant, now=now)
    return f"{url}|{version}"


async def remove(server: FhirServer, canonical: str, *, tenant: int, erase: bool = False, now: int) -> Installed:
    """End the use of one: its key is gone, its licence over and its Questionnaire retired, or with ``erase`` emptied in
    every version. What was answered stays as it is. A Task that asks for it cannot be completed any more. Raises
    ``NotFound``.
    """
    url, _, version = canonical.partition("|")
    catalogue = -tenant

    async def work(writer: Writer) -> Installed:
        await writer.execute(_CHANGED)
        rows = await writer.fetch(_ONE, catalogue, url, version)
        if not rows:
            raise NotFound(f"{canonical} is not installed. Name it with its version, as list does.")
        found = _installed(rows[0])
        licence = msgspec.structs.replace(found.licence, until=_ended(found.licence, now))
        facts: dict[str, Any] = {**msgspec.json.decode(rows[0][5]), "removed": True}
        values = (licence, None, facts)
        await writer.execute(_REMOVE, catalogue, url, version)
        await writer.insert(
            INSERT_INSTRUMENT, [(catalogue, url, version, found.installed, *map(msgspec.json.encode, values))]
        )
        return found

    found = await server.database.transact(work)
    for resource_id, questionnaire in await _questionnaires(server, catalogue, url, version):
        if erase:
            await _erase(server, resource_id, tenant=tenant, now=now)
        elif questionnaire.get("status") != "retired":
            await keep_in_catalogue(server, {**questionnaire, "status": "retired"}, tenant=tenant, now=now)
    return found


async def listed(reader: Reader, *, tenant: int) -> list[Installed]:
    """Everything that a tenant installed, by canonical."""
    return [_installed(row) for row in await reader.fetch(_ALL, -tenant)]


def _installed(row: Row) -> Installed:
    url, version, installed, licence, scoring, facts = row
    return Installed(
        url,
        version,
        installed,
        msgspec.json.decode(licence, type=Licence),
        msgspec.json.decode(scoring) is not None,
        bool(msgspec.json.decode(facts).get("removed")),
    )


def _check_replaced(row: Row, wanted: Wanted, *, replace: bool) -> None:
    before = _installed(row)
    if not before.removed and not replace:
        raise Conflict(f"{before.canonical} is installed already. To put this in its place, say --replace.")
    old: Mapping[str, Any] | None = msgspec.json.decode(row[4])
    new: Mapping[str, Any] | None = msgspec.json.decode(msgspec.json.encode(wanted.scoring))
    if old and new and old != new and old["version"] == new["version"]:
        raise Unprocessable(
            "Another key needs another version of its own, so that results say by which they were made."
        )


async def _check_tenant(reader: Reader, tenant: int) -> None:
    if tenant < 1 or not await reader.fetch(_TENANT, -tenant):
        raise NotFound("There is no such tenant.")


async def _check_free(server: FhirServer, catalogue: int, questionnaire: Resource) -> None:
    """Refuse what would write over another Questionnaire of the tenant's own under this id."""
    number = server.registry.number("Questionnaire")
    rows = await server.database.fetch(
        "SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0",
        *(catalogue, number, questionnaire["id"]),
    )
    for (body,) in rows:
        there = decode(body)
        if (there.get("url"), there.get("version")) != (questionnaire["url"], questionnaire["version"]):
            raise Conflict(f"The catalogue has another Questionnaire with the id {questionnaire['id']}.")


async def _check(server: FhirServer, questionnaire: Resource, *, tenant: int, now: int) -> None:
    """Raise what is wrong with the Questionnaire before anything is written."""
    number = server.registry.number("Patient")
    async with service_access(server.database, tenant=tenant, reason=_REQUEST, now=now, patient_type=number) as access:
        await check_resource(server, server.database, access, questionnaire, may_hold_bsn=False, patient=-tenant)


async def _questionnaires(server: FhirServer, catalogue: int, url: str, version: str) -> Sequence[tuple[str, Resource]]:
    number, parameter = server.registry.number("Questionnaire"), server.definitions.parameter_numbers["url"]
    rows = await server.database.fetch(_QUESTIONNAIRES, catalogue, number, parameter, hash_token(NO_SYSTEM, url))
    found = [(resource_id, decode(body)) for resource_id, body in rows]
    return [(name, each) for name, each in found if (each.get("url"), each.get("version")) == (url, version)]


async def _erase(server: FhirServer, resource_id: str, *, tenant: int, now: int) -> None:
    number = server.registry.number("Patient")
    async with service_access(server.database, tenant=tenant, reason=_REQUEST, now=now, patient_type=number) as access:

        async def work(writer: Writer) -> None:
            erasing = Erasing(server, writer, access, -tenant, request=_REQUEST)
            await erasing.begin(now=now)
            await erasing.erase("Questionnaire", [resource_id])
            await erasing.finish()

        await server.database.transact(work)
    await server.database.fold()


def _ended(licence: Licence, now: int) -> str:
    """The last day of a licence that ends now."""
    today = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)).astimezone(LOCAL).date()
    yesterday = (today - timedelta(days=1)).isoformat()
    return min(licence.until, yesterday) if licence.until else yesterday

"""Makes the archive of a record: every resource and version, attachments, consents, the access log, the account.

Nothing is held but a slice of the record and a piece of the archive, whatever the size of the record.
https://gdpr-info.eu/art-20-gdpr/ https://hl7.org/fhir/R4/nd-json.html
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from app.auth.rights.account_data import account_data
from app.auth.rights.archive import Archive
from app.auth.rights.attachments import attached
from app.auth.rights.contents import Contents
from app.auth.rights.index_page import Kind, Summary, index_page
from app.database import Reader, Row
from app.errors import NotFound, ZelfregieError
from app.fhir.dates import instant
from app.fhir.resource import decode, encode
from app.fhir.xml import to_xml
from app.server.access import Access
from app.server.intake import quarantine
from app.server.server import FhirServer
from app.server.store.removal import EMPTIED, REMOVAL

Progress = Callable[[Archive, int, int], Awaitable[None]]
"""Told after every slice how much of how much is done; takes what is ready of the archive."""
_PERMISSIONS: Final = "permissions"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose copy, for whom, in which language; ``now`` in µs."""

    patient: int
    account: str
    language: str
    now: int


@dataclass(slots=True)
class _Counts:
    """What the index page tells."""

    labels: Counter[tuple[str, int]] = field(default_factory=Counter)
    versions: int = 0
    attachments: int = 0
    omitted: list[str] = field(default_factory=list)
    unread: bool = False


class Copying:
    """One archive in the making."""

    def __init__(self, server: FhirServer, reader: Reader, access: Access, wanted: Wanted, told: Progress) -> None:
        self._server = server
        self._reader = reader
        self._access = access
        self._wanted = wanted
        self._told = told
        self._contents = Contents(server, reader, access, wanted.patient, now=wanted.now)
        moment = datetime.fromtimestamp(wanted.now // 1_000_000, UTC)
        self.archive = Archive((moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
        self._counts = _Counts()
        self._done = self._total = 0

    async def make(self) -> Archive:
        """All of it. Raises ``GrantChanged`` once the person's right has changed."""
        current = await self._contents.current_types()
        past = await self._contents.past_types()
        self._total = 2 * sum(each.count for each in current) + sum(each.count for each in past) + 1
        for each in current:
            await self._lines(each.type)
        for each in current:
            await self._files(each.type)
        for each in past:
            await self._history(each.type)
        await self._catalogue()
        if not self._denied() & ~self._server.labels.bits((_PERMISSIONS,)):
            await self._unread()
        permitted = not self._denied() & self._server.labels.bits((_PERMISSIONS,))
        if permitted:
            self.archive.add_json("permissions/consents.json", await self._contents.consents())
            await self._log()
        self.archive.add_json(
            "account/account.json", await account_data(self._reader, self._wanted.patient, self._wanted.account)
        )
        self._finish(permissions=permitted)
        await self._step(1)
        return self.archive

    def _denied(self) -> int:
        return self._access.denied_labels(self._wanted.patient, 2)

    async def _step(self, count: int) -> None:
        self._done += count
        await self._told(self.archive, self._done, self._total)

    async def _lines(self, resource_type: str) -> None:
        """Every resource of a type, one per line."""
        with self.archive.file(f"ndjson/{resource_type}.ndjson") as file:
            async for rows in self._contents.current(resource_type):
                for _, _, labels, body in rows:
                    file.write(bytes(body) + b"\n")
                    self._counts.labels[resource_type, labels] += 1
                await self._step(len(rows))

    async def _files(self, resource_type: str) -> None:
        """Every resource of a type by itself, in both formats, with what is attached to it."""
        async for rows in self._contents.current(resource_type):
            await asyncio.to_thread(self._add_files, resource_type, rows)
            await self._step(len(rows))

    def _add_files(self, resource_type: str, rows: Sequence[Row]) -> None:
        for resource_id, _, _, body in rows:
            name = f"{resource_type}/{resource_id}"
            content = bytes(body)
            self.archive.add(f"json/{name}.json", content)
            resource = decode(content)
            try:
                self.archive.add(f"xml/{name}.xml", to_xml(resource, self._server.definitions))
            except ZelfregieError:
                self._counts.omitted.append(name)
            for number, (suffix, data) in enumerate(attached(resource), 1):
                self.archive.add(f"attachments/{name}-{number}{suffix}", data)
                self._counts.attachments += 1

    async def _history(self, resource_type: str) -> None:
        """Every version of a type, one per line: who, when, how, and what it was."""
        with self.archive.file(f"history/{resource_type}.ndjson") as file:
            async for rows in self._contents.versions(resource_type):
                for row in rows:
                    file.write(_version(resource_type, row))
                self._counts.versions += len(rows)
                await self._step(len(rows))

    async def _catalogue(self) -> None:
        """What the record refers to and is nobody's."""
        found: str | None = None
        lines: list[bytes] = []
        async for resource_type, body in self._contents.shared():
            if resource_type != found and lines:
                self.archive.add(f"catalogue/{found}.ndjson", b"".join(lines))
                lines = []
            found = resource_type
            lines.append(bytes(body) + b"\n")
        if lines:
            self.archive.add(f"catalogue/{found}.ndjson", b"".join(lines))

    async def _unread(self) -> None:
        """What was delivered and could not be taken in: as it came, and what was wrong with it."""
        kept = await quarantine.listed(self._reader, self._wanted.patient)
        for each in kept:
            suffix = "xml" if "xml" in each.media_type else "json"
            if each.kind == "entry":  # what is held may be about somebody else
                try:
                    whole = await quarantine.found(self._reader, each.patient, each.id)
                except NotFound:  # dropped or erased meanwhile
                    continue
                self.archive.add(f"not-read/{each.id}.{suffix}", whole.received)
        if kept:
            self._counts.unread = True
            self.archive.add_json("not-read/index.json", [each.told() for each in kept])

    async def _log(self) -> None:
        with self.archive.file("access-log/log.ndjson") as file:
            written = 0
            async for line in self._contents.log():
                file.write(encode(line) + b"\n")
                written += 1
                if written % 500 == 0:
                    await self._step(0)

    def _finish(self, *, permissions: bool) -> None:
        counts = self._counts
        kinds: Counter[tuple[str, str]] = Counter()
        for (resource_type, labels), count in counts.labels.items():
            kinds[self._category(labels), resource_type] += count
        summary = Summary(
            self._wanted.now,
            [Kind(resource_type, count, category) for (category, resource_type), count in sorted(kinds.items())],
            counts.versions,
            counts.attachments,
            permissions,
            bool(self._denied()),
            counts.omitted,
            counts.unread,
        )
        self.archive.add("index.html", index_page(summary, self._wanted.language))
        self.archive.finish(
            {"made": instant(self._wanted.now), "patient": self._access.patient_id, "withoutXml": counts.omitted}
        )

    def _category(self, labels: int) -> str:
        dutch = self._wanted.language != "en"
        names = [
            each.dutch if dutch else each.english
            for each in self._server.labels.categories.values()
            if labels & 1 << each.bit
        ]
        return ", ".join(names)


def _version(resource_type: str, row: Row) -> bytes:
    resource_id, version, updated, interaction, actor, body = row
    about = {
        "reference": f"{resource_type}/{resource_id}/_history/{version}",
        "lastUpdated": instant(updated),
        "interaction": "removed" if interaction in (REMOVAL, EMPTIED) else interaction,
        "by": actor,
    }
    head = encode(about)
    return head[:-1] + (b"" if body is None else b',"resource":' + bytes(body)) + b"}\n"

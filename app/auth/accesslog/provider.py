"""The access log as AuditEvents: read and searched by who has the data category ``permissions`` of that record.

https://hl7.org/fhir/R4/auditevent.html#search
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from app.audit import Recorded, event_with, events_of
from app.audit.audit_event import audit_event, parties
from app.auth.accesslog.names import PartyNames
from app.database import Reader
from app.fhir.resource import Resource, encode
from app.server.access import SELECT_PATIENT_ID
from app.server.providers import Asked, Coded, Keys, Provided, Referred, Wanted, meets_date
from app.server.search.dates import DateValue
from app.server.search.parse import Part
from app.server.tables import PATIENT

_ALWAYS: Final = 2**62
_DOWNWARDS: Final = str.maketrans("0123456789abcdef", "fedcba9876543210")
_BOUNDS: Final = frozenset({"date", "_lastUpdated"})


class AuditEvents:
    """A ``Provider`` (``app/server/providers.py``): newest first. ``base`` ends in a slash."""

    type = "AuditEvent"
    category = "permissions"
    parameters = frozenset({"action", "agent", "date", "entity", "outcome", "subtype", "type"})
    whole = True
    versioned = False
    order = frozenset({"-date", "-_lastUpdated"})
    refusal = "The access log is written by this service itself, and by nobody else."
    documentation = (
        "The access log of one record: who did what, when, on which ground. Read-only, newest first; what was done is"
        " found here a few seconds later. Reading it is in the log, too."
    )

    def __init__(self, base: str, canonical_base: str) -> None:
        self._base = base
        self._canonical_base = canonical_base

    def owns(self, resource_id: str) -> bool:  # noqa: ARG002 - nothing of the type is elsewhere
        return True

    def searched(self, parts: Sequence[Part]) -> bool:  # noqa: ARG002 - as owns
        return True

    def claims(self, resource: Resource) -> bool:  # noqa: ARG002 - as owns
        return True

    async def read(self, reader: Reader, patients: Sequence[int], resource_id: str) -> Provided | None:
        for patient in patients:
            found = await event_with(reader, resource_id, patient)
            if found is not None:
                return _provided(patient, found, await self._resource(reader, _Names(), patient, found))
        return None

    async def versions(self, reader: Reader, patients: Sequence[int], resource_id: str) -> Sequence[Provided]:
        """A line of the log never changes."""
        found = await self.read(reader, patients, resource_id)
        return () if found is None else (found,)

    async def search(self, reader: Reader, wanted: Wanted) -> Sequence[Provided]:
        found: list[Provided] = []
        for patient in wanted.patients:
            found += await self._matches(reader, patient, wanted, limit=wanted.limit)
        return sorted(found, key=lambda each: each.keys)[: wanted.limit]

    async def count(self, reader: Reader, wanted: Wanted) -> int:
        return sum([len(await self._matches(reader, patient, wanted, limit=None)) for patient in wanted.patients])

    async def _matches(self, reader: Reader, patient: int, wanted: Wanted, *, limit: int | None) -> list[Provided]:
        """The matches in one record; with ``limit`` those behind ``wanted.after``, so many at most."""
        names = _Names()
        found: list[Provided] = []
        since, until = _bounds(wanted)
        after = wanted.after if limit is not None else None
        if after is not None:
            until = min(until, 1 - int(after[0]))
        async for recorded in events_of(reader, patient, since=since, until=until):
            if after is not None and _keys(recorded) <= after:
                continue
            resource = await self._resource(reader, names, patient, recorded)
            if all(_meets(recorded, resource, name, values, wanted.now) for name, values in wanted.criteria):
                found.append(_provided(patient, recorded, resource))
                if limit is not None and len(found) >= limit:
                    break
        return found

    async def _resource(self, reader: Reader, names: _Names, patient: int, recorded: Recorded) -> Resource:
        await names.learn(reader, patient, recorded)
        return audit_event(
            recorded,
            patient=patient,
            patient_id=names.patients[patient],
            names=names.parties,
            base=self._base,
            canonical_base=self._canonical_base,
        )


class _Names:
    """What lines refer to, looked up once each."""

    def __init__(self) -> None:
        self.patients: dict[int, str] = {}
        self.parties = PartyNames()

    async def learn(self, reader: Reader, patient: int, recorded: Recorded) -> None:
        if patient not in self.patients:
            rows = await reader.fetch(SELECT_PATIENT_ID, patient, PATIENT)
            self.patients[patient] = rows[0][0] if rows else ""
        await self.parties.learn(reader, (party for party, _ in parties(recorded.event)))


def _provided(patient: int, recorded: Recorded, resource: Resource) -> Provided:
    return Provided(patient, recorded.id, 1, recorded.event.at, encode(resource), _keys(recorded))


def _keys(recorded: Recorded) -> Keys:
    """The newest first, as ``events_of`` has them: ids of one moment downwards."""
    return -recorded.event.at, recorded.id.translate(_DOWNWARDS)


def _bounds(wanted: Wanted) -> tuple[int, int]:
    """The time that the dates of a search leave, so that no more of the log is read; exact ones are judged per line."""
    since, until = 0, _ALWAYS
    for name, values in wanted.criteria:
        if name not in _BOUNDS or len(values) != 1 or not isinstance(values[0], DateValue):
            continue
        value = values[0]
        if value.prefix in ("eq", "ge", "gt", "sa"):
            since = max(since, value.low)
        if value.prefix in ("eq", "le", "lt", "eb"):
            until = min(until, value.high)
    return since, until


def _meets(recorded: Recorded, resource: Resource, name: str, values: Sequence[Asked], now: int) -> bool:
    return any(_meets_one(recorded, resource, name, value, now) for value in values)


def _meets_one(recorded: Recorded, resource: Resource, name: str, value: Asked, now: int) -> bool:
    match value:
        case DateValue():
            at = recorded.event.at // 1000 * 1000  # to the millisecond, as it is shown
            return meets_date(value, at, at + 1000, now)
        case Referred():
            return any(_refers(each, value) for each in _references(resource, name))
        case Coded():
            return any(value.meets(system, code) for system, code in _codings(resource, name))


def _references(resource: Resource, name: str) -> Iterator[dict[str, Any]]:
    listed, inner = ("agent", "who") if name == "agent" else ("entity", "what")
    for each in resource[listed]:
        if inner in each:
            yield each[inner]


def _refers(reference: dict[str, Any], value: Referred) -> bool:
    if value.system is not None:
        identifier = reference.get("identifier", {})
        return value.system in ("", identifier.get("system")) and identifier.get("value") == value.id
    kind, _, rest = str(reference.get("reference", "")).partition("/")
    return bool(rest) and value.type in ("", kind) and rest.partition("/")[0] == value.id


def _codings(resource: Resource, name: str) -> Iterator[tuple[str, str]]:
    if name == "_id":
        yield "", resource["id"]
        return
    found = resource.get(name)
    for each in found if isinstance(found, list) else [found]:
        yield (each["system"], each["code"]) if isinstance(each, dict) else ("", str(each))

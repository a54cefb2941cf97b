"""What was erased does not come back by being delivered again: by its id, or by an identifier that it had (MODEL 5).

Ids stay as they are, since they stand in the history; identifiers are kept as keyed hashes only. The person may enter
it anew in their own session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from app.auth.rights import tables
from app.auth.roles import Role
from app.auth.sealing import Seal
from app.database import Reader, Writer
from app.errors import Conflict
from app.fhir.resource import Resource, decode
from app.server.access import Access
from app.server.rules import Change, ChangeSet, Rule, Verdict
from app.server.store.erase import Erased
from app.server.tables import INSERT_ALIAS, PATIENT

_ID: Final = "SELECT 1 FROM tombstone WHERE patient = $1 AND type = $2 AND id = $3"
_VALUE: Final = "SELECT 1 FROM tombstone_identifier WHERE patient = $1 AND value = $2"
_IDS: Final = "SELECT type, id FROM tombstone WHERE patient = $1"
_VALUES: Final = "SELECT value FROM tombstone_identifier WHERE patient = $1"
_MANY: Final = 20
"""Changes from which on all that was erased of a record is read, with two statements."""
_FORGET: Final = "DELETE FROM tombstone WHERE patient = $1 AND type = $2 AND id = $3"
_ALIAS: Final = "SELECT 1 FROM alias WHERE type = $1 AND id = $2"
_OWN: Final = frozenset({Role.PATIENT, Role.REPRESENTATIVE})
_PEOPLE: Final = "service:people"
"""The service where it writes what the person has just decided in a page of their own."""
_ELEMENTS: Final = ("identifier", "masterIdentifier")


class Tombstones:
    """Keeps and asks. ``secret``: the service's own; ``numbers``: those of the resource types in the tables."""

    def __init__(self, secret: bytes, numbers: Mapping[str, int]) -> None:
        self._seal = Seal(secret, "tombstone")
        self._numbers = numbers

    async def keep(self, writer: Writer, patient: int, erasure: str, erased: Sequence[Erased], *, at: int) -> None:
        """Remember what was just erased."""
        for each in erased:  # erased before, entered anew, erased again
            await writer.execute(_FORGET, patient, self._numbers[each.type], each.id)
        rows = [(patient, self._numbers[each.type], each.id, at, erasure) for each in erased]
        values = {value for each in erased for body in each.bodies for value in self._values(each.type, decode(body))}
        await writer.insert(tables.INSERT_TOMBSTONE, rows)
        await writer.insert(tables.INSERT_TOMBSTONE_IDENTIFIER, [(patient, each, erasure) for each in sorted(values)])

    async def keep_person(self, writer: Writer, patient: int, ids: Iterable[str]) -> None:
        """Remember the ids of a Patient whose whole record was erased, so that loading them again is refused."""
        await writer.insert(INSERT_ALIAS, [(PATIENT, self._person(each), patient) for each in ids])

    def rules(self) -> tuple[Rule, Rule]:
        """For the server: one runs on what is new and on what carries identifiers, where something was erased; one on
        a Patient that is to be made under an id of its own.
        """
        return (
            Rule("erased", None, self._check, _may_come_back, after_erasure=True, barred=self._barred),
            Rule("erased-person", frozenset({"Patient"}), self._check_persons, _is_named_anew),
        )

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        """Raises ``Conflict`` for what was erased."""
        for place in await self._barred(changes, reader):
            raise _refusal(changes.changes[place])
        return Verdict()

    async def _barred(self, changes: ChangeSet, reader: Reader) -> frozenset[int]:
        """The places of what was erased."""
        if _is_own(changes.access):
            return frozenset()
        coming = {place: change for place, change in enumerate(changes.changes) if _may_come_back(change)}
        if len(coming) < _MANY:
            return frozenset(
                [place for place, change in coming.items() if await self._is_erased(changes.patient, change, reader)]
            )
        names = {(number, name) for number, name in await reader.fetch(_IDS, changes.patient)}
        values = {value for (value,) in await reader.fetch(_VALUES, changes.patient)}
        return frozenset(
            place
            for place, change in coming.items()
            if (_is_named_anew(change) and (self._numbers[change.type], change.id) in names)
            or (values and not values.isdisjoint(self._added(change)))
        )

    async def _is_erased(self, patient: int, change: Change, reader: Reader) -> bool:
        if _is_named_anew(change) and await reader.fetch(_ID, patient, self._numbers[change.type], change.id):
            return True
        for value in self._added(change):
            if await reader.fetch(_VALUE, patient, value):
                return True
        return False

    def _added(self, change: Change) -> set[int]:
        """Of the identifiers that it comes to have."""
        assert change.after is not None
        had = set() if change.before is None else self._values(change.type, change.before)
        return self._values(change.type, change.after) - had

    async def _check_persons(self, changes: ChangeSet, reader: Reader) -> Verdict:
        """Raises ``Conflict`` for a Patient whose whole record was erased."""
        for change in filter(_is_named_anew, changes.changes):
            named = change.type == "Patient" and not _is_own(changes.access)
            if named and await reader.fetch(_ALIAS, PATIENT, self._person(change.id)):
                raise _refusal(change)
        return Verdict()

    def _values(self, resource_type: str, resource: Resource) -> set[int]:
        """The keyed hashes of the identifiers by which a resource is known where it comes from."""
        return {
            self._hash(f"{resource_type}|{system}|{value}")
            for name in _ELEMENTS
            for system, value in _identifiers(resource.get(name))
        }

    def _person(self, patient_id: str) -> str:
        return f"erased.{self._seal.digest(f'Patient/{patient_id}'.encode())[:16].hex()}"

    def _hash(self, text: str) -> int:
        return int.from_bytes(self._seal.digest(text.encode())[:8], "big", signed=True)


def _identifiers(found: Any) -> Iterable[tuple[str, str]]:
    """System and value of those that have both: a number without a system says nothing outside its own delivery."""
    for each in found if isinstance(found, list) else [found] if isinstance(found, dict) else ():
        if each.get("system") and each.get("value"):
            yield each["system"], each["value"]


def _is_named_anew(change: Change) -> bool:
    """Whether it is to be there from now on, under an id that somebody gave it."""
    return change.after is not None and change.was is None and not change.fresh


def _may_come_back(change: Change) -> bool:
    after = change.after
    return after is not None and (_is_named_anew(change) or any(name in after for name in _ELEMENTS))


def _is_own(access: Access) -> bool:
    return access.recipient == _PEOPLE or (access.kind == "session" and access.role in _OWN)


def _refusal(change: Change) -> Conflict:
    return Conflict(
        f"This {change.type} was removed at the person's request. Only the person can enter it again, in their own"
        " session.",
        "conflict",
        kind="erased-before",
    )

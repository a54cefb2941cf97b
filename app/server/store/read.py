"""Reading one resource, or one version of it. What is stored is what is served: bytes are copied, nothing is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from app.database import Reader, Row
from app.errors import Conflict, Gone, NotFound, Unauthenticated
from app.fhir.scopes import Action
from app.server.access import GUARD_STANDS, SELECT_PATIENT_ID, Access, guarded
from app.server.search.registry import Registry
from app.server.store.find import find_partitions, near_partitions
from app.server.store.narrowed import is_within
from app.server.store.removal import ERASED, removed

_GUARD: Final = guarded(5)
READ: Final = (
    "SELECT r.patient, r.version, r.updated, r.deleted, r.labels, r.body FROM resource r"
    f" WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.labels & $4 = 0 AND {_GUARD}"
)
_READ_ALL: Final = (
    "SELECT r.id, r.patient, r.version, r.updated, r.body FROM resource r WHERE r.patient = $1 AND r.type = $2"
    f" AND r.labels & $3 = 0 AND r.deleted = 0 AND {guarded(4)} AND r.id IN"
)
READ_VERSION: Final = (
    "SELECT h.patient, h.version,"
    # Of an emptied version: when the version came that says so.
    " CASE WHEN h.interaction <> 'erased' THEN h.updated ELSE (SELECT min(e.updated) FROM history e"
    " WHERE e.patient = h.patient AND e.type = h.type AND e.id = h.id AND e.version > h.version"
    " AND e.interaction = 'erase') END,"
    " CASE h.interaction WHEN 'delete' THEN 1 WHEN 'erase' THEN 2 WHEN 'erased' THEN 2 ELSE 0 END, h.labels,"
    " coalesce(h.body, (SELECT r.body FROM resource r WHERE r.patient = h.patient AND r.type = h.type AND r.id ="
    " h.id AND r.version = h.version))"
    f" FROM history h WHERE h.patient = $1 AND h.type = $2 AND h.id = $3 AND h.labels & $4 = 0 AND {_GUARD} AND"
    " h.version = $8"
)


class GrantChanged(Unauthenticated):
    """The grant behind a cached access was changed, withdrawn or has expired: load it again, refuse if it is gone."""


class Stored(msgspec.Struct, frozen=True):
    """One version as it is stored. ``updated`` in µs since the epoch."""

    patient: int
    version: int
    updated: int
    body: bytes


async def check_guard(reader: Reader, access: Access, now: int) -> None:
    """After an answer without rows: was it empty, or is the grant not valid any more? Raises ``GrantChanged``."""
    if not await reader.fetch(GUARD_STANDS, access.hash, access.stamp, now):
        raise GrantChanged("The token is not valid any more.")


async def read(
    reader: Reader,
    access: Access,
    resource_type: str,
    resource_id: str,
    *,
    registry: Registry,
    now: int,
    patient_id: str | None = None,
    version: int | None = None,
    partition: int | None = None,
    action: int = Action.READ,
) -> Stored:
    """The current version, or the one asked for; ``partition`` where it is known. ``action``: what the queries of the
    caller's scopes must allow on it.

    Raises ``NotFound``, ``Gone``, or ``Conflict`` when a caller with several patients means more than one by a short
    address.
    """
    number = registry.number(resource_type)
    partitions: tuple[int, ...] | None = (partition,) if partition is not None else None
    if partitions is None and patient_id is None:
        partitions = near_partitions(access, registry.placement[resource_type], resource_id)
    if partitions is None:
        partitions = await find_partitions(
            reader, access, resource_type, resource_id, registry=registry, patient_id=patient_id
        )
    found: list[Row] = []
    for patient in partitions:
        if found and patient <= 0:
            break  # the caller's own resource hides a catalogue's of the same id
        denied = access.denied_labels(patient, Action.READ)
        binds = (patient, number, resource_id, denied, access.hash, access.stamp, now)
        rows = (
            await reader.fetch(READ, *binds) if version is None else await reader.fetch(READ_VERSION, *binds, version)
        )
        if rows and access.scopes.narrowed is not None:
            at = patient, resource_type, resource_id
            if not await is_within(reader, access, registry, at, rows[0][1], rows[0][5], action=action):
                continue
        found += rows
    if not found:
        await check_guard(reader, access, now)
        what = (
            f"{resource_type}/{resource_id}" if version is None else f"{resource_type}/{resource_id}/_history/{version}"
        )
        raise NotFound(f"{what} is not known.")
    if len(found) > 1 and version is None:
        found = [row for row in found if not row[3]] or found[:1]  # what was deleted does not stand in the way
    if len(found) > 1:
        raise await several(reader, resource_type, resource_id, [row[0] for row in found], registry)
    patient, number_of_version, updated, deleted, _, body = found[0]
    if deleted:
        name = f"{resource_type}/{resource_id}"
        text = removed(name, updated) if deleted == ERASED else f"{name} was deleted."
        kind = "erased" if deleted == ERASED else ""
        raise Gone(text, headers=(("etag", f'W/"{number_of_version}"'),), kind=kind)
    return Stored(patient, number_of_version, updated, body)


async def read_all(
    reader: Reader,
    access: Access,
    resource_type: str,
    ids: Sequence[str],
    *,
    registry: Registry,
    now: int,
    partition: int,
    action: int = Action.READ,
) -> dict[str, Stored]:
    """Those of one type in one partition that are there for the caller, by id, in the order of ``ids``; in one
    statement. Raises ``GrantChanged``.
    """
    if not ids or not access.scopes.allow(resource_type, action):
        return {}
    places = ", ".join(f"${place}" for place in range(7, 7 + len(ids)))
    binds = (partition, registry.number(resource_type), access.denied_labels(partition, Action.READ))
    rows = await reader.fetch(f"{_READ_ALL} ({places})", *binds, access.hash, access.stamp, now, *ids)
    if not rows:
        await check_guard(reader, access, now)
    found: dict[str, Stored] = {}
    for resource_id, patient, version, updated, body in rows:
        at = partition, resource_type, resource_id
        if access.scopes.narrowed is None or await is_within(
            reader, access, registry, at, version, body, action=action
        ):
            found[resource_id] = Stored(patient, version, updated, body)
    return {each: found[each] for each in ids if each in found}


async def several(
    reader: Reader, resource_type: str, resource_id: str, patients: Sequence[int], registry: Registry
) -> Conflict:
    """The refusal of a short address that means several resources to this caller; it lists the full ones."""
    addresses = [
        f"Patient/{row[0]}/{resource_type}/{resource_id}"
        for patient in patients
        for row in await reader.fetch(SELECT_PATIENT_ID, patient, registry.number("Patient"))
    ]
    return Conflict(
        f"{resource_type}/{resource_id} is known for several of your patients; ask for one of {', '.join(addresses)}.",
        "multiple-matches",
    )

"""What a token may do whose scopes are narrowed by queries: a version is judged by what it says itself, a deletion by
what was deleted, a write by what is there and by what is to be there.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.database import Reader, Row
from app.errors import Forbidden, NotFound
from app.fhir.resource import decode
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.search.narrowing import narrowing_of
from app.server.search.reach import Reach
from app.server.search.registry import Registry
from app.server.store.changes import Draft
from app.server.store.versions import Asked, versions

# It only decides what is shown; what is shown comes from statements that carry the guard.
_LAST_CONTENT: Final = (
    "SELECT h.body FROM history h WHERE h.patient = $1 AND h.type = $2 AND h.id = $3 AND h.version < $4"
    " AND h.body IS NOT NULL ORDER BY h.version DESC LIMIT 1"
)
_AT_LEAST: Final = 100
"""Versions that are looked through at a time."""


async def is_within(
    reader: Reader,
    access: Access,
    registry: Registry,
    place: tuple[int, str, str],
    version: int,
    body: bytes | None,
    *,
    action: int,
) -> bool:
    """Whether ``action`` is allowed on a version. ``place``: partition, type and id; ``body`` None: it says that there
    is nothing any more.
    """
    patient, resource_type, resource_id = place
    scopes, narrowing = access.scopes, narrowing_of(registry)
    if scopes.narrowed is None or narrowing.criterion(resource_type, scopes, action) is None:
        return True
    if body is None:
        rows = await reader.fetch(_LAST_CONTENT, patient, registry.number(resource_type), resource_id, version)
        body = rows[0][0] if rows else None
    return body is not None and narrowing.allows(scopes, action, decode(body))


async def versions_within(
    reader: Reader, dialect: str, access: Access, registry: Registry, reach: Reach, asked: Asked, *, action: int
) -> Sequence[Row]:
    """As ``versions``, of those that the scopes allow."""
    if access.scopes.narrowed is None:
        return await versions(reader, dialect, access, reach, asked)
    kept: list[Row] = []
    wider = replace(asked, limit=max(asked.limit, _AT_LEAST))
    while True:
        rows = await versions(reader, dialect, access, reach, wider)
        for row in rows:
            place = row[0], registry.type_names[row[2]], row[3]
            if await is_within(reader, access, registry, place, row[4], row[7], action=action):
                kept.append(row)
        if len(kept) >= asked.limit or len(rows) < wider.limit:
            return kept[: asked.limit]
        last = rows[-1]
        wider = replace(wider, after=(last[5], last[0], last[1]))
        await sleep(0)  # others have their turn: quick statements do not wait for anything


def check_new(access: Access, registry: Registry, draft: Draft) -> None:
    """Raises ``Forbidden`` when what is to be written is not what the scopes allow to write."""
    if access.scopes.narrowed is None or draft.resource is None or draft.rows is None:
        return
    if not narrowing_of(registry).allows_rows(
        access.scopes, draft.action, draft.resource, draft.rows, owned=draft.owned
    ):
        raise Forbidden(f"You may not {draft.method} this {draft.type}: {_NOT_MET}")


async def check_present(access: Access, registry: Registry, reader: Reader, drafts: Sequence[Draft]) -> None:
    """Every draft whose resource is now not what the scopes allow to change keeps its ``refusal``; the first is raised:
    ``Forbidden``, or ``NotFound`` for what may not be read either.
    """
    if access.scopes.narrowed is None:
        return
    first: Forbidden | NotFound | None = None
    for draft in drafts:
        if draft.unchanged or draft.before is None or (draft.before.deleted and draft.method != "delete"):
            continue
        draft.refusal = refusal = await _refusal(access, registry, reader, draft)
        first = first or refusal
    if first is not None:
        raise first


async def is_readable(access: Access, registry: Registry, reader: Reader, draft: Draft) -> bool:
    """Whether the caller may read what a draft would change, as it is now."""
    before = draft.before
    if before is None or before.deleted:
        return False
    place, stored = (draft.patient, draft.type, draft.id), (before.version, before.labels, before.body)
    return await is_open(reader, access, registry, place, stored, action=Action.READ)


async def is_open(
    reader: Reader,
    access: Access,
    registry: Registry,
    place: tuple[int, str, str],
    stored: tuple[int, int, bytes | None],
    *,
    action: int,
) -> bool:
    """Whether the caller may do ``action`` with a resource as it is now, by scopes, data categories and what narrows
    the scopes. ``place``: partition, type and id; ``stored``: version, labels and body.
    """
    patient, resource_type, _ = place
    version, labels, body = stored
    if not access.scopes.allow(resource_type, action) or labels & access.denied_labels(patient, action):
        return False
    return await is_within(reader, access, registry, place, version, body, action=action)


async def _refusal(access: Access, registry: Registry, reader: Reader, draft: Draft) -> Forbidden | NotFound | None:
    before, name = draft.before, f"{draft.type}/{draft.id}"
    assert before is not None
    place = draft.patient, draft.type, draft.id
    if await is_within(reader, access, registry, place, before.version, before.body, action=draft.action):
        return None
    if await is_readable(access, registry, reader, draft):
        return Forbidden(f"You may not {draft.method} {name}: {_NOT_MET}")
    return NotFound(f"{name} is not known.")


_NOT_MET: Final = "the token's scopes are narrowed by a query that it does not meet."

"""Finished working copies, once their partition is locked: the draft of a copy becomes an update of what it was made
of, and the copy is deleted beside it. So there is one way for every door that writes. See ``working_copies.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, NamedTuple

from app.database import Reader
from app.errors import ZelfregieError
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.access import SERVICE, Access
from app.server.search.follow import OWNER_FLAG
from app.server.server import FhirServer
from app.server.store.changes import Draft, Remarks
from app.server.store.narrowed import is_open
from app.server.store.prepare import check_resource, finish, flag
from app.server.working_copies import Original, Present, WorkingCopy

_STORED: Final = (
    "SELECT r.version, r.updated, r.labels, r.flags, r.body FROM resource r"
    " WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"
)


class _Row(NamedTuple):
    version: int
    updated: int
    labels: int
    flags: int
    body: bytes


@dataclass(slots=True)
class Copied:
    """The draft of a finished copy. ``aside`` deletes the copy, where it is stored; who may change the original may do
    that. ``sent``: the draft as it came in, once it is an update of the original.
    """

    draft: Draft
    kind: WorkingCopy
    original: Original
    aside: Draft
    sent: Draft | None = None

    def begin(self, server: FhirServer) -> None:
        """As if nobody had looked yet."""
        self.aside.before, self.aside.unchanged = None, True
        if self.sent is not None:
            for each in fields(Draft):
                setattr(self.draft, each.name, getattr(self.sent, each.name))
            finish(server, self.draft)  # what it refers to may have been found elsewhere since
            self.sent = None


def copied_among(server: FhirServer, access: Access, drafts: Sequence[Draft]) -> list[Copied]:
    """The finished copies among ``drafts``. What a system delivers has had its life elsewhere."""
    found: list[Copied] = []
    if access.kind == SERVICE or access.is_system:
        return found
    for draft in drafts:
        if draft.resource is None or draft.birth or draft.patient <= 0:
            continue
        for kind in server.working_copies:
            original = kind.finished(draft.resource) if kind.type == draft.type else None
            if original is not None:
                aside = Draft("delete", draft.type, draft.id, draft.patient, right=Action.UPDATE, unchanged=True)
                found.append(Copied(draft, kind, original, aside))
                break
    return found


async def amend(server: FhirServer, reader: Reader, access: Access, copied: Sequence[Copied]) -> dict[str, str]:
    """Make of each an update of its original, in locked partitions; from the ``Type/id`` of the copy to that of the
    original. Raises what the first one is refused for, which every one that is refused keeps.
    """
    led: dict[str, str] = {}
    first: ZelfregieError | None = None
    for each in copied:
        name = f"{each.draft.type}/{each.draft.id}"
        try:
            if await _amend(server, reader, access, each):
                led[name] = f"{each.draft.type}/{each.draft.id}"
        except ZelfregieError as error:
            each.draft.refusal = error
            first = first or error
    if first is not None:
        raise first
    return led


async def _amend(server: FhirServer, reader: Reader, access: Access, copied: Copied) -> bool:
    draft, kind, original = copied.draft, copied.kind, copied.original
    resource = draft.resource
    if draft.unchanged or resource is None:  # a condition found something
        return False
    there = None if draft.fresh else await _stored(server, reader, draft, draft.id)
    if not _is_met(draft, there) or (there is not None and not kind.is_open(decode(there.body))):
        return False  # which is refused, or is written, as any other
    row = await _stored(server, reader, draft, original.id)
    if row is not None and not await _is_open(server, reader, access, draft, original.id, row):
        row = None
    present = None if row is None else Present(row.version, decode(row.body))
    made = kind.amended(resource, original, present)
    assert row is not None, "what is not there is refused"
    copied.sent = replace(draft)
    copied.aside.id, copied.aside.if_match, copied.aside.unchanged = draft.id, draft.if_match, there is None
    draft.aside = "" if there is None else f"{draft.type}/{draft.id}"
    if made is not None:  # the copy was looked at; the original may claim more than it did
        await check_resource(server, reader, access, made, may_hold_bsn=True, patient=draft.patient, derived=True)
    _become(server, draft, original.id, row, made)
    issues = (*draft.remarks.issues, kind.told(original, made))
    draft.remarks = Remarks(issues, () if made is None else draft.remarks.flagged)
    return True


def _become(server: FhirServer, draft: Draft, original_id: str, row: _Row, made: Resource | None) -> None:
    """An update of the original; nothing, where that says so already."""
    draft.method, draft.id, draft.if_match = "update", original_id, row.version
    draft.fresh = draft.unmatched = draft.if_none_match = False
    if made is None:
        draft.unchanged = True
        draft.version, draft.updated, draft.body = row.version, row.updated, row.body
        return
    draft.resource, draft.owned = made, bool(row.flags & OWNER_FLAG)
    flag(server, made, draft.remarks)
    finish(server, draft)


def _is_met(draft: Draft, there: _Row | None) -> bool:
    """Whether what the sender asks of the copy as it is now holds."""
    if there is None:
        return draft.if_match is None
    return draft.if_match in (None, there.version) and not draft.if_none_match and not draft.unmatched


async def _stored(server: FhirServer, reader: Reader, draft: Draft, resource_id: str) -> _Row | None:
    rows = await reader.fetch(_STORED, draft.patient, server.registry.number(draft.type), resource_id)
    return _Row(*rows[0]) if rows else None


async def _is_open(
    server: FhirServer, reader: Reader, access: Access, draft: Draft, resource_id: str, row: _Row
) -> bool:
    """Whether the caller may read an original and change it: else it is as one that is not there."""
    place, stored = (draft.patient, draft.type, resource_id), (row.version, row.labels, row.body)
    for action in (Action.READ, Action.UPDATE):
        if not await is_open(reader, access, server.registry, place, stored, action=action):
            return False
    return True

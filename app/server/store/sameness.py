"""Whether what is to be written says what is there already, of which no version is made.

https://hl7.org/fhir/R4/http.html#update
"""

from __future__ import annotations

from typing import Any

from app.fhir.dates import instant
from app.fhir.resource import decode
from app.server.store.changes import Draft


def says(draft: Draft, version: int, updated: int, body: bytes) -> bool:
    """Whether a draft says what the ``body`` of that version and time (µs) says, whatever the order of members."""
    assert draft.frame is not None, "only a delete says nothing"
    made = draft.frame.stamp(version, instant(updated).encode())
    # In another order it is as long.
    return made == body or (len(made) == len(body) and ordered(decode(made)) == ordered(decode(body)))


def leave_the_same(draft: Draft) -> None:
    """Write nothing of an update, completed and allowed, that is what is there: what is answered is what is stored."""
    before = draft.before
    if draft.unchanged or draft.frame is None or before is None or before.deleted or before.body is None:
        return
    if draft.labels == before.labels and says(draft, before.version, before.updated, before.body):
        draft.unchanged = True
        draft.version, draft.updated, draft.body = before.version, before.updated, before.body


def ordered(value: Any) -> Any:
    """The same whatever the order of members, and different where a decimal has other digits."""
    if isinstance(value, dict):
        return sorted((name, ordered(each)) for name, each in value.items())
    if isinstance(value, list):
        return [ordered(each) for each in value]
    return repr(value)

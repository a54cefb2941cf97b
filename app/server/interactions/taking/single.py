"""One entry of a batch that a source gives: stored on its own, known again like those of a whole delivery.

https://hl7.org/fhir/R4/http.html#brules; MODEL 3
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from app.errors import Invalid, ZelfregieError
from app.fhir.resource import Resource
from app.server.intake.delivering import Source, source_of
from app.server.interactions.taking.delivery import Delivery
from app.server.interactions.transaction.drafting import draft_entries
from app.server.interactions.transaction.order import Entry, Method
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.server import FhirServer
from app.server.store.changes import Draft, Remarks
from app.server.store.execute import Overtaken, execute, settle
from app.server.store.prepare import check_resource

Read = Callable[[], tuple[Resource, bool]]
MOST_TRIES: Final = 8
_CONDITIONS: Final = (b"if-match", b"if-none-match", b"if-none-exist")
_ENTRY: Final = "Bundle.entry[0]"


def taken_from(server: FhirServer, request: Request, target: Target) -> Source | None:
    """The source whose entry it is; None for what is not taken so: what people and apps enter, and what says itself on
    which condition it is meant.
    """
    if not request.within or target.type in ("Patient", "Binary"):
        return None
    if any(name in request.headers for name in _CONDITIONS):
        return None
    return source_of(server.base, request.access)


async def take_one(server: FhirServer, request: Request, target: Target, source: Source, read: Read) -> Answer:
    """Create it, or update what it is again. ``read`` gives the resource and whether it may hold a BSN. Raises."""
    method: Method = "update" if target.id else "create"
    tries = 1
    while True:
        resource, bsn = read()
        if target.id and resource.get("id") != target.id:
            raise Invalid(
                f"The body must carry the id of the address: {target.type}.id is to be the last part of the URL.",
                "value",
            )
        remarks = await check_resource(server, server.database, request.access, resource, may_hold_bsn=bsn)
        entry = Entry(0, method, target.type, target.id, resource, request.full_url, target.patient_id)
        try:
            draft = await _write(server, request, entry, source, remarks)
            return await written(server, request, draft, interaction=method)
        except Overtaken:
            if tries == MOST_TRIES:
                raise
            await settle(server)
        tries += 1


async def _write(server: FhirServer, request: Request, entry: Entry, source: Source, remarks: Remarks) -> Draft:
    delivery = Delivery(server, request, source, whole=False)
    try:
        drafted = await draft_entries(server, request, [entry], body=None, delivery=delivery)
        draft = drafted.drafts[0]
        draft.remarks = Remarks((*draft.remarks.issues, *remarks.issues), remarks.flagged)
        await execute(server, request.access, [draft], now=request.now, request=request.id, around=delivery)
    except ZelfregieError as error:
        raise _alone(error, entry.type) from error
    return draft


def _alone(error: ZelfregieError, kind: str) -> ZelfregieError:
    """What is said of the only entry is said of its resource; of the entry itself the batch says where it is."""
    listed = tuple(
        replace(
            each,
            expression=tuple(
                path.replace(f"{_ENTRY}.resource", kind)
                for path in each.expression
                if path not in (_ENTRY, f"{_ENTRY}.resource")
            ),
        )
        for each in error.issues
    )
    return replace(error, issues=listed)

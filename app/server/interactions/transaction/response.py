"""What a transaction answers: an entry for each, in the order of the request.
https://hl7.org/fhir/R4/http.html#transaction-response
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.dates import instant
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.bundles import bundle_of
from app.server.interactions.addresses import address
from app.server.interactions.entries import response_entry, status_line
from app.server.interactions.transaction.drafting import Drafted
from app.server.interactions.transaction.order import Order
from app.server.interactions.written import nothing_deleted, outcome_of
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.changes import Draft

_OK: Final = status_line(200)
_CREATED: Final = status_line(201)
_DELETED: Final = status_line(204)


async def response(
    server: FhirServer, request: Request, order: Order, drafted: Drafted, answers: Mapping[int, Answer]
) -> Answer:
    """The transaction-response. ``answers`` are those to the entries that read, by their index."""
    drafts = drafted.drafts
    listed = [b""] * order.count
    moments: dict[int, str] = {}  # nearly always one
    for entry in order.entries:
        draft = drafts.get(entry.index)
        if draft is None or (draft.method == "delete" and draft.version == 0):
            listed[entry.index] = response_entry(nothing_deleted(request, entry.type), method="DELETE", asked=False)
        else:
            listed[entry.index] = await _written(server, request, draft, moments)
    for reading in order.readings:
        listed[reading.index] = response_entry(answers[reading.index], method=reading.method, asked=True)
    return Answer(
        200,
        bundle_of("transaction-response", [], listed),
        interaction="transaction",
        type="Bundle",
        patients=tuple({draft.patient for draft in drafts.values() if draft.patient > 0}),
        resources=tuple(name for draft in drafts.values() for name in draft.named),
        parameters=tuple(dict.fromkeys(name for entry in order.entries for name in entry.asked)),
        wrote=any(not draft.unchanged or draft.aside for draft in drafts.values()),
        parts=tuple(answers.values()),
    )


async def _written(server: FhirServer, request: Request, draft: Draft, moments: dict[int, str]) -> bytes:
    deleted = draft.method == "delete"
    made: dict[str, Any] = {
        "status": _DELETED if deleted else _CREATED if draft.created and not draft.unchanged else _OK
    }
    if not deleted and draft.version:
        url = await address(server, server.database, request.access, draft.patient, draft.type, draft.id)
        made["location"] = f"{url}/_history/{draft.version}"
    if draft.version:
        made["etag"] = f'W/"{draft.version}"'
    if not deleted and draft.version:
        moment = moments.get(draft.updated)
        if moment is None:
            moment = moments[draft.updated] = instant(draft.updated)
        made["lastModified"] = moment
    if draft.remarks.issues or b"prefer" in request.headers:
        return _preferred(request, draft, made)
    return b'{"response":' + encode(made) + b"}"


def _preferred(request: Request, draft: Draft, made: dict[str, Any]) -> bytes:
    """With what Prefer asks for, and with what validation remarked."""
    if request.prefers("return=operationoutcome") or draft.remarks.issues:
        made["outcome"] = outcome_of(draft)
    # What a condition found is not what the caller sent.
    may_see = not draft.unchanged or request.access.scopes.allow(draft.type, Action.READ)
    if draft.body and draft.method != "delete" and may_see and request.prefers("return=representation"):
        return b'{"resource":' + draft.body + b',"response":' + encode(made) + b"}"
    return b'{"response":' + encode(made) + b"}"

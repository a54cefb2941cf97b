"""What a write answers: the resource, nothing, or what was done, as ``Prefer`` has it.

https://hl7.org/fhir/R4/http.html#ops
"""

from __future__ import annotations

from app.errors import Issue
from app.fhir.resource import Resource, encode
from app.server.interactions.addresses import address, etag, http_date
from app.server.messages import Answer, Headers, Request
from app.server.outcomes import outcome
from app.server.server import FhirServer
from app.server.store.changes import Draft


async def written(server: FhirServer, request: Request, draft: Draft, *, interaction: str) -> Answer:
    """201 or 200 with the resource as it was stored. What validation warns of comes instead of the resource, unless
    that is asked for; information alone only for who asks for an outcome, since clients take what comes back for the
    resource. What has to reach the person always comes instead, and ``Preference-Applied`` says so: the resource is at
    its location. An entry of a batch has room for both. https://www.rfc-editor.org/rfc/rfc7240#section-3
    """
    headers: Headers = []
    if draft.version:  # else it was erased before, and nobody is told as what
        url = await address(server, server.database, request.access, draft.patient, draft.type, draft.id)
        headers = [
            (b"etag", etag(draft.version)),
            (b"last-modified", http_date(draft.updated // 1_000_000)),
            (b"location", f"{url}/_history/{draft.version}".encode()),
        ]
    body = draft.body or b""
    beside = b""
    if request.within and draft.remarks.issues and request.prefers("return=representation"):
        beside = encode(outcome_of(draft))
    elif any(issue.always for issue in draft.remarks.issues):
        body = encode(outcome_of(draft))
        headers.append((b"preference-applied", b"return=OperationOutcome"))
    elif draft.remarks.issues or b"prefer" in request.headers:
        if request.prefers("return=minimal"):
            body = b""
        elif request.prefers("return=operationoutcome") or (
            not request.prefers("return=representation")
            and any(request.within or issue.severity != "information" for issue in draft.remarks.issues)
        ):
            body = encode(outcome_of(draft))
    return Answer(
        201 if draft.created and not draft.unchanged else 200,
        body,
        headers,
        interaction=interaction,
        type=draft.type,
        patients=(draft.patient,),
        resources=draft.named,
        wrote=not draft.unchanged or bool(draft.aside),
        beside=beside,
    )


def deleted(request: Request, draft: Draft) -> Answer:
    """204, or 200 with what was done for who asks for that."""
    said = request.prefers("return=operationoutcome")
    return Answer(
        200 if said else 204,
        encode(outcome_of(draft)) if said else b"",
        headers=[(b"etag", etag(draft.version))],
        interaction="delete",
        type=draft.type,
        patients=(draft.patient,),
        resources=(f"{draft.type}/{draft.id}",),
        wrote=not draft.unchanged,
    )


def nothing_deleted(request: Request, resource_type: str) -> Answer:
    """A conditional delete that found nothing is a success; that it did nothing is said."""
    hint = Issue(
        "informational",
        f"The condition finds no {resource_type}, so nothing was deleted.",
        severity="information",
        kind="nothing-removed",
    )
    silent = request.prefers("return=minimal")
    return Answer(
        204 if silent else 200,
        b"" if silent else encode(outcome([hint])),
        interaction="delete",
        type=resource_type,
        patients=() if request.access.patient is None else (request.access.patient,),
    )


def outcome_of(draft: Draft) -> Resource:
    """What was done, and what validation remarked, as an OperationOutcome."""
    left_out = draft.method == "update" and draft.resource is None  # there is nothing that was done
    return outcome([*(() if left_out else (_done(draft),)), *draft.remarks.issues])


def _done(draft: Draft) -> Issue:
    name = f"{draft.type}/{draft.id}"
    if draft.method == "delete" and draft.unchanged:
        kind, text = "removed-already", f"{name} was deleted already."
    elif draft.method == "delete":
        kind, text = "removed", f"{name} was deleted."
    elif draft.unchanged:
        kind, text = "unchanged", f"{name} is there already, at version {draft.version}; nothing was written."
    elif draft.created:
        kind, text = "created", f"{name} was created: this is version {draft.version}."
    else:
        kind, text = "updated", f"{name} was updated: this is version {draft.version}."
    facts = (("type", draft.type), ("version", str(draft.version)))
    return Issue("informational", text, severity="information", kind=kind, facts=facts)

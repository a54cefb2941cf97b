"""``POST [base]``: a Bundle of requests. https://hl7.org/fhir/R4/http.html#transaction"""

from __future__ import annotations

from typing import Final

from app.errors import Invalid
from app.server.interactions.batch import batch
from app.server.interactions.carrying_out import Find
from app.server.interactions.taking.documents import TAKEN, take_whole
from app.server.interactions.transaction import transaction
from app.server.interactions.write import bundle_of
from app.server.messages import Answer, Request
from app.server.server import FhirServer

_TYPES: Final = "http://hl7.org/fhir/ValueSet/bundle-type"


async def carry_out(server: FhirServer, request: Request, find: Find) -> Answer:
    """A batch, a transaction, or what a source gives as a whole, by the Bundle's type; ``find`` gives what carries out
    an entry.
    """
    bundle, may_hold_bsn = await bundle_of(request, server.definitions)
    if bundle.get("resourceType") != "Bundle":
        raise Invalid(
            "A Bundle of type batch or transaction is posted here; other resources are posted to their type.", "invalid"
        )
    kind = bundle.get("type")
    if kind == "transaction":
        return await transaction(server, request, bundle, find, may_hold_bsn=may_hold_bsn)
    if kind == "batch":
        return await batch(server, request, bundle, find, may_hold_bsn=may_hold_bsn)
    if isinstance(kind, str) and kind in TAKEN:
        return await take_whole(server, request, bundle, find, may_hold_bsn=may_hold_bsn)
    known = isinstance(kind, str) and kind in server.definitions.codes.get(_TYPES, ())
    said = f"A Bundle of type {kind} is not carried out" if known else "A Bundle needs a type to be carried out"
    raise Invalid(
        f"{said}: batch (each entry on its own) and transaction (all entries or none) are. Post a Bundle that is to be"
        " kept as it is, such as a document, to Bundle.",
        "not-supported",
    )

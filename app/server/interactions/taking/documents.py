"""A document, a collection or a searchset that a system gives: one delivery, all of it or nothing.

Each entry is created, or updates what the same source gave before. https://hl7.org/fhir/R4/documents.html
https://hl7.org/fhir/R4/bundle.html#collection
"""

from __future__ import annotations

from typing import Any, Final

from app.errors import Issue, Unprocessable
from app.fhir.resource import Resource
from app.fhir.validation import validate
from app.server.intake.delivering import source_of
from app.server.interactions.carrying_out import Find
from app.server.interactions.transaction import transaction
from app.server.interactions.write import bundle_of
from app.server.messages import Answer, Request
from app.server.server import FhirServer

TAKEN: Final = frozenset({"document", "collection", "searchset"})
_FIRST: Final = "bdl-11"
"""The invariant that a document begins with its Composition, which is not seen where the entries are not."""


async def take_whole(
    server: FhirServer, request: Request, bundle: Resource, find: Find, *, may_hold_bsn: bool
) -> Answer:
    """``POST [base]`` with such a Bundle. Nothing is stored when it raises."""
    kind = bundle["type"]
    if source_of(server.base, request.access) is None:
        raise Unprocessable(
            f"A {kind} is taken in whole from the system of an organisation only. Send what is entered as a transaction"
            " (all entries or none) or a batch (each entry on its own); post a Bundle that is to be kept as it is to"
            " Bundle.",
            "not-supported",
        )
    _check(server, bundle)

    async def again() -> Resource:
        return _as_transaction((await bundle_of(request, server.definitions))[0])

    return await transaction(server, request, _as_transaction(bundle), find, may_hold_bsn=may_hold_bsn, again=again)


def _check(server: FhirServer, bundle: Resource) -> None:
    """What is asked of the Bundle around the entries. Raises ``Unprocessable``."""
    around = {name: value for name, value in bundle.items() if name != "entry"}
    found = [each for each in validate(around, server.definitions) if each.rule != _FIRST]
    found = [each for each in found if each.severity in ("error", "fatal")]
    if bundle["type"] == "document" and _kind(bundle) != "Composition":
        text = "A document begins with its Composition."
        found.append(Issue("invariant", text, ("Bundle.entry[0].resource",), rule=_FIRST))
    if found:
        text = f"The {bundle['type']} is not valid FHIR R4; nothing was stored."
        raise Unprocessable(text, issues=tuple(found))


def _kind(bundle: Resource) -> Any:
    """The type of the first entry's resource."""
    listed = bundle.get("entry")
    first = listed[0] if isinstance(listed, list) and listed else None
    resource = first.get("resource") if isinstance(first, dict) else None
    return resource.get("resourceType") if isinstance(resource, dict) else None


def _as_transaction(bundle: Resource) -> Resource:
    """The same entries as creates, which matching makes updates of; what a search says of itself is left out. What has
    no resource stays as it is, to be refused in its place.
    """
    listed = bundle.get("entry", [])
    made = {"resourceType": "Bundle", "type": "transaction", "link": bundle.get("link", [])}
    if not made["link"]:
        del made["link"]
    if not isinstance(listed, list):
        return {**made, "entry": listed}
    entries = [_create(each) for each in listed if not _is_outcome(each)]
    return {**made, "entry": entries} if entries else made


def _create(entry: Any) -> Any:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict):
        return entry
    kept = {name: value for name, value in entry.items() if name not in ("search", "response", "request")}
    return {**kept, "request": {"method": "POST", "url": str(resource.get("resourceType", ""))}}


def _is_outcome(entry: Any) -> bool:
    search = entry.get("search") if isinstance(entry, dict) else None
    return isinstance(search, dict) and search.get("mode") == "outcome"

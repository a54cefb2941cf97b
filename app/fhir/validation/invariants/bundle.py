"""The invariants of Bundle: https://hl7.org/fhir/R4/bundle.html#invs"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.validation.invariants.rule import (
    Holds,
    Invariant,
    Value,
    all_differ,
    at_least_one,
    only_when,
    present,
    rule,
)


def bdl_2(bundle: Value) -> bool:
    """Only answers to a search say how an entry was found."""
    return bundle.get("type") == "searchset" or not any("search" in entry for entry in bundle.get("entry", ()))


def _exactly_in(name: str, *kinds: str) -> Holds:
    """All entries have the member in Bundles of these kinds, and none in others."""
    return lambda bundle: all((name in entry) == (bundle.get("type") in kinds) for entry in bundle.get("entry", ()))


def bdl_7(bundle: Value) -> bool:
    """Entries are of different resources, or versions of them."""
    if bundle.get("type") == "history":
        return True
    return all_differ(
        (entry["fullUrl"], entry.get("resource", {}).get("meta", {}).get("versionId"))
        for entry in bundle.get("entry", ())
        if "fullUrl" in entry
    )


def bdl_9(bundle: Value) -> bool:
    """A document can be known by its identifier."""
    identifier = bundle.get("identifier", {})
    return bundle.get("type") != "document" or (present("system")(identifier) and present("value")(identifier))


def bdl_10(bundle: Value) -> bool:
    """A document has a date."""
    return bundle.get("type") != "document" or "timestamp" in bundle


def _begins_with(name: str, kind: str) -> Holds:
    def holds(bundle: Value) -> bool:
        if bundle.get("type") != kind:
            return True
        first: Any = next(iter(bundle.get("entry", ())), {})
        return bool(first.get("resource", {}).get("resourceType") == name)

    return holds


def bdl_8(entry: Value) -> bool:
    """A fullUrl names the resource, not a version."""
    return "/_history/" not in entry.get("fullUrl", "")


_REQUESTS: Final = ("batch", "transaction", "history")
_RESPONSES: Final = ("batch-response", "transaction-response", "history")

INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "Bundle": (
        only_when(
            "bdl-1", "Only a Bundle of type searchset or history has a total.", "total", "type", "searchset", "history"
        ),
        rule("bdl-2", "Only entries of a searchset have a search.", bdl_2, "entry"),
        Invariant(
            "bdl-3",
            "All entries of a batch, transaction or history have a request, those of other Bundles none.",
            _exactly_in("request", *_REQUESTS),
            frozenset({"entry"}),
        ),
        Invariant(
            "bdl-4",
            "All entries of a batch-response, transaction-response or history have a response, those of others none.",
            _exactly_in("response", *_RESPONSES),
            frozenset({"entry"}),
        ),
        rule(
            "bdl-7",
            "Entries with the same fullUrl must be different versions (meta.versionId), except in a history.",
            bdl_7,
            "entry",
        ),
        rule("bdl-9", "A document needs an identifier with a system and a value.", bdl_9),
        rule("bdl-10", "A document needs a timestamp.", bdl_10),
        rule("bdl-11", "The first entry of a document must be a Composition.", _begins_with("Composition", "document")),
        rule(
            "bdl-12", "The first entry of a message must be a MessageHeader.", _begins_with("MessageHeader", "message")
        ),
    ),
    "Bundle.entry": (
        at_least_one("bdl-5", "An entry needs a resource, request or response.", "resource", "request", "response"),
        rule("bdl-8", "A fullUrl may not name a version (/_history/).", bdl_8, "fullUrl"),
    ),
}

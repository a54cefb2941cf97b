"""The invariants of every resource that may contain others: https://hl7.org/fhir/R4/domainresource.html#invs

``best_practice`` has dom-6. Nothing here costs anything where nothing is contained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.validation.invariants.rule import Invariant, Value, any_present


def dom_2(resource: Value) -> bool:
    """What is contained contains nothing."""
    return not any("contained" in each for each in resource["contained"])


def dom_3(resource: Value) -> bool:
    """What is contained is referred to from somewhere, or refers to the whole."""
    fragments: set[str] = set()
    _gather(resource, fragments)
    for each in resource["contained"]:
        if "id" in each and f"#{each['id']}" not in fragments:
            own: set[str] = set()
            _gather(each, own)
            if "#" not in own:
                return False
    return True


def _gather(value: Any, fragments: set[str]) -> None:
    """Adds the texts that begin with ``#``. HL7 looks at references and URIs only; others hardly hold such a text."""
    for item in value.values() if type(value) is dict else value:
        kind = type(item)
        if kind is str:
            if item[:1] == "#":
                fragments.add(item)
        elif kind is dict or kind is list:
            _gather(item, fragments)


def _no_meta(*names: str) -> Any:
    found = any_present(*names)
    return lambda resource: not any("meta" in each and found(each["meta"]) for each in resource["contained"])


def _when_contained(key: str, text: str, holds: Any) -> Invariant:
    return Invariant(key, text, lambda each: "contained" not in each or holds(each), frozenset({"contained"}))


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "DomainResource": (
        _when_contained("dom-2", "A contained resource may not contain resources.", dom_2),
        _when_contained(
            "dom-3", "Each contained resource must be referred to as #id from the resource, or refer to it as #.", dom_3
        ),
        _when_contained(
            "dom-4",
            "A contained resource may not have a meta.versionId or meta.lastUpdated.",
            _no_meta("versionId", "lastUpdated"),
        ),
        _when_contained("dom-5", "A contained resource may not have a meta.security.", _no_meta("security")),
    ),
}

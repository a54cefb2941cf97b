"""What a literal reference leads to. https://hl7.org/fhir/R4/bundle.html#references"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from app.fhir.resource import Resource, parse_reference

Resolve = Callable[[str], Resource | None]
"""The resource that a literal reference leads to, where it is held and the caller may see it."""


def within_bundle(entries: Iterable[Resource], resolve: Resolve | None) -> Resolve:
    """References to entries by their ``fullUrl`` and by ``Type/id``, before those that lead out of the Bundle."""
    known: dict[str, Resource] = {}
    for entry in entries:
        held = entry.get("resource")
        if not isinstance(held, dict):
            continue
        url = entry.get("fullUrl")
        if isinstance(url, str):
            known[url] = held
        if isinstance(held.get("id"), str):
            known.setdefault(f"{held['resourceType']}/{held['id']}", held)
    return lambda reference: _found(known, reference) or (resolve(reference) if resolve is not None else None)


def _found(known: Mapping[str, Resource], reference: str) -> Resource | None:
    found = known.get(reference)
    if found is None and (literal := parse_reference(reference)) is not None:
        found = known.get(literal.relative)
    return found

"""What type a reference names, from its text alone, for ``where(resolve() is Patient)``.

https://hl7.org/fhir/R4/references.html#Reference
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.fhir.paths.chains import Item
from app.fhir.resource import Resource, parse_reference


def refers_to(accepted: frozenset[str]) -> Callable[[Item, Resource], bool]:
    """A test whether a ``Reference`` (first argument) within a resource (second) names one of the ``accepted`` types.

    The text decides: ``Patient/x``, absolute or with a version, or ``#x`` for what is contained. ``Reference.type``
    decides where the text tells nothing (``urn:uuid:…``, an identifier only). Nothing is fetched.
    """
    prefixes = tuple(f"{name}/" for name in accepted)

    def test(item: Item, resource: Resource) -> bool:
        reference = item[1]
        text = reference.get("reference")
        return (text is not None and text.startswith(prefixes)) or referred_type(reference, resource) in accepted

    return test


def referred_type(reference: dict[str, Any], resource: Resource) -> str | None:
    """The resource type that ``reference`` in ``resource`` names; None when it does not tell."""
    text = reference.get("reference", "")
    if text.startswith("#"):
        return _contained_type(text[1:], resource)
    literal = parse_reference(text)
    if literal is not None:
        return literal.type
    named = reference.get("type")
    return named.rpartition("/")[2] if named else None


def _contained_type(id: str, resource: Resource) -> str | None:
    if not id:
        return resource.get("resourceType")
    for contained in resource.get("contained", ()):
        if contained.get("id") == id:
            return contained.get("resourceType")  # type: ignore[no-any-return]
    return None

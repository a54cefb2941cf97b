"""References inside a document: what they name, and how they lead to its entries.

https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.careplan.document.gather import Key
from app.careplan.plan import local
from app.fhir.resource import Resource


def references(value: Any) -> list[Resource]:
    """Every Reference in a resource."""
    found: list[Resource] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("reference"), str):
                found.append(each)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


def resolved(resource: Resource, base: str, urls: Mapping[Key, str]) -> Resource:
    """The resource, with the whole address where a relative reference would not lead to an entry of the document.
    ``base``: what its own address is below; ``urls``: the addresses of the entries.
    """
    strange = set()
    for reference in references(resource):
        text, key = reference["reference"], local(reference)
        if key is not None and key in urls and urls[key] != f"{base}{text}" and "/_history/" not in text:
            strange.add(text)
    return resource if not strange else _rewritten(resource, strange, urls)


def _rewritten(value: Any, strange: set[str], urls: Mapping[Key, str]) -> Any:
    if isinstance(value, list):
        return [_rewritten(each, strange, urls) for each in value]
    if not isinstance(value, dict):
        return value
    copied = {name: _rewritten(each, strange, urls) for name, each in value.items()}
    if isinstance(value.get("reference"), str) and value["reference"] in strange:
        key = local(value)
        assert key is not None, "it was found among those that lead somewhere"
        copied["reference"] = urls[key]
    return copied

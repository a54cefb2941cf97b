"""References between the entries of a transaction become references to the ids that they get.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.errors import Invalid, Issue
from app.fhir.resource import Resource, encode, parse_reference
from app.server.interactions.transaction.order import Entry

_LOCAL: Final = ("urn:uuid:", "urn:oid:")
_LITERALS: Final = frozenset(
    {"reference", "url", "uri", "valueUri", "valueUrl", "valueCanonical", "valueOid", "valueUuid"}
)


def targets(entries: Sequence[Entry]) -> dict[str, str]:
    """From what may stand in a reference to ``Type/id``: each entry's fullUrl, and its relative form where that has
    another id now.
    """
    found: dict[str, str] = {}
    for entry in entries:
        if not entry.full_url or not entry.id:
            continue
        target = f"{entry.type}/{entry.id}"
        found[entry.full_url] = target
        literal = parse_reference(entry.full_url)
        if literal is not None and literal.type == entry.type:
            found.setdefault(literal.relative, target)
    return {name: target for name, target in found.items() if name != target}


def resolve(entries: Sequence[Entry], body: bytes | None) -> None:
    """Rewrite in place. Raises ``Invalid`` for a ``urn:uuid:`` that no entry has.

    ``body`` is the JSON that the entries came in: when no fullUrl occurs in it a second time there is nothing to look
    for.
    """
    found = targets(entries)
    if body is not None and not _refers(found, entries, body):
        return
    issues: list[Issue] = []
    for entry in entries:
        if entry.resource is not None:
            _rewrite(entry.resource, found, f"Bundle.entry[{entry.index}].resource", issues)
    if issues:
        raise Invalid(
            "The transaction refers to entries that it does not have; nothing was stored.", issues=tuple(issues)
        )


def point_elsewhere(resource: Resource, found: Mapping[str, str]) -> bool:
    """Rewrite references, in place, to what a conditional create found instead of making it; whether there were any."""
    before = encode(resource)
    if not any(f'"{name}"'.encode() in before or f'\\"{name}\\"'.encode() in before for name in found):
        return False
    _rewrite(resource, found, "", [])
    if "text" in resource and "div" in resource["text"]:
        for name, target in found.items():
            resource["text"]["div"] = resource["text"]["div"].replace(f'"{name}"', f'"{target}"')
    return True


def _refers(found: Mapping[str, str], entries: Sequence[Entry], body: bytes) -> bool:
    if b"\\" in body or any(not name.startswith(_LOCAL) for name in found):
        return True
    urls = sum(entry.full_url.startswith(_LOCAL) for entry in entries)
    return sum(body.count(prefix.encode()) for prefix in _LOCAL) != urls


def _rewrite(value: Any, found: Mapping[str, str], path: str, issues: list[Issue]) -> None:
    if isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, dict | list):
                _rewrite(each, found, f"{path}[{index}]", issues)
        return
    for name, each in value.items():
        if isinstance(each, str):
            if name in _LITERALS:
                target = found.get(each)
                if target is not None:
                    value[name] = target
                elif name == "reference" and each.startswith(_LOCAL):
                    issues.append(
                        Issue("not-found", "No entry of the transaction has this fullUrl.", (f"{path}.{name}",))
                    )
            elif name == "div":
                value[name] = _in_text(each, found)
        elif isinstance(each, dict | list):
            _rewrite(each, found, f"{path}.{name}", issues)


def _in_text(div: str, found: Mapping[str, str]) -> str:
    if not any(prefix in div for prefix in _LOCAL):
        return div
    for name, target in found.items():
        if name.startswith(_LOCAL):
            div = div.replace(f'"{name}"', f'"{target}"')
    return div

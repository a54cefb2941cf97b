"""References between the entries of a transaction become references to the ids that they get.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from app.errors import Invalid, Issue
from app.fhir.literals import NARRATIVE, REFERENCE, Place, literals_in
from app.fhir.resource import Resource, encode, parse_reference
from app.server.interactions.transaction.order import Entry

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_LOCAL: Final = ("urn:uuid:", "urn:oid:")
_REFERRED: Final = {each: re.compile(rf'"reference"\s*:\s*"{each}'.encode()) for each in _LOCAL}


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


def resolve(entries: Sequence[Entry], body: bytes | None, beyond: Mapping[str, str] = NO_NAMES) -> None:
    """Rewrite in place. Raises ``Invalid`` for a ``urn:uuid:`` that no entry has. ``beyond``: what else may stand in a
    reference, such as a source's own names.

    ``body`` is the JSON that the entries came in: when no fullUrl occurs in it a second time there is nothing to look
    for.
    """
    found = {**beyond, **targets(entries)}
    if body is not None and not beyond and not _refers(found, entries, body):
        return
    unknown = [entry for entry in entries if entry.resource is not None and not _rewrite(entry.literals, found)]
    if unknown:
        issues: list[Issue] = []
        for entry in unknown:
            _name_unknown(entry.resource, f"Bundle.entry[{entry.index}].resource", issues)
        raise Invalid(
            "The transaction refers to entries that it does not have; nothing was stored.", issues=tuple(issues)
        )


def point_elsewhere(resource: Resource, found: Mapping[str, str]) -> bool:
    """Rewrite references, in place, to what a conditional create found instead of making it; whether there were any."""
    before = encode(resource)
    if not any(f'"{name}"'.encode() in before or f'\\"{name}\\"'.encode() in before for name in found):
        return False
    _rewrite(literals_in(resource), found)
    if "text" in resource and "div" in resource["text"]:
        for name, target in found.items():
            resource["text"]["div"] = resource["text"]["div"].replace(f'"{name}"', f'"{target}"')
    return True


def _refers(found: Mapping[str, str], entries: Sequence[Entry], body: bytes) -> bool:
    if b"\\" in body or any(not name.startswith(_LOCAL) for name in found):
        return True
    for prefix in _LOCAL:
        named = sum(entry.full_url.startswith(prefix) for entry in entries)
        # Where no entry is named so, other things may be, as most systems of identifiers are by urn:oid.
        if body.count(prefix.encode()) != named and (named or _REFERRED[prefix].search(body) is not None):
            return True
    return False


def _rewrite(places: Iterable[Place], found: Mapping[str, str]) -> bool:
    """Rewrite in place; whether nothing refers to an entry that is not there."""
    known = True
    made: list[tuple[dict[str, Any], str, str]] = []
    for value, name in places:
        text = value[name]
        if name == NARRATIVE:
            made.append((value, name, _in_text(text, found)))
        elif (target := found.get(text)) is not None:
            made.append((value, name, target))
        elif name == REFERENCE and text.startswith(_LOCAL):
            known = False
    for value, name, text in made:  # an object that stands at two places is rewritten once
        value[name] = text
    return known


def _name_unknown(value: Any, path: str, issues: list[Issue]) -> None:
    """Where something refers to an entry that is not there, in a resource that is rewritten."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            _name_unknown(each, f"{path}[{index}]", issues)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "reference" and isinstance(each, str) and each.startswith(_LOCAL):
                issues.append(Issue("not-found", "No entry of the transaction has this fullUrl.", (f"{path}.{name}",)))
            _name_unknown(each, f"{path}.{name}", issues)


def _in_text(div: str, found: Mapping[str, str]) -> str:
    if not any(prefix in div for prefix in _LOCAL):
        return div
    for name, target in found.items():
        if name.startswith(_LOCAL):
            div = div.replace(f'"{name}"', f'"{target}"')
    return div

"""A resource of the plan as cells: each element by its address, so that two states can be laid beside each other.

https://hl7.org/fhir/R4/careplan.html. Of a list in a CarePlan every entry is a cell under a key that stays the same
from version to version: an activity's own id, the reference of a goal or condition, a digest of a note. Extensions are
cells by their url. All else is a cell as a whole. ``of_cells(cells_of(resource))`` is the resource, but for what the
server keeps in ``meta``, and for the order of its elements and of extensions that are not alike, which means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from app.careplan.names import Names
from app.careplan.plan import local
from app.fhir.resource import Resource, encode

Address = tuple[str, ...]
"""(element), (list, key), (list, key, element …) or (``extension``, url …)."""
Cells = dict[Address, Any]

LISTS: Final = ("goal", "activity", "addresses", "careTeam", "supportingInfo", "replaces", "contributor", "note")
"""The lists of a CarePlan whose entries are compared one by one."""
EXTENSION: Final = "extension"
NEXT_REVIEW: Final = "nextReview"
_DETAIL: Final = "detail"
_BOOKKEEPING: Final = ("versionId", "lastUpdated", "source")
_DIGEST: Final = 12
_WHOLE: Final = 2
"""The length of the address of a whole entry of a list."""


def cells_of(resource: Resource, names: Names) -> Cells:
    """Every element of a CarePlan, Goal or CareTeam but its id and type and what the server keeps in ``meta``."""
    cells: Cells = {}
    is_plan = resource["resourceType"] == "CarePlan"
    for name, value in resource.items():
        if name in ("id", "resourceType"):
            continue
        if name == "meta":
            kept = {key: each for key, each in value.items() if key not in _BOOKKEEPING}
            if kept:
                cells[(name,)] = kept
        elif name == EXTENSION:
            cells |= _extensions(value, (), names)
        elif is_plan and name in LISTS:
            for key, entry in keyed(name, value):
                cells |= entry_cells(name, key, entry, names)
        else:
            cells[(name,)] = value
    return cells


def of_cells(cells: Mapping[Address, Any], kind: str, resource_id: str) -> Resource:
    """The resource that the cells say. Entries of lists come in the order in which their keys first occur."""
    resource: Resource = {"resourceType": kind, "id": resource_id}
    entries: dict[Address, dict[str, Any]] = {}
    for address, value in cells.items():
        head = address[0]
        if head == EXTENSION:
            _put_extension(resource, address[1:], value)
        elif kind == "CarePlan" and head in LISTS and len(address) > 1:
            if head != "activity":
                resource.setdefault(head, []).append(value)
                continue
            entry = entries.get(address[:2])
            if entry is None:
                entry = entries[address[:2]] = {}
                resource.setdefault(head, []).append(entry)
            _put_in_activity(entry, address[2:], value)
        else:
            resource[head] = value
    return resource


def entry_cells(name: str, key: str, entry: Any, names: Names) -> Cells:
    """One entry of a list of a CarePlan."""
    return _activity(key, entry, names) if name == "activity" else {(name, key): entry}


def in_entry(entry: Any, address: Address) -> Any:
    """What ``entry_cells`` of the entry that an address is in have there; None: nothing, or there is no such entry."""
    if entry is None or len(address) == _WHOLE:
        return entry
    name = address[2]
    if name == EXTENSION:
        return [each for each in entry.get(name, ()) if str(each.get("url")) == address[3]] or None
    return entry.get(name, {}).get(address[3]) if name == _DETAIL else entry.get(name)


def keyed(name: str, entries: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a list, each under its own key; a second one that is alike gets a number."""
    seen: dict[str, int] = {}
    for entry in entries:
        key = key_of(name, entry)
        seen[key] = seen.get(key, 0) + 1
        yield (key if seen[key] == 1 else f"{key}#{seen[key]}"), entry


def key_of(name: str, entry: Any) -> str:
    """What an entry of a list is known by: ``<id>`` of an activity or goal, ``<Type>/<id>``, or a digest."""
    if isinstance(entry, dict):
        if name == "activity" and isinstance(entry.get("id"), str):
            return str(entry["id"])
        found = local(entry) if "reference" in entry and name != "activity" else None
        if found is not None:
            return found[1] if (name, found[0]) == ("goal", "Goal") else f"{found[0]}/{found[1]}"
    return sha256(encode(entry)).hexdigest()[:_DIGEST]


def path_of(kind: str, address: Address) -> str:
    """The FHIRPath of a cell. https://hl7.org/fhir/R4/fhirpath.html"""
    name = address[0]
    if len(address) == 1 or kind != "CarePlan" or name not in LISTS:
        return kind + _path_below(address)
    key = address[1].partition("#")[0]
    path = f"{kind}.{name}"
    if name == "activity":
        path += f".where(id='{key}')"
    elif name == "goal" or "/" in key:
        path += f".where(reference='{'Goal/' + key if name == 'goal' and '/' not in key else key}')"
    return path + _path_below(address[2:])


@lru_cache(maxsize=1024)
def _path_below(address: Address) -> str:
    """What follows the path of a resource or of one entry of a list."""
    path, parts = "", iter(address)
    for name in parts:
        if name != EXTENSION:
            path += f".{name.removeprefix('_')}"
            continue
        path += f".extension('{next(parts)}')"
        for inner in parts:
            path += f".extension('{inner}').value"
    return path


def _extensions(listed: Any, below: Address, names: Names) -> Cells:
    cells: Cells = {}
    for each in listed:
        url = str(each.get("url"))
        if url == names.cycle and not below:
            parts = each.get("extension", ())
            review = next((one.get("valueDate") for one in parts if one.get("url") == NEXT_REVIEW), None)
            if review is not None:
                cells[EXTENSION, url, NEXT_REVIEW] = review
                each = {**each, "extension": [one for one in parts if one.get("url") != NEXT_REVIEW]}  # noqa: PLW2901
        cells.setdefault((*below, EXTENSION, url), []).append(each)
    return cells


def _put_extension(holder: dict[str, Any], rest: Address, value: Any) -> None:
    """Put in an extension's cell; that with the next review goes into the extension of the cycle."""
    listed = holder.setdefault(EXTENSION, [])
    if len(rest) == 1:
        waiting = next((each for each in listed if each["url"] == rest[0]), None)
        if waiting is None:
            listed += value
        else:  # the next review came first
            at = listed.index(waiting)
            listed[at : at + 1] = [{**value[0], "extension": [*value[0].get("extension", ()), *waiting["extension"]]}]
        return
    part = {"url": rest[1], "valueDate": value}
    for at, each in enumerate(listed):
        if each["url"] == rest[0]:
            listed[at] = {**each, "extension": [*each.get("extension", ()), part]}
            return
    listed.append({"url": rest[0], "extension": [part]})


def _activity(key: str, entry: Resource, names: Names) -> Cells:
    cells: Cells = {}
    for name, value in entry.items():
        if name == EXTENSION:
            cells |= _extensions(value, ("activity", key), names)
        elif name == _DETAIL:
            cells |= {("activity", key, name, each): one for each, one in value.items()}
        else:
            cells["activity", key, name] = value
    return cells


def _put_in_activity(entry: dict[str, Any], rest: Address, value: Any) -> None:
    if rest[0] == EXTENSION:
        _put_extension(entry, rest[1:], value)
    elif rest[0] == _DETAIL:
        entry.setdefault(_DETAIL, {})[rest[1]] = value
    else:
        entry[rest[0]] = value

"""A program that knows nothing of the service but what ``$compare`` answers, and makes the changes itself.

https://hl7.org/fhir/R4/fhirpatch.html says how a value that is given in parts is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Final

from app.careplan.cells import keyed
from app.fhir.definitions import Definitions, Element, load
from app.fhir.resource import Resource

State = dict[str, Resource]
"""Resources by Type/id, without what the server keeps in ``meta``."""
_DEFINITIONS: Final[Definitions] = load("4.0.1")
_SIDES: Final = ("before", "after")
_STEP: Final = re.compile(r"\.(?P<name>\w+)(?:\('(?P<url>[^']*)'\)|\((?P<by>id|reference)='(?P<key>[^']*)'\))?")


def plain(resource: Resource) -> Resource:
    """A resource without version and time, its lists of extensions in an order."""
    found = deepcopy(resource)
    meta = {name: value for name, value in found.get("meta", {}).items() if name not in ("versionId", "lastUpdated")}
    found["meta"] = meta
    if not meta:
        del found["meta"]
    ordered: Resource = _sorted(found)
    return ordered


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _sorted(each) for name, each in value.items()}
    if "extension" in found:
        found["extension"] = sorted(found["extension"], key=lambda each: str(each["url"]))
    return found


def state_of(bundle: Resource) -> State:
    """What a Bundle of ``$as-of`` shows."""
    listed = [each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "match"]
    return {f"{each['resourceType']}/{each['id']}": plain(each) for each in listed}


def changes_of(answer: Resource) -> list[dict[str, Any]]:
    """The changes of an answer: ``id``, ``kind``, ``path``, ``about``, ``sentence``; ``by`` and ``element`` lists."""
    return [_named(each["part"]) for each in answer["parameter"] if each["name"] == "change"]


def _named(parts: Sequence[Resource]) -> dict[str, Any]:
    found: dict[str, Any] = {"by": [], "element": []}
    for part in parts:
        if part["name"] in ("by", "element"):
            found[part["name"]].append(part["part"])
        elif "resource" in part:
            found[part["name"]] = part["resource"]
        else:
            found[part["name"]] = _single(part)
    return found


def _single(part: Resource) -> Any:
    return next(value for name, value in part.items() if name.startswith("value"))


def applied(answer: Resource, before: State) -> State:
    """The state after the changes."""
    state = deepcopy(before)
    changes = changes_of(answer)
    for change in changes:
        reference = change["about"]["reference"]
        if "after" in change:
            state[reference] = plain(change["after"])
        elif "before" in change:
            state.pop(reference, None)
        plan = next(each for each in state.values() if _is_plan(each))
        if change["kind"] == "removed" and _drop(plan, change["path"]):
            continue
        for element in change["element"]:
            path = str(next(_single(part) for part in element if part["name"] == "path"))
            before_parts, after_parts = ([part for part in element if part["name"] == side] for side in _SIDES)
            holder = plan if path.startswith("CarePlan.") else state[reference]
            if change["kind"] == "moved":
                _move(holder, path, [_single(part) for part in after_parts])
            else:
                _set(holder, holder["resourceType"], _steps(path), (before_parts, after_parts))
    return {name: _sorted(each) for name, each in state.items()}


def _drop(plan: Resource, path: str) -> bool:
    """Take a whole entry of a list away, where that is what a path leads to."""
    steps = _steps(path) if "." in path else []
    if len(steps) != 2 or steps[1]["name"] != "where" or steps[1]["by"] != "id":
        return False
    name, key = steps[0]["name"], steps[1]["key"]
    plan[name] = [each for each in plan[name] if each.get("id") != key]
    if not plan[name]:
        del plan[name]
    return True


def _is_plan(resource: Resource) -> bool:
    return resource["resourceType"] == "CarePlan" and any(
        coding.get("code") == "izp" for each in resource.get("category", ()) for coding in each.get("coding", ())
    )


def _steps(path: str) -> list[dict[str, Any]]:
    return [found.groupdict() for found in _STEP.finditer(path[path.index(".") :])]


Sides = tuple[Sequence[Resource], Sequence[Resource]]
"""The parts that say what was there, and what is."""


def _set(node: dict[str, Any], kind: str, steps: Sequence[Mapping[str, Any]], sides: Sides) -> None:
    """Put what is after where the steps lead, or take away what was there."""
    name = steps[0]["name"]
    if name == "extension":
        _set_extension(node, steps, sides[1])
        return
    element = _DEFINITIONS.types[kind][name]
    if len(steps) > 1 and steps[1]["name"] == "where":
        _set_entry(node, element, steps, sides)
    elif len(steps) > 1:
        inner = node.setdefault(name, {})
        _set(inner, element.type, steps[1:], sides)
        if not inner:
            del node[name]
    elif kind == "CarePlan" and name == "note":
        _set_in(node, name, *([_value(part, element) for part in side] for side in sides))
    else:
        beside = element.is_primitive and any("part" in part for side in sides for part in side)
        found = [_value(part, _beside(element) if beside else element) for part in sides[1]]
        member = f"_{name}" if beside else name
        node.pop(member, None)
        if found:
            node[member] = found if element.many else found[0]


def _set_entry(node: dict[str, Any], element: Element, steps: Sequence[Mapping[str, Any]], sides: Sides) -> None:
    """Put or take away one entry of a list, or something in it."""
    name, by, key = steps[0]["name"], steps[1]["by"], steps[1]["key"]
    if len(steps) == 2:
        _set_in(node, name, *([_value(part, element) for part in side] for side in sides))
        return
    entries = node.setdefault(name, [])
    entry = next((each for each in entries if each.get(by) == key), None)
    if entry is None:
        entry = {by: key}
        entries.append(entry)
    _set(entry, element.type, steps[2:], sides)
    if not entry.keys() - {by}:
        entries.remove(entry)
    if not entries:
        del node[name]


def _set_in(node: dict[str, Any], name: str, before: Sequence[Any], after: Sequence[Any]) -> None:
    entries = node.setdefault(name, [])
    for old, new in zip_longest(before, after):
        if old is None:
            entries.append(new)
        elif new is None:
            entries.remove(old)
        else:
            entries[entries.index(old)] = new
    if not entries:
        del node[name]


def _set_extension(node: dict[str, Any], steps: Sequence[Mapping[str, Any]], after: Sequence[Resource]) -> None:
    url, listed = steps[0]["url"], node.setdefault("extension", [])
    same = [each for each in listed if each["url"] == url]
    if len(steps) > 1:  # the next review, within the cycle
        if not same:
            same = [{"url": url, "extension": []}]
            listed += same
        inner = steps[1]["url"]
        kept = [each for each in same[0].get("extension", ()) if each["url"] != inner]
        same[0]["extension"] = kept + [{"url": inner, "valueDate": _single(part)} for part in after]
    else:
        review = [one for each in same for one in each.get("extension", ()) if one["url"] == "nextReview"]
        new = [_value(part, _DEFINITIONS.types["Element"]["extension"]) for part in after]
        if review and new:
            new[0]["extension"] += review
        node["extension"] = [each for each in listed if each["url"] != url] + new
    if not node["extension"]:
        del node["extension"]


def _move(plan: Resource, path: str, order: Sequence[str]) -> None:
    """Put the entries of a list in the order of their keys."""
    name = path.rpartition(".")[2]
    keys = dict(keyed(name, plan[name]))
    plan[name] = [keys[key] for key in order]


def _beside(element: Element) -> Element:
    """What is beside a primitive element."""
    return replace(element, type="Element", is_primitive=False)


def _value(part: Resource, element: Element) -> Any:
    """The value that a part gives."""
    if "resource" in part:
        return part["resource"]
    if "part" not in part:
        return _single(part)
    members: dict[str, Any] = {}
    for each in part["part"]:
        name = each["name"]
        types = _DEFINITIONS.types[element.type]
        member = _beside(types[name[1:]]) if name.startswith("_") else types[name]
        found = _value(each, member)
        if member.many:
            members.setdefault(name, []).append(found)
        else:
            members[name] = found
    return members

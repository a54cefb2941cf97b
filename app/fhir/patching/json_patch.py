"""JSON Patch of a resource: https://www.rfc-editor.org/rfc/rfc6902, https://hl7.org/fhir/R4/http.html#patch.

Pointers are those of https://www.rfc-editor.org/rfc/rfc6901. A ``test`` takes numbers by value (``1.0`` equals
``1.00``) and objects whatever the order of their members.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from app.errors import Invalid, Issue, TooLarge
from app.fhir.patching.json_values import copied, same
from app.fhir.patching.working_copy import Inapplicable, Malformed, named, patched, refuse_too_many
from app.fhir.resource import Resource

COPIED: Final = 1_000_000
"""JSON values plus characters that the ``copy`` operations of one patch may add together."""
DEEPEST: Final = 200
"""Levels of the resource after a ``copy``."""

Pointer = tuple[str, ...]

_WITH_VALUE: Final = frozenset({"add", "replace", "test"})
_WITH_SOURCE: Final = frozenset({"move", "copy"})
_KINDS: Final = ("add", "remove", "replace", "move", "copy", "test")
_WRONG_ESCAPE: Final = re.compile("~(?![01])")
_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation; ``source`` is the pointer of ``from``."""

    name: str
    kind: str
    path: Pointer
    source: Pointer
    value: Any
    expression: tuple[str, ...] = ()


def apply_json_patch(resource: Resource, patch: list[Any]) -> Resource:
    """The resource after all operations of a JSON Patch; what was given stays as it was.

    Raises ``Invalid`` with every operation that is malformed, ``TooLarge`` for more than can be done at once,
    ``Unprocessable`` for the first operation that this resource cannot undergo, a ``test`` that fails included. Changes
    of ``meta.versionId`` and ``meta.lastUpdated`` have no effect.
    """
    operations = _read(patch)
    room = COPIED

    def apply(document: Resource, operation: _Operation) -> Resource:
        nonlocal room
        value = copied(operation.value)
        match operation.kind:
            case "test":
                _test(document, operation)
                return document
            case "remove":
                _remove(document, operation.path)
                return document
            case "move":
                value = _remove(document, operation.source) if operation.source else document
            case "copy":
                value = _at(document, operation.source)
                room = _room_after(value, room, level=len(operation.path))
                value = copied(value)
            case "replace" if operation.path:
                _replace(document, operation.path, value)
                return document
        return _add(document, operation.path, value)

    return patched(resource, operations, apply)


def _read(patch: Any) -> list[_Operation]:
    if not isinstance(patch, list):
        raise Invalid("A JSON Patch is a JSON array of operations.", "structure")
    refuse_too_many(patch)
    operations: list[_Operation] = []
    issues: list[Issue] = []
    for index, entry in enumerate(patch):
        try:
            operations.append(_operation(index, entry))
        except Malformed as wrong:
            issues.append(Issue(wrong.code, wrong.text))
    if issues:
        raise Invalid(issues=tuple(issues))
    return operations


def _operation(index: int, entry: Any) -> _Operation:
    """The operation. Raises ``Malformed`` with the first thing that is wrong with it."""
    if not isinstance(entry, dict):
        raise Malformed("structure", f"Operation [{index}] must be a JSON object.")
    kind, path = entry.get("op"), entry.get("path")
    if kind not in _KINDS:
        raise Malformed("value", f"Operation [{index}]: op must be one of {', '.join(_KINDS)}.")
    if not isinstance(path, str):
        raise Malformed("required", f"Operation [{index}] ({kind}): path must be there, as a text.")
    name = named(index, kind, path)
    if kind in _WITH_VALUE and "value" not in entry:
        raise Malformed("required", f"{name}: value must be there.")
    source = entry.get("from") if kind in _WITH_SOURCE else ""
    if not isinstance(source, str):
        raise Malformed("required", f"{name}: from must be there, as a text.")
    steps, start = _steps(path, f"{name}: path"), _steps(source, f"{name}: from")
    if kind == "remove" and not steps:
        raise Malformed("value", f"{name}: a patch cannot remove the whole resource.")
    if kind == "move" and steps != start and steps[: len(start)] == start:
        raise Malformed("value", f"{name}: what is moved cannot end up within itself.")
    return _Operation(name, kind, steps, start, entry.get("value"))


def _steps(pointer: str, where: str) -> Pointer:
    if pointer and not pointer.startswith("/"):
        raise Malformed("value", f"{where} must be empty or begin with /.")
    if _WRONG_ESCAPE.search(pointer):
        raise Malformed("value", f"{where} may have ~ only as ~0 or ~1.")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _nothing(path: Pointer) -> Inapplicable:
    shown = "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path)
    return Inapplicable("not-found", f"there is nothing at {shown[:200]}.")


def _at(document: Any, path: Pointer) -> Any:
    """The value that a pointer leads to."""
    for depth, step in enumerate(path, 1):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and (index := _index(step)) is not None and index < len(document):
            document = document[index]
        else:
            raise _nothing(path[:depth])
    return document


def _index(step: str) -> int | None:
    return int(step) if _INDEX.fullmatch(step) else None


def _add(document: Resource, path: Pointer, value: Any) -> Resource:
    if not path:
        return _as_resource(value)
    parent, step = _at(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[step] = value
    elif isinstance(parent, list):
        index = len(parent) if step == "-" else _index(step)
        if index is None:
            raise Inapplicable("value", "the path ends in an array, which wants an index or - there.")
        if index > len(parent):
            raise Inapplicable("value", "the index is beyond the end of the array.")
        parent.insert(index, value)
    else:
        raise Inapplicable("value", "the path leads into a value that is neither an object nor an array.")
    return document


def _remove(document: Resource, path: Pointer) -> Any:
    """Takes away what a pointer leads to, and gives it."""
    _at(document, path)
    parent, step = _at(document, path[:-1]), path[-1]
    return parent.pop(step if isinstance(parent, dict) else int(step))


def _replace(document: Resource, path: Pointer, value: Any) -> None:
    _at(document, path)
    parent, step = _at(document, path[:-1]), path[-1]
    parent[step if isinstance(parent, dict) else int(step)] = value


def _as_resource(value: Any) -> Resource:
    if not isinstance(value, dict):
        raise Inapplicable("structure", "the whole resource can be replaced by an object only.")
    return value


def _test(document: Resource, operation: _Operation) -> None:
    if not same(_at(document, operation.path), operation.value):
        raise Inapplicable("conflict", "the test fails: the resource has another value there.")


def _room_after(value: Any, room: int, *, level: int) -> int:
    """What is left of ``COPIED`` after a copy of ``value`` to a place ``level`` steps deep.

    Copies of copies double each time, in size and, put within each other, in depth.
    """
    pending: list[tuple[Any, int]] = [(value, level)]
    while pending:
        each, depth = pending.pop()
        room -= 1 + (len(each) if isinstance(each, str) else 0)
        if room < 0:
            raise TooLarge(f"The patch copies more than {COPIED} values and characters.")
        if depth > DEEPEST:
            raise Inapplicable("too-costly", f"the copy would nest the resource more than {DEEPEST} levels deep.")
        if isinstance(each, dict):
            pending.extend((child, depth + 1) for child in each.values())
        elif isinstance(each, list):
            pending.extend((child, depth + 1) for child in each)
    return room

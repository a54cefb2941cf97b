"""The operations of a FHIRPath Patch, read from its ``Parameters``. https://hl7.org/fhir/R4/fhirpatch.html"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from app.errors import Invalid, Issue
from app.fhir.definitions import Definitions
from app.fhir.patching.places import refuse_unsupported
from app.fhir.patching.values import Given, given
from app.fhir.patching.working_copy import Malformed, named, refuse_too_many
from app.fhir.paths import syntax
from app.fhir.resource import Resource

_PARTS: Final = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
"""The parts that each type of operation must have beside ``type``; it has no others."""
_TYPES: Final = {
    "type": ("code", "string"),
    "path": ("string",),
    "name": ("string",),
    "index": ("integer",),
    "source": ("integer",),
    "destination": ("integer",),
}


@dataclass(frozen=True, slots=True)
class FhirPathOperation:
    """One operation; the members that its ``kind`` does not have are empty. Indexes count from 0."""

    name: str
    expression: tuple[str, ...]
    kind: str
    path: syntax.Node
    element: str
    value: Given
    index: int
    source: int
    destination: int


def read_operations(parameters: Resource, definitions: Definitions) -> list[FhirPathOperation]:
    """The operations in order. Raises ``Invalid`` with every one that is malformed, ``TooLarge`` for too many."""
    entries = parameters.get("parameter", [])
    if parameters.get("resourceType") != "Parameters" or not isinstance(entries, list):
        raise Invalid("A FHIRPath Patch is a Parameters resource.", "structure")
    refuse_too_many(entries)
    operations: list[FhirPathOperation] = []
    issues: list[Issue] = []
    for index, entry in enumerate(entries):
        try:
            operations.append(_operation(index, entry, definitions))
        except Malformed as wrong:
            text = f"Operation [{index}] {wrong.text}."
            issues.append(Issue(wrong.code, text, (f"Parameters.parameter[{index}]",)))
        except RecursionError:
            text = f"Operation [{index}] has parts that are nested too deeply."
            issues.append(Issue("structure", text, (f"Parameters.parameter[{index}]",)))
    if issues:
        raise Invalid(issues=tuple(issues))
    return operations


def _operation(index: int, entry: Any, definitions: Definitions) -> FhirPathOperation:
    if not isinstance(entry, dict) or entry.get("name") != "operation":
        raise Malformed("structure", "must be a parameter with the name operation")
    parts = _parts(entry, definitions)
    kind = _text(parts, "type")
    if kind not in _PARTS:
        raise Malformed("structure", f"must have a type, one of {', '.join(_PARTS)}")
    for name in _PARTS[kind]:
        if name not in parts:
            raise Malformed("structure", f"({kind}) must have a part {name}")
    for name in parts:
        if name not in ("type", *_PARTS[kind]):
            raise Malformed("structure", f"({kind}) may not have the part {name}")
    path = _text(parts, "path")
    return FhirPathOperation(
        name=named(index, kind, path),
        expression=(f"Parameters.parameter[{index}]",),
        kind=kind,
        path=_path(path, kind),
        element=_text(parts, "name"),
        value=parts.get("value", Given(None)),
        index=_number(parts, "index"),
        source=_number(parts, "source"),
        destination=_number(parts, "destination"),
    )


def _parts(entry: dict[str, Any], definitions: Definitions) -> dict[str, Given]:
    """The parts by name, those that hold a text or a number of the right type."""
    listed = entry.get("part")
    if not isinstance(listed, list):
        raise Malformed("structure", "must have parts")
    parts: dict[str, Given] = {}
    for part in listed:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or (name not in _TYPES and name != "value"):
            raise Malformed("structure", f"may only have the parts value, {', '.join(_TYPES)}")
        if name in parts:
            raise Malformed("structure", f"has the part {name} twice")
        try:
            parts[name] = given(part, definitions)
        except Malformed as wrong:
            raise Malformed(wrong.code, f"has a part {name} that {wrong.text}") from wrong
        if name in _TYPES and parts[name].type not in _TYPES[name]:
            raise Malformed("structure", f"has a part {name} that must be a {_TYPES[name][0]}")
    return parts


def _text(parts: dict[str, Given], name: str) -> str:
    value = parts[name].item[0] if name in parts else ""
    if not isinstance(value, str):
        raise Malformed("structure", f"has a part {name} that must be a text")
    return value


def _number(parts: dict[str, Given], name: str) -> int:
    value = parts[name].item[0] if name in parts else 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed("structure", f"has a part {name} that must be a whole number from 0")
    return value


def _path(path: str, kind: str) -> syntax.Node:
    try:
        node = syntax.parse(path)
        refuse_unsupported(node)
    except syntax.ExpressionError as error:
        raise Malformed("value", f"({kind}) has a path that is not understood here: {str(error)[:200]}") from error
    except Malformed as wrong:
        raise Malformed(wrong.code, f"({kind} {path[:200]}) has a path that {wrong.text}") from wrong
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets without end
        raise Malformed("value", f"({kind}) has a path that is too long") from error
    if kind in ("insert", "move") and (not isinstance(node, syntax.Member) or _is_type(node)):
        text = f"({kind} {path[:200]}) has a path that must end with the name of an element that repeats"
        raise Malformed("value", text)
    return node


def _is_type(node: syntax.Member) -> bool:
    return node.first and node.name[0].isupper()

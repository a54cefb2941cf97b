"""What the other version has no place for, in the extensions that FHIR has for it; ``restoring.py`` is the way back.

``http://hl7.org/fhir/3.0/StructureDefinition/extension-Observation.related`` holds, in an R4 resource, one item of what
STU3 has there. A value of a data type is its value; what consists of members is nested extensions by their names.

https://hl7.org/fhir/R4/versions.html#extensions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.definitions import Element
from app.fhir.stu3.conversions import Direction, Pair, pairs_of
from app.fhir.stu3.sides import value_name

Extension = dict[str, Any]
_OPEN: Final = frozenset({"extension", "modifierExtension"})
TYPE: Final = "extension-type"
"""Marks, beside a value, the type it has in the other version, where a choice could be several."""
PLAIN: Final = {"canonical": "uri", "url": "uri", "uuid": "uri"}
"""What stands for a primitive type that an extension of STU3 cannot hold."""


def member_url(direction: Direction, path: str, name: str, element: Element) -> str:
    """The address of the extension that carries a member of ``path``."""
    return f"{direction.source.prefix}{path}.{element.choice or name}"


def carry(direction: Direction, url: str, name: str, element: Element, values: Mapping[str, Any]) -> list[Extension]:
    """The extensions for all that stands under ``name`` and ``_name``."""
    return [_item(direction, url, element, pair) for pair in pairs_of(values, name, many=element.many)]


def _item(direction: Direction, url: str, element: Element, pair: Pair) -> Extension:
    value, beside = pair
    kind = element.type
    held = PLAIN.get(kind, kind)
    made: Extension = {"url": url}
    if kind[0].islower() or (direction.target.has_extension_value(kind) and "." not in kind):
        usable = kind if direction.target.has_extension_value(kind) else held
        name = value_name(usable)
        if value is not None:
            made[name] = value if kind[0].islower() else direction.datatype(kind)(value)
        if beside is not None:
            made[f"_{name}"] = direction.element(beside)
        if usable != kind and element.choice:
            made.setdefault(f"_{name}", {}).setdefault("extension", []).append(type_mark(direction, kind))
        return made
    if element.choice:
        made["extension"] = [{"url": kind, "extension": exploded(direction, kind, value)}]
    else:
        made["extension"] = exploded(direction, kind, value)
    return made


def type_mark(direction: Direction, kind: str) -> Extension:
    """What says, beside a value, which type it has in the version that it is of."""
    return {"url": direction.source.prefix + TYPE, "valueCode": kind}


def exploded(direction: Direction, kind: str, value: Mapping[str, Any]) -> list[Extension]:
    """A value that no extension can hold, as one extension for each of its members."""
    elements = direction.source.elements(kind)
    found: list[Extension] = []
    for name in value:
        plain = name.removeprefix("_")
        if name in _OPEN:
            found += [_open(direction, name, each) for each in value[name]]
        elif name == plain or plain not in value:
            element = elements[plain]
            found += carry(direction, element.choice or plain, plain, element, value)
    return found


def _open(direction: Direction, name: str, extension: Extension) -> Extension:
    """An extension that stood in what is carried; one that modifies is marked as such."""
    converted: Extension = direction.datatype("Extension")(extension)
    return converted if name == "extension" else {"url": name, "extension": [converted]}

"""The elements of an object as a profile sees them: choices by their base name, primitives with what stands beside.

https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from app.fhir.definitions import Definitions

_ELEMENT: Final = "Element"
NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON member of an element: ``valueQuantity`` of ``value[x]``."""

    member: str
    type: str
    many: bool
    is_primitive: bool
    beside: str


class Item(NamedTuple):
    """One value of an element. ``beside`` is what stands beside a primitive (``_birthDate``), ``at`` its place among
    several. The value of a primitive that has extensions only is None.
    """

    value: Any
    beside: Any
    type: str
    at: int | None

    @property
    def object(self) -> Mapping[str, Any]:
        """What has its children."""
        if isinstance(self.value, dict):
            return self.value
        return self.beside if isinstance(self.beside, dict) else NOTHING

    @property
    def owner(self) -> str:
        """The type whose members the object has."""
        return self.type if isinstance(self.value, dict) else _ELEMENT


Rows = tuple[Row, ...]


@cache
def members_of(definitions: Definitions, kind: str) -> Mapping[str, Rows]:
    """The elements of a type or path by name, choices as ``value[x]``; those of ``Element`` for a primitive."""
    found: dict[str, list[Row]] = {}
    for member, element in definitions.types[kind if kind in definitions.types else _ELEMENT].items():
        row = Row(member, element.type, element.many, element.is_primitive, "_" + member)
        found.setdefault(element.name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


def items_of(value: Mapping[str, Any], rows: Rows) -> list[Item]:
    """The values of an element, in their order."""
    found: list[Item] = []
    for row in rows:
        content = value.get(row.member)
        if row.is_primitive:
            beside = value.get(row.beside)
            if content is None and beside is None:
                continue
            if row.many:
                pairs = zip_longest(content or (), beside or ())
                found += [Item(each, more, row.type, index) for index, (each, more) in enumerate(pairs)]
            else:
                found.append(Item(content, beside, row.type, None))
        elif content is not None:
            if row.many:
                found += [Item(each, None, _type_of(each, row.type), index) for index, each in enumerate(content)]
            else:
                found.append(Item(content, None, _type_of(content, row.type), None))
    return found


def _type_of(value: Any, declared: str) -> str:
    """A resource says its own type."""
    if declared == "Resource" and isinstance(value, dict):
        return str(value.get("resourceType", declared))
    return declared

"""How each type is written in XML, compiled from the definitions when the type is first met.

https://hl7.org/fhir/R4/xml.html: elements are named as the JSON members and stand in the order of the definition;
``Element.id`` and ``Extension.url`` are attributes, as is the ``value`` of a primitive; narrative is an XHTML element.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from app.fhir.definitions import Definitions, Element
from app.fhir.xml import values

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"

Kind = Literal["primitive", "complex", "resource", "xhtml"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One JSON member and how XML has it: ``tag`` in Clark notation, ``step`` in a FHIRPath.

    ``beside`` is the member with the id and extensions of a primitive, ``order`` the place in the definition.
    """

    order: int
    name: str
    beside: str
    tag: str
    is_element: bool
    is_primitive: bool
    step: str
    kind: Kind
    type: str
    many: bool
    read: Callable[[str], Any]
    write: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The members of one type: elements by tag, attributes by name, and both by JSON member name (also ``_name``)."""

    name: str
    elements: dict[str, Slot]
    attributes: dict[str, Slot]
    members: dict[str, Slot]


class Layouts(dict[str, Layout]):
    """The layouts of one FHIR version by type name; ``primitive`` is the XML element of any primitive."""

    def __init__(self, definitions: Definitions) -> None:
        super().__init__()
        self.resource_types = definitions.resource_types
        self._types = definitions.types
        element = self["Element"]
        value = _slot(len(element.members), "value", self._types["Element"]["id"])
        self.primitive = replace(element, attributes={**element.attributes, "value": value})

    def __missing__(self, name: str) -> Layout:
        layout = Layout(name, {}, {}, {})
        for order, (member, element) in enumerate(self._types[name].items()):
            slot = _slot(order, member, element)
            layout.members[member] = slot
            if element.xml == "attribute":
                layout.attributes[member] = slot
                continue
            layout.elements[slot.tag] = slot
            if slot.is_primitive:
                layout.members[slot.beside] = slot
        return self.setdefault(name, layout)


@functools.cache
def layouts(definitions: Definitions) -> Layouts:
    """The layouts of ``definitions``, made once."""
    return Layouts(definitions)


def _slot(order: int, member: str, element: Element) -> Slot:
    kind: Kind = "complex"
    if element.xml == "xhtml":
        kind = "xhtml"
    elif element.is_primitive:
        kind = "primitive"
    elif element.type == "Resource":
        kind = "resource"
    return Slot(
        order,
        member,
        "_" + member,
        is_element=element.xml != "attribute",
        is_primitive=kind == "primitive",
        tag=f"{{{XHTML if kind == 'xhtml' else FHIR}}}{member}",
        step="." + (element.choice or member),
        kind=kind,
        type=element.type,
        many=element.many,
        read=values.READ.get(element.type, values.read_token),
        write=values.WRITE.get(element.type, values.write_text),
    )

"""JSON to FHIR XML. https://hl7.org/fhir/R4/xml.html

Markup is put together as text: names come from the tables and values are escaped; narrative is parsed and written anew.
"""

from __future__ import annotations

from itertools import zip_longest
from operator import attrgetter
from typing import Any, Final

from app.errors import Invalid
from app.fhir.markup import MAX_DEPTH
from app.fhir.resource import Resource
from app.fhir.validation.problems import Problem, issues, unknown
from app.fhir.xml import narrative
from app.fhir.xml.tables import FHIR, Layout, Layouts, Slot
from app.fhir.xml.trails import Trail, steps

_ORDER: Final = attrgetter("order")
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_COMPACT: Final = ("",) * (MAX_DEPTH + 2)
_INDENTED: Final = tuple("\n" + "  " * depth for depth in range(MAX_DEPTH + 2))


def write(resource: Resource, layouts: Layouts, *, pretty: bool) -> bytes:
    """The document. Raises ``Invalid`` with all problems of a resource that XML could not hold."""
    writer = _Writer(layouts, _INDENTED if pretty else _COMPACT)
    writer.resource(resource, None, 0)
    if writer.problems:
        name = resource.get("resourceType")
        raise Invalid(issues=tuple(issues(writer.problems, name if name in layouts.resource_types else "Resource")))
    return "".join(writer.parts).encode()


class _Writer:
    """Puts one document together and collects the problems of its resource."""

    def __init__(self, layouts: Layouts, breaks: tuple[str, ...]) -> None:
        self.layouts = layouts
        self.breaks = breaks
        self.parts = [_DECLARATION]
        self.problems: list[Problem] = []

    def resource(self, resource: Any, at: Trail, depth: int) -> None:
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        if name not in self.layouts.resource_types:
            self.report("structure", "A resource with a resourceType of this FHIR version is expected.", at)
            return
        namespace = f' xmlns="{FHIR}"' if at is None else ""
        self.object(name, resource, self.layouts[name], at, depth, attributes=namespace)

    def object(self, name: str, value: Any, layout: Layout, at: Trail, depth: int, *, attributes: str = "") -> None:
        """The element ``name`` for a JSON object with the members of ``layout``."""
        if type(value) is not dict:
            self.report("structure", "A JSON object is expected.", at)
            return
        if depth > MAX_DEPTH:
            self.report("too-long", f"XML is written to {MAX_DEPTH} levels.", at)
            return
        for slot in layout.attributes.values():
            if slot.name in value:
                attributes += f' {slot.name}="{self.text(slot, value[slot.name], (at, slot.step, -1))}"'
        slots = self.slots(value, layout, at)
        if not slots:
            self.parts.append(f"{self.breaks[depth]}<{name}{attributes}/>")
            return
        self.parts.append(f"{self.breaks[depth]}<{name}{attributes}>")
        for slot in slots:
            if slot.many:
                self.repeated(slot, value, at, depth + 1)
            elif slot.is_primitive:
                self.primitive(slot, value.get(slot.name), value.get(slot.beside), (at, slot.step, -1), depth + 1)
            else:
                self.value(slot, value[slot.name], (at, slot.step, -1), depth + 1)
        self.parts.append(f"{self.breaks[depth]}</{name}>")

    def slots(self, value: dict[str, Any], layout: Layout, at: Trail) -> list[Slot]:
        """The child elements to write, in the order of the definition."""
        found = []
        for key in value:
            slot = layout.members.get(key)
            if slot is None:
                self.unknown(key, layout, at)
            elif key == slot.name:
                if slot.is_element:
                    found.append(slot)
            elif slot.name not in value:
                found.append(slot)
        found.sort(key=_ORDER)
        return found

    def repeated(self, slot: Slot, value: dict[str, Any], at: Trail, depth: int) -> None:
        values, beside = value.get(slot.name, []), value.get(slot.beside, [])
        if type(values) is not list or type(beside) is not list:
            self.report("structure", "A JSON array is expected.", (at, slot.step, -1))
        elif slot.is_primitive:
            for index, (each, extensions) in enumerate(zip_longest(values, beside)):
                self.primitive(slot, each, extensions, (at, slot.step, index), depth)
        else:
            for index, each in enumerate(values):
                self.value(slot, each, (at, slot.step, index), depth)

    def value(self, slot: Slot, value: Any, at: Trail, depth: int) -> None:
        """An element that is not a primitive."""
        if slot.kind == "complex":
            self.object(slot.name, value, self.layouts[slot.type], at, depth)
        elif slot.kind == "xhtml":
            self.parts.append(self.breaks[depth] + self.narrative(value, at))
        else:
            self.parts.append(f"{self.breaks[depth]}<{slot.name}>")
            self.resource(value, at, depth + 1)
            self.parts.append(f"{self.breaks[depth]}</{slot.name}>")

    def primitive(self, slot: Slot, value: Any, beside: Any, at: Trail, depth: int) -> None:
        if beside is None:
            self.parts.append(f'{self.breaks[depth]}<{slot.name} value="{self.text(slot, value, at)}"/>')
            return
        attribute = "" if value is None else f' value="{self.text(slot, value, at)}"'
        self.object(slot.name, beside, self.layouts["Element"], at, depth, attributes=attribute)

    def text(self, slot: Slot, value: Any, at: Trail) -> str:
        try:
            return slot.write(value)
        except ValueError:
            self.report("value", f"The value is not a valid {slot.type}.", at)
            return ""

    def narrative(self, value: Any, at: Trail) -> str:
        try:
            return narrative.to_markup(value)
        except (TypeError, ValueError):
            self.report("value", "The narrative is not a well-formed XHTML div.", at)
            return ""

    def unknown(self, key: str, layout: Layout, at: Trail) -> None:
        if key == "resourceType" and layout.name in self.layouts.resource_types:
            return
        found = unknown(key, layout.name, layout.members)
        found.path += steps(at)
        self.problems.append(found)

    def report(self, code: str, text: str, at: Trail) -> None:
        self.problems.append(Problem(code, text, path=steps(at)))

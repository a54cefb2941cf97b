"""FHIR XML to JSON. https://hl7.org/fhir/R4/xml.html

The order of elements is not held against the sender, as JSON does not show it. What JSON could not hold is a problem:
unknown elements and attributes, text, other namespaces, a repetition where there is one value.
"""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from app.errors import Invalid
from app.fhir import markup
from app.fhir.resource import Resource
from app.fhir.validation.problems import Problem, issues, unknown
from app.fhir.xml import narrative
from app.fhir.xml.tables import FHIR, Layout, Layouts, Slot
from app.fhir.xml.trails import Trail, steps

_NOT_WELL_FORMED: Final = "The body is not well-formed XML, or beyond 256 levels or 10 million characters in one value"
_PREFIX: Final = f"{{{FHIR}}}"
_SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"


def read(data: bytes, layouts: Layouts) -> Resource:
    """The resource in ``data``. Raises ``Invalid`` with all problems, or the first if it is not well-formed XML."""
    try:
        root = markup.parse(data)
    except markup.DocumentTypeError as error:
        raise Invalid(str(error), "security") from error
    except etree.XMLSyntaxError as error:
        line, column = error.position
        text = f"{_NOT_WELL_FORMED}: line {line}, column {column}."
        raise Invalid(text, "structure", kind="not-well-formed") from error
    reader = _Reader(layouts)
    resource = reader.resource(root, None)
    if resource is None or reader.problems:
        raise Invalid(issues=tuple(issues(reader.problems, resource["resourceType"] if resource else "Resource")))
    return resource


class _Reader:
    """Goes through one document and collects its problems."""

    def __init__(self, layouts: Layouts) -> None:
        self.layouts = layouts
        self.problems: list[Problem] = []

    def resource(self, element: etree._Element, at: Trail) -> Resource | None:
        """The resource that ``element`` is; None, with a problem, when it is none."""
        namespace, _, name = str(element.tag).rpartition("}")
        if namespace + "}" != _PREFIX:
            self.report("structure", f"A resource must be in the namespace {FHIR}.", element, at)
            return None
        if name not in self.layouts.resource_types:
            self.report("structure", "This is not a resource type of this FHIR version.", element, at)
            return None
        return {"resourceType": name, **self.object(element, self.layouts[name], at)}

    def object(self, element: etree._Element, layout: Layout, at: Trail) -> dict[str, Any]:
        """The JSON object of an element that has the members of ``layout``."""
        found: dict[str, Any] = {}
        for name, text in element.items():
            self.attribute(str(name), str(text), found, element, layout=layout, at=at)
        if (blank := element.text) is not None and not blank.isspace():
            self.text(element, at)
        elements = layout.elements
        for child in element:
            slot = elements.get(child.tag)
            if slot is None:
                self.unexpected(child, layout, at)
            else:
                here = (at, slot.step, _count(found, slot) if slot.many else -1)
                if slot.is_primitive:
                    self.primitive(child, slot, here, found)
                elif slot.many:
                    found.setdefault(slot.name, []).append(self.value(child, slot, here))
                elif slot.name in found:
                    self.repeated(child, slot, here)
                else:
                    found[slot.name] = self.value(child, slot, here)
            if (blank := child.tail) is not None and not blank.isspace():
                self.text(element, at)
        return found

    def value(self, element: etree._Element, slot: Slot, at: Trail) -> Any:
        """The JSON value of an element that is not a primitive."""
        if slot.kind == "complex":
            return self.object(element, self.layouts[slot.type], at)
        if slot.kind == "xhtml":
            return narrative.from_element(element)
        return self.wrapped(element, at)

    def primitive(self, element: etree._Element, slot: Slot, at: Trail, found: dict[str, Any]) -> None:
        """Adds the value of a primitive, and the id and extensions beside it, to the object ``found``."""
        attributes = element.items()
        beside: dict[str, Any] | None = None
        if len(attributes) == 1 and attributes[0][0] == "value" and element.text is None and not len(element):
            text = str(attributes[0][1])
        else:
            beside = self.object(element, self.layouts.primitive, at)
            text = beside.pop("value", None)
            if text is None and not beside:
                self.report("structure", f"{slot.name} has no value, id or extension.", element, at)
        try:
            value = None if text is None else slot.read(text)
        except ValueError:
            wrong = f"The value is not a valid {slot.type}."
            self.report("value", wrong, element, at, kind="primitive", facts=(("type", slot.type),))
            value = None
        if slot.many:
            _append(found, slot, value, beside or None)
        elif slot.name in found or slot.beside in found:
            self.repeated(element, slot, at)
        else:
            if value is not None:
                found[slot.name] = value
            if beside:
                found[slot.beside] = beside

    def wrapped(self, element: etree._Element, at: Trail) -> Resource | None:
        """The resource inside ``contained``, ``Bundle.entry.resource`` and the like."""
        if element.keys():
            self.report("structure", "An element that holds a resource has no attributes.", element, at)
        if any(text and not text.isspace() for text in (element.text, *(child.tail for child in element))):
            self.text(element, at)
        resources = []
        for child in element:
            if isinstance(child.tag, str):
                resources.append(child)
            else:
                self.unexpected(child, self.layouts.primitive, at)
        if len(resources) == 1:
            return self.resource(resources[0], at)
        self.report("structure", "Exactly one resource is expected here.", element, at)
        return None

    def attribute(
        self, name: str, text: str, found: dict[str, Any], element: etree._Element, *, layout: Layout, at: Trail
    ) -> None:
        slot = layout.attributes.get(name)
        if slot is not None:
            found[slot.name] = slot.read(text)
        elif name != _SCHEMA_LOCATION or layout.name not in self.layouts.resource_types:
            self.report("structure", f"{layout.name} has no such attribute.", element, at)

    def text(self, element: etree._Element, at: Trail) -> None:
        self.report("structure", "Text belongs into attributes and the narrative.", element, at)

    def repeated(self, element: etree._Element, slot: Slot, at: Trail) -> None:
        self.report("structure", f"{slot.name} may be given once.", element, at, kind="once")

    def unexpected(self, child: etree._Element, layout: Layout, at: Trail) -> None:
        tag: object = child.tag
        if tag is etree.Comment:
            return
        if not isinstance(tag, str):
            self.report("structure", "A processing instruction is not allowed here.", child, at)
        elif not tag.startswith(_PREFIX):
            self.report("structure", f"This element is not in the namespace {FHIR}.", child, at)
        else:
            found = unknown(tag.removeprefix(_PREFIX), layout.name, layout.members)
            found.text += _line(child)
            found.path += steps(at)
            self.problems.append(found)

    def report(
        self,
        code: str,
        text: str,
        element: etree._Element,
        at: Trail,
        *,
        kind: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.problems.append(Problem(code, text + _line(element), path=steps(at), kind=kind, facts=facts))


def _line(element: etree._Element) -> str:
    return f" (line {element.sourceline})"


def _append(found: dict[str, Any], slot: Slot, value: Any, beside: dict[str, Any] | None) -> None:
    """One more value of an array, and what is beside it. JSON has either array only when there is something in it."""
    count = _count(found, slot)
    if value is not None or slot.name in found:
        found.setdefault(slot.name, [None] * count).append(value)
    if beside is not None or slot.beside in found:
        found.setdefault(slot.beside, [None] * count).append(beside)


def _count(found: dict[str, Any], slot: Slot) -> int:
    return len(found.get(slot.name) or found.get(slot.beside, ()))

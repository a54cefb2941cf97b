"""Checks compiled from the tables, one per type, when it is first met: https://hl7.org/fhir/R4/validation.html."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.fhir.definitions import Definitions, Element
from app.fhir.validation.bindings import bound
from app.fhir.validation.codes import LANGUAGE, form_of, formed, is_language
from app.fhir.validation.contents import content_check, distinct_ids
from app.fhir.validation.invariants import Invariant, of_version
from app.fhir.validation.narrative import narrative
from app.fhir.validation.nesting import Nesting
from app.fhir.validation.objects import Shape, array_check, beside_array_check, object_check
from app.fhir.validation.primitives import primitive
from app.fhir.validation.problems import Check, ConditionalReference, LocalReference, Problem, Problems, foreign
from app.fhir.validation.quick import Quick, quick_coded, quick_primitive, unless
from app.fhir.validation.references import misdirected, quick_reference, reference, reference_type


class Checks:
    """The checks of one FHIR version, by type; ``resource`` checks any resource."""

    __slots__ = ("_definitions", "_nesting", "_open", "_references", "_resources", "_types")

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._types: dict[str, Check] = {"xhtml": narrative}
        self._references: dict[frozenset[str], Check] = {}
        self._resources: dict[str, Check] = {}
        self._open: set[str | frozenset[str]] = set()
        """Types, and targets of references, that are being compiled: what they find of these is inside them."""
        self._nesting = Nesting()

    def whole(self, value: Any) -> Problems | None:
        """The problems of a resource that stands by itself; also that it nests too deeply."""
        problems = self.resource(value)
        too_deep = self._nesting.measured(value)
        return problems if too_deep is None else [too_deep]

    def resource(self, value: Any) -> Problems | None:
        """The problems of a resource that is not contained in another."""
        problems = self.contained(value)
        return _settled(problems, value) if problems is not None else None

    def contained(self, value: Any) -> Problems | None:
        """The problems of a resource, its references to contained ones left open."""
        if type(value) is not dict:
            text = "The JSON must have an object with a resourceType (a resource) here."
            return [Problem("structure", text, kind="not-an-object")]
        name = value.get("resourceType")
        check = self._resources.get(name) if type(name) is str else None
        if check is not None:
            return check(value)
        if type(name) is not str:
            text = "A resource must say what it is: add resourceType, such as Observation."
            return [Problem("structure", text, kind="no-resource-type")]
        if name not in self._definitions.resource_types:
            return [foreign(name, self._definitions.version)]
        self._resources[name] = self._compiled(name)
        return self._resources[name](value)

    def _compiled(self, name: str) -> Check:
        """The check of a resource type. When the stack ends here, what is half done is forgotten."""
        types, references = dict(self._types), dict(self._references)
        try:
            return self._type(name)
        except RecursionError:
            self._types, self._references = types, references
            raise
        finally:
            self._open.clear()

    def _type(self, name: str) -> Check:
        if name not in self._types:
            if name not in self._definitions.types:
                self._types[name] = primitive(name)
            else:
                shape = self._shape(name)
                self._types[name] = self._object(shape)
                self._open.add(name)
                self._fill(shape)
                self._open.remove(name)
        elif name in self._open:
            return self._nesting.counted(self._types[name])
        return self._types[name]

    def _object(self, shape: Shape) -> Check:
        return content_check(
            frozenset(self._lineage(shape.name)), object_check(shape), self._definitions.resource_types
        )

    def _lineage(self, name: str) -> Iterator[str]:
        yield name
        if name in self._definitions.bases:
            yield from self._lineage(self._definitions.bases[name])

    def _reference(self, targets: frozenset[str]) -> Check:
        """The check of a Reference to one of ``targets``; any when empty."""
        if targets not in self._references:
            shape = self._shape("Reference")
            self._references[targets] = self._object(shape)
            self._open.add(targets)
            self._fill(shape)
            self._open.remove(targets)
            known = self._definitions.resource_types
            shape.exact["reference"] = reference(self._type("string"), targets, known)
            shape.quick["reference"] = quick_reference(targets) if targets else shape.exact["reference"]
            if "type" in shape.exact:
                shape.exact["type"] = shape.quick["type"] = reference_type(self._type("uri"), targets)
        elif targets in self._open:
            return self._nesting.counted(self._references[targets])
        return self._references[targets]

    def _shape(self, name: str) -> Shape:
        return Shape(name, self._definitions.types[name], self._invariants(name))

    def _invariants(self, name: str) -> tuple[Invariant, ...]:
        listed = of_version(self._definitions.version)
        return tuple(each for kind in reversed(list(self._lineage(name))) for each in listed.get(kind, ()))

    def _fill(self, shape: Shape) -> None:
        """Gives a shape the checks of its members. It comes last: a type may have members of that same type."""
        for member, element in self._definitions.types[shape.name].items():
            shape.exact[member] = check = self._element(member, element, shape.name)
            shape.quick[member] = self._quick(member, element, shape.name) or check
            if element.is_primitive and element.xml == "element":
                beside = self._type("Element")
                shape.beside["_" + member] = (element, beside_array_check(beside) if element.many else beside)
        if shape.name in self._definitions.resource_types:
            shape.exact["resourceType"] = shape.quick["resourceType"] = _well

    def _element(self, member: str, element: Element, owner: str) -> Check:
        check: Check
        if element.type == "Resource":
            check = self._nesting.counted(self.contained if member == "contained" else self.resource)
        elif element.type == "Reference":
            check = self._reference(frozenset(element.targets))
        else:
            check = self._type(element.type)
        if element.binding:
            form = form_of(element.binding, owner)
            check = bound(element.type, check, value_set=element.binding, definitions=self._definitions, form=form)
        elif element.type == "code" and is_language(owner, member):
            check = formed(check, LANGUAGE)
        if not element.many:
            return check
        check = array_check(check, primitives=element.is_primitive)
        return distinct_ids(check) if member == "contained" else check

    def _quick(self, member: str, element: Element, owner: str) -> Quick | None:
        if element.many or not element.is_primitive:
            return None
        if element.binding is None:
            if element.type == "code" and is_language(owner, member):
                return unless("[a-z]{2}(?:-[A-Z]{2})?")
            return quick_primitive(element.type)
        codes = self._definitions.codes
        return quick_coded(codes[element.binding]) if element.binding in codes else None


def _well(_: Any) -> None:
    """Nothing is wrong: the type was looked up by this member."""


def _settled(problems: Problems, resource: dict[str, Any]) -> Problems | None:
    """The problems that remain, now that the resource around them is known."""
    left: Problems = []
    local: dict[str, Any] | None = None
    for problem in problems:
        if isinstance(problem, LocalReference):
            local = local or _local(resource)
            left.extend(_followed(problem, local))
        elif not isinstance(problem, ConditionalReference) or not _is_transaction(resource):
            left.append(problem)
    return left or None


def _local(resource: dict[str, Any]) -> dict[str, Any]:
    """The types that references within a resource may lead to, by fragment; "" is the resource itself."""
    contained = resource.get("contained")
    each = [item for item in contained if isinstance(item, dict)] if isinstance(contained, list) else []
    return {"": resource.get("resourceType")} | {
        item["id"]: item.get("resourceType") for item in each if isinstance(item.get("id"), str)
    }


def _followed(problem: LocalReference, local: dict[str, Any]) -> Problems:
    if problem.fragment not in local:
        return [problem]
    wrong = misdirected(str(local[problem.fragment]), problem.targets)
    if wrong is None:
        return []
    wrong.path = problem.path
    return [wrong]


def _is_transaction(resource: dict[str, Any]) -> bool:
    return resource.get("resourceType") == "Bundle" and resource.get("type") == "transaction"

"""Where a path leads in a resource: values with the place they stand at. https://hl7.org/fhir/R4/fhirpatch.html

Paths are FHIRPath (http://hl7.org/fhirpath/N1) within one resource: members, ``[n]``, ``where``, ``first``, ``last``,
``single``, ``extension``, ``ofType`` and ``as``; in the criteria of ``where`` also ``=``, ``!=``, ``and``, ``or``,
``is``, ``exists``, ``empty``, ``not``, and text, whole number and boolean literals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from app.errors import TooLarge
from app.fhir.definitions import Definitions, Element
from app.fhir.patching.elements import Item, items_of, members_named
from app.fhir.patching.json_values import same
from app.fhir.patching.working_copy import Inapplicable, Malformed
from app.fhir.paths import syntax
from app.fhir.paths.syntax import Node
from app.fhir.resource import Resource

VISITS: Final = 100_000
"""Elements that the operations of one patch may look at together."""

_FILTERS: Final = {"first": 0, "last": 0, "single": 0, "where": 1, "extension": 1}  # with their number of arguments
_QUESTIONS: Final = {"exists": (0, 1), "empty": (0,), "not": (0,)}

_NO_VALUE: Final = object()  # of a primitive that has extensions only: it exists, and compares with nothing


@dataclass(frozen=True, slots=True)
class Place:
    """One value of a resource: repetition ``index`` of ``member`` in the value at ``owner``; the resource has no owner.

    ``type`` is a FHIR type, a backbone path or a resource type.
    """

    type: str
    item: Item
    owner: Place | None = None
    member: str = ""
    index: int = 0
    element: Element | None = None

    @property
    def is_primitive(self) -> bool:
        """Whether the members within it (id, extension) stand beside the value."""
        return self.element is not None and self.element.is_primitive

    @property
    def inner_type(self) -> str:
        """The type whose elements its members are."""
        return "Element" if self.is_primitive else self.type

    @property
    def members(self) -> dict[str, Any]:
        """The JSON object that its members are in; an empty one when a primitive has none."""
        members = self.item[1] if self.is_primitive else self.item[0]
        return members if isinstance(members, dict) else {}


def refuse_unsupported(node: Node, *, criteria: bool = False) -> None:
    """Raises ``Malformed`` when a path, or ``criteria`` of ``where``, has something that is not followed here."""
    match node:
        case syntax.Focus(resource=True):
            raise Malformed("not-supported", "may not use %resource")
        case syntax.Focus():
            return
        case syntax.Constant() if criteria:
            return
        case syntax.Member(base) | syntax.Index(base) | syntax.TypeTest(base, "as"):
            refuse_unsupported(base)
        case syntax.TypeTest(base) if criteria:
            refuse_unsupported(base)
        case syntax.Operation(operator, left, right) if criteria and operator != "|":
            refuse_unsupported(left, criteria=True)
            refuse_unsupported(right, criteria=True)
        case syntax.Call(base, function, arguments):
            question = criteria and len(arguments) in _QUESTIONS.get(function, ())
            if not question and len(arguments) != _FILTERS.get(function):
                raise Malformed("not-supported", f"may not use {function}() in this way")
            if function == "extension" and not _is_text(arguments):
                raise Malformed("not-supported", "may use extension() with a text only")
            refuse_unsupported(base, criteria=question and not arguments)
            for each in arguments:
                refuse_unsupported(each, criteria=True)
        case _:
            raise Malformed("not-supported", "must lead to an element")


def _is_text(arguments: tuple[Node, ...]) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0], syntax.Constant) and isinstance(arguments[0].value, str)


class Places:
    """Follows the paths of one patch, which ``refuse_unsupported`` has nothing against."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._left = VISITS
        self._named: dict[tuple[str, str], dict[str, Element]] = {}

    def find(self, node: Node, resource: Resource) -> list[Place]:
        """The places in ``resource`` that a path leads to. Raises ``Inapplicable`` for an element that no type has."""
        return self._follow(node, [Place(resource["resourceType"], (resource, None))])

    def members_named(self, type_name: str, name: str) -> dict[str, Element]:
        """The JSON members that ``name`` stands for. Raises ``Inapplicable`` when there is none."""
        key = (type_name, name)
        if key not in self._named:
            self._named[key] = members_named(self._definitions, type_name, name)
        if not self._named[key]:
            raise Inapplicable("not-found", f"{type_name} has no element {name}.")
        return self._named[key]

    def items_of(self, owner: Place, member: str) -> list[Item]:
        """The repetitions of a member. Raises ``TooLarge`` when the patch has looked at too many."""
        items = items_of(owner.members, member)
        self._left -= 1 + len(items)
        if self._left < 0:
            raise TooLarge(f"The patch looks at more than {VISITS} elements.")
        return items

    def _follow(self, node: Node, focus: list[Place]) -> list[Place]:
        match node:
            case syntax.Focus():
                return focus
            case syntax.Member(base, name, first):
                return self._member(name, self._follow(base, focus), first=first)
            case syntax.Index(base, position):
                return self._follow(base, focus)[position : position + 1]
            case syntax.TypeTest(base, _, type_name):
                return [place for place in self._follow(base, focus) if self._is(place.type, type_name)]
            case syntax.Call(base, function, arguments):
                return self._filtered(function, self._follow(base, focus), arguments)
        raise AssertionError(node)

    def _member(self, name: str, places: list[Place], *, first: bool) -> list[Place]:
        if first and name[0].isupper():  # the type that the path begins with
            for place in places:
                if not self._is(place.type, name):
                    raise Inapplicable("value", f"the path begins with {name}, the resource is a {place.type}.")
            return places
        return [child for place in places for child in self._children(place, name)]

    def _children(self, place: Place, name: str) -> list[Place]:
        found = []
        for member, element in self.members_named(place.inner_type, name).items():
            for index, item in enumerate(self.items_of(place, member)):
                type_name: Any = element.type
                if type_name == "Resource":  # which it is, the resource itself says
                    type_name = item[0].get("resourceType") if isinstance(item[0], dict) else None
                if type_name in self._definitions.types or element.is_primitive:
                    found.append(Place(type_name, item, place, member, index, element))
        return found

    def _filtered(self, function: str, places: list[Place], arguments: tuple[Node, ...]) -> list[Place]:
        match function, arguments:
            case "first", _:
                return places[:1]
            case "last", _:
                return places[-1:]
            case "single", _:
                if len(places) > 1:
                    raise Inapplicable("multiple-matches", "the path uses single() on several elements.")
                return places
            case "extension", (syntax.Constant(url),):
                extensions = self._member("extension", places, first=False)
                return [place for place in extensions if place.members.get("url") == url]
            case _, (criteria,):
                return [place for place in places if self._values(criteria, place) == [True]]
        raise AssertionError(function)

    def _values(self, node: Node, focus: Place) -> list[Any]:
        """The JSON values of criteria; none for FHIRPath's empty, which is neither true nor false."""
        match node:
            case syntax.Constant(value):
                return [value]
            case syntax.Operation(operator, left, right):
                return _combined(operator, self._values(left, focus), self._values(right, focus))
            case syntax.Call(base, "exists", (criteria,)):
                return [any(self._values(criteria, each) == [True] for each in self._follow(base, [focus]))]
            case syntax.Call(base, ("exists" | "empty" | "not") as question):
                found = self._values(base, focus)
                if question == "not":
                    return [not found[0]] if len(found) == 1 and isinstance(found[0], bool) else []
                return [bool(found) is (question == "exists")]
            case syntax.TypeTest(base, "is", type_name):
                return [self._is(place.type, type_name) for place in self._follow(base, [focus])]
        found = [place.item[0] for place in self._follow(node, [focus])]
        return [_NO_VALUE if value is None else value for value in found]

    def _is(self, type_name: str, wanted: str) -> bool:
        current: str | None = type_name
        while current is not None and current != wanted:
            current = self._definitions.bases.get(current)
        return current is not None


def _combined(operator: str, left: list[Any], right: list[Any]) -> list[Any]:
    """What an operator makes of both sides, http://hl7.org/fhirpath/N1/#boolean-logic."""
    if operator in ("=", "!="):
        if not left or not right or _NO_VALUE in left or _NO_VALUE in right:
            return []
        return [same(left, right) is (operator == "=")]
    decides = operator == "or"
    if [decides] in (left, right):
        return [decides]
    return [not decides] if left == right == [not decides] else []

"""A profile's tree as checks, made once. https://hl7.org/fhir/R4/validation.html"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.fhir.definitions import Definitions
from app.fhir.profiles.bindings import bindings_of
from app.fhir.profiles.discriminators import Discriminating, Held, discriminators_of
from app.fhir.profiles.elements import Item, Rows, items_of, members_of
from app.fhir.profiles.invariants import invariants_of
from app.fhir.profiles.limits import limits_of
from app.fhir.profiles.reaching import Views, children_of, slices_of
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.slicing import DEFAULT, Found, Slice, Slicing, there, times
from app.fhir.profiles.tree import Node, Tree
from app.fhir.profiles.types import types_of
from app.fhir.profiles.values import Test, values_of
from app.fhir.terminology.membership import Terminology

_UNBOUNDED: Final = "*"


class Element:
    """What a profile asks of one element, or one slice of it.

    ``tests`` look at each value; ``children`` at what is in it. ``again`` is the element whose content this one has as
    well (``contentReference``); but for those ``apart``, which lead further back themselves. ``is_resource``: its
    values are resources of their own, contained or in an entry.
    """

    __slots__ = (
        *("_members", "_rows", "again", "apart", "children", "is_resource", "least", "most"),
        *("name", "slicing", "tests"),
    )

    def __init__(self, name: str, definitions: Definitions) -> None:
        self.name = name
        self.least: tuple[int, str] = (0, "")
        self.most: tuple[int, str] | None = None
        self.tests: tuple[Test, ...] = ()
        self.children: tuple[Element, ...] = ()
        self.slicing: Slicing | None = None
        self.is_resource = False
        self.again: Element | None = None
        self.apart: frozenset[str] = frozenset()
        self._members = definitions
        self._rows: dict[str, Rows] = {}

    def check(self, owner: Item, around: Place, run: Run) -> None:
        """Hold the values of the element in ``owner`` against the rules."""
        found = items_of(owner.object, self._rows_of(owner.owner))
        number = len(found)
        if number < self.least[0]:
            text = f"The profile asks for {self.name} at least {times(self.least[0])}, and it is {there(number)}."
            run.add((around, self.name, None), text, code="required", rule="min", profile=self.least[1])
        if not found:
            if self.slicing is not None:
                self.slicing.check((), around, run)
            return
        placed: list[tuple[Item, Place]] = [(item, (around, self.name, item.at)) for item in found]
        if self.most is not None and number > self.most[0]:
            text = f"The profile allows {self.name} at most {times(self.most[0])}, and it is {there(number)}."
            run.add(placed[self.most[0]][1], text, code="structure", rule="max", profile=self.most[1])
        for item, place in placed:
            self.check_item(item, place, run)
        if self.slicing is not None:
            self.slicing.check(placed, around, run)

    def _rows_of(self, kind: str) -> Rows:
        rows = self._rows.get(kind)
        if rows is None:
            members = members_of(self._members, kind)
            rows = self._rows[kind] = members.get(self.name, ())
        return rows

    def check_item(self, item: Item, place: Place, run: Run) -> None:
        """Hold one value, and what is in it, against the rules."""
        if self.is_resource and isinstance(item.value, dict):
            run = run.within(item.value)
        for test in self.tests:
            test(item, place, run)
        for child in self.children:
            child.check(item, place, run)
        if self.again is not None:
            for child in self.again.children:
                if child.name not in self.apart:
                    child.check(item, place, run)

    def check_slices(self, found: Found, around: Place, run: Run) -> None:
        """Hold the values of a slice against the slices within it."""
        if self.slicing is not None:
            self.slicing.check(found, around, run)


Made = dict[str, tuple[Node, Element]]
"""What was made so far, by the id of its node."""


class Compiler:
    """Makes checks of trees."""

    def __init__(self, definitions: Definitions, terminology: Terminology, held: Held) -> None:
        self._definitions = definitions
        self._terminology = terminology
        self._held = held
        self._discriminating = Discriminating(definitions, terminology, held)

    def compile(self, tree: Tree) -> Element:
        """The checks of a whole profile, to be used on a value of its type."""
        made: Made = {}
        root = self._element((tree.root,), made)
        for node, element in made.values():
            self._lead_back(node, element, made)
        return root

    def _lead_back(self, node: Node, element: Element, made: Made) -> None:
        """Where the content of an element is that of another path, as in Questionnaire.item.item, what is asked of that
        path is asked there as well. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.contentReference
        """
        for kind in node.types:
            if "." in kind and kind != node.path and kind in made:
                element.again = made[kind][1]
                element.apart = frozenset(name for name, each in node.children.items() if _leads_back(each))
        if element.again is None and len(node.types) == 1:
            element.children += tuple(self._leading_back(node.types[0], frozenset(node.children), made))

    def _leading_back(self, kind: str, own: frozenset[str], made: Made) -> Iterator[Element]:
        """The elements of a path that the profile says nothing of, and that lead to one that it does."""
        for name, rows in members_of(self._definitions, kind).items():
            below = rows[0].type
            if name in own or "." not in below:
                continue
            element = Element(name, self._definitions)
            if below != f"{kind}.{name}":
                element.again = made[below][1] if below in made else None
            else:
                element.children = tuple(self._leading_back(below, frozenset(), made))
            if element.again is not None or element.children:
                yield element

    def _element(self, views: Views, made: Made) -> Element:
        """``views`` has the element's own node, then what profiles of types further out say of it: they check that
        themselves, but it tells what the element is.
        """
        node = views[0]
        element = Element(node.name, self._definitions)
        element.is_resource = node.types == ("Resource",)
        made[node.id] = (node, element)  # by its path, where it is of no slice and not below one
        minimum = max(node.every("min"), key=lambda said: said[0], default=None)
        if minimum is not None:
            element.least = minimum
        bounded = [(int(most), profile) for most, profile in node.every("max") if most != _UNBOUNDED]
        element.most = min(bounded, key=lambda said: said[0], default=None)
        element.tests = tuple(self._tests(node))
        element.children = tuple(self._element(children_of(views, name, self._held), made) for name in node.children)
        if node.slices:
            element.slicing = self._slicing(views, made)
        return element

    def _tests(self, node: Node) -> Sequence[Test]:
        return (
            *types_of(node, self._held),
            *values_of(node),
            *limits_of(node),
            *bindings_of(node, self._terminology),
            *invariants_of(node, self._definitions, self._terminology),
        )

    def _slicing(self, views: Views, made: Made) -> Slicing:
        node = views[0]
        discriminators = discriminators_of(views)
        rules: list[tuple[Mapping[str, Any], str]] = list(node.every("slicing"))
        said = {each.get("rules", "open"): profile for each, profile in rules}
        ordered = [profile for each, profile in rules if each.get("ordered")]
        slices = tuple(self._slice(name, slices_of(views, name), discriminators, made) for name in node.slices)
        told = all(each.matches is not None or each.name == DEFAULT for each in slices)
        return Slicing(
            node.name,
            slices,
            said.get("closed") if told else None,  # else a value may be of a slice that nothing tells
            ordered[-1] if ordered else None,
            said.get("openAtEnd"),
        )

    def _slice(self, name: str, views: Views, discriminators: Sequence[Any], made: Made) -> Slice:
        element = self._element(views, made)
        least, most = element.least, element.most or (None, "")
        return Slice(
            name.rpartition("/")[2] if name.startswith("@") else name,
            self._discriminating.matches(views, discriminators),
            least[0],
            least[1],
            most[0],
            most[1],
            element,
        )


def _leads_back(node: Node) -> bool:
    return any("." in kind and kind != node.path for kind in node.types)

"""A response as a tree beside its Questionnaire: each item of it with the item that it answers, and its place.
https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from app.fhir.resource import Resource
from app.questionnaires.items import Form, Item, value_in

ROOT: Final = "QuestionnaireResponse"


@dataclass(slots=True, eq=False)
class Node:
    """One item of a response. ``item``: what it answers, None for a linkId that the Questionnaire does not have;
    ``answer``: the number of the answer of ``parent`` that it stands below; ``below``: what stands below each of its
    own answers, and by None what stands in itself; ``order`` and ``last``: the numbers of it
    and of the last one within it, in the order of the document.
    """

    item: Item | None
    raw: Resource
    path: str
    order: float
    parent: Node | None = field(default=None, repr=False)
    answer: int | None = None
    last: float = 0
    below: dict[int | None, list[Node]] = field(default_factory=dict, repr=False)

    @property
    def answers(self) -> list[tuple[int, Resource]]:
        """Those that have a value, each with its number."""
        return [(number, each) for number, each in enumerate(self.raw.get("answer", ())) if value_in(each)[0]]

    @property
    def children(self) -> Iterator[Node]:
        """All that stands directly below it."""
        for listed in self.below.values():
            yield from listed

    @property
    def in_place(self) -> bool:
        """Whether it stands below what its question stands below in the Questionnaire."""
        if self.item is None:
            return False
        above = None if self.parent is None else self.parent.item
        return self.item.parent is above and (self.parent is None or self.parent.in_place)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item is or would be: within ``node`` (None: at the top), below the answer of that number."""

    node: Node | None = None
    answer: int | None = None

    @property
    def key(self) -> tuple[float, int]:
        """The same for the same place."""
        return -1 if self.node is None else self.node.order, -1 if self.answer is None else self.answer

    @property
    def path(self) -> str:
        """Its FHIRPath."""
        if self.node is None:
            return ROOT
        return self.node.path if self.answer is None else f"{self.node.path}.answer[{self.answer}]"


@dataclass(frozen=True, slots=True)
class Filled:
    """A response beside its form. ``nodes`` in the order of the document."""

    form: Form
    response: Resource
    nodes: Sequence[Node]
    roots: list[Node]
    by_link_id: Mapping[str, Sequence[Node]]

    def at(self, place: Place) -> list[Node]:
        """What stands directly in a place."""
        if place.node is None:
            return self.roots
        return place.node.below.get(place.answer, [])

    def of_item(self, item: Item, place: Place) -> list[Node]:
        """The occurrences of an item in its place."""
        return [each for each in self.at(place) if each.item is item]

    def places(self, node: Node) -> Iterator[Place]:
        """The places within an item: a group is one; of a question each answer is one."""
        if node.item is None:
            return
        if not node.item.is_question:
            yield Place(node)
            return
        for number, _ in node.answers:
            yield Place(node, number)

    def empty(self, item: Item, place: Place) -> Node:
        """A group that is not there, as if it were there without anything in it."""
        order = self.order(item, place)
        return Node(item, {}, missing(item, place), order, place.node, place.answer, order)

    def order(self, item: Item, place: Place) -> float:
        """Where in the document the first occurrence of an item is in its place, or would be."""
        siblings = self.at(place)
        here = next((each for each in siblings if each.item is item), None)
        if here is not None:
            return here.order
        listed = item.parent.children if item.parent is not None else self.form.items
        before = {each.link_id for each in takewhile(lambda each: each is not item, listed)}
        earlier = [each.last for each in siblings if each.item is not None and each.item.link_id in before]
        if earlier:
            return max(earlier) + 0.5
        return -1 if place.node is None else place.node.order + 0.5

    def nearest(self, link_id: str, within: Place, order: float) -> Node | None:
        """The occurrence of a question in a place that is nearest to a point of the document: the last one before it,
        else the first one after it.
        """
        found = self.by_link_id.get(link_id, ())
        low, high = 0, len(found)
        if within.node is not None:
            inside = self.at(within)
            if not inside:
                return None
            low = bisect_left(found, inside[0].order, key=lambda each: each.order)
            high = bisect_right(found, inside[-1].last, key=lambda each: each.order)
        middle = bisect_left(found, order, key=lambda each: each.order)
        if low < middle <= high:
            return found[middle - 1]
        return found[max(low, middle)] if max(low, middle) < high else None


def missing(item: Item, place: Place) -> str:
    """The FHIRPath of an item that is not in its place."""
    quoted = item.link_id.replace("\\", "\\\\").replace("'", "\\'")
    return f"{place.path}.item.where(linkId='{quoted}')"


def filled(form: Form, response: Resource) -> Filled:
    """The tree of a response."""
    nodes: list[Node] = []
    roots = _below(form, response, Place(), nodes)
    by_link_id: dict[str, list[Node]] = {}
    for node in nodes:
        if node.item is not None:
            by_link_id.setdefault(node.item.link_id, []).append(node)
    return Filled(form, response, nodes, roots, by_link_id)


def _below(form: Form, element: Resource, place: Place, nodes: list[Node]) -> list[Node]:
    """The nodes of what stands in an element, which is a place; ``nodes`` are those before them, and get them all."""
    made = []
    for number, raw in enumerate(element.get("item", ())):
        item = form.by_link_id.get(raw.get("linkId", ""))
        node = Node(item, raw, f"{place.path}.item[{number}]", len(nodes), place.node, place.answer)
        nodes.append(node)
        node.below[None] = _below(form, raw, Place(node), nodes)
        for index, each in enumerate(raw.get("answer", ())):
            if "item" in each:
                node.below[index] = _below(form, each, Place(node, index), nodes)
        node.last = len(nodes) - 1
        made.append(node)
    return made

"""The snapshot of a profile: every element that an instance may have, in the order of its type, with all that holds.

https://hl7.org/fhir/R4/profiling.html#snapshot: the tree of differentials laid over FHIR's tables. Elements are
unfolded where a profile of the chain goes into them. FHIR's own texts are not in it; see ``snapshot_texts``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from app.fhir.definitions import Definitions
from app.fhir.packages import Library
from app.fhir.profiles.elements import members_of
from app.fhir.profiles.snapshot_element import Place, View, element_of, types_of
from app.fhir.profiles.tree import Node, NotHeld, Tree, tree_of
from app.fhir.resource import Resource

_ELEMENT: Final = "Element"
_VALUE: Final = "value"


def with_snapshot(profile: Resource, library: Library, definitions: Definitions) -> Resource:
    """The StructureDefinition, which the library holds too, with its snapshot made anew before its differential.

    Raises ``NotHeld`` and ``Unreadable``.
    """
    tree = tree_of(profile["url"], library, definitions)
    elements = {"element": snapshot_of(tree, library, definitions)}
    content: Resource = {}
    for name, value in profile.items():
        if name == "differential":
            content["snapshot"] = elements
        if name != "snapshot":
            content[name] = value
    return content


def snapshot_of(tree: Tree, library: Library, definitions: Definitions) -> list[Resource]:
    """The elements of the snapshot."""
    walk = _Walk(library, definitions, tree.canonical)
    root = View(Place(tree.type, tree.type, tree.type, (tree.type,)), (tree.root,), (tree.root,))
    return list(walk.element(root, frozenset((tree.canonical,))))


@dataclass(frozen=True, slots=True)
class _Walk:
    library: Library
    definitions: Definitions
    canonical: str
    _roots: dict[str, Node | None] = field(default_factory=dict)

    def element(self, view: View, followed: frozenset[str]) -> Iterator[Resource]:
        """The element, what is within it, and its slices, each with what is within that.

        ``followed`` are the profiles that are being unfolded: one that has itself within it is not gone into again.
        """
        profile = self._profile(view)
        root = None if profile is None or profile in followed else self._root(profile)
        typed = replace(view, typed=() if root is None else (root,))
        yield element_of(typed, self.definitions)
        yield from self._within(typed, followed if profile is None else followed | {profile})
        for name in dict.fromkeys(name for node in view.own for name in node.slices):
            yield from self.element(self._slice(view, name), followed)

    def _slice(self, view: View, name: str) -> View:
        own = tuple(node.slices[name] for node in view.own if name in node.slices)
        place = view.place
        row = next(
            (row for row in place.rows if row.name.endswith("[x]") and name == _member(row.name, row.type)), None
        )
        sliced = replace(
            place,
            id=f"{place.id.rpartition(':')[0] if place.slice_name else place.id}:{name}",
            slice_name=name,
            types=(row.type,) if row else place.types,
        )
        return View(sliced, (*view.nodes, *own), own)

    def _within(self, view: View, followed: frozenset[str]) -> Iterator[Resource]:
        nodes = (*view.typed, *view.nodes)
        if not (view.place.is_backbone or any(node.children for node in view.nodes)):
            return
        kind = self._unfolded(view)
        for place in self._places(view.place, kind):
            found = tuple(node.children[place.name] for node in nodes if place.name in node.children)
            yield from self.element(View(place, found, found), followed)

    def _unfolded(self, view: View) -> str:
        """The type whose elements stand within: what several types have in common is little."""
        if len(view.place.types) == 1 and view.place.types[0] in self.definitions.types:
            return view.place.types[0]
        kinds = [each["code"] for each in types_of(view, self.definitions)]
        return kinds[0] if len(kinds) == 1 else _ELEMENT

    def _places(self, parent: Place, kind: str) -> Iterator[Place]:
        """Where the elements of a type or path stand, in its order; of a primitive also its value."""
        known = kind if kind in self.definitions.types else _ELEMENT
        elements = self.definitions.types[known]
        for name in members_of(self.definitions, known):
            rows = tuple(each for each in elements.values() if each.name == name)
            yield Place(
                name,
                f"{parent.path}.{name}",
                f"{parent.id}.{name}",
                tuple(row.type for row in rows),
                rows=rows,
                base=f"{self._declaring(known, name)}.{name}",
            )
        if known != kind:
            yield Place(_VALUE, f"{parent.path}.value", f"{parent.id}.value", (), base=f"{kind}.value", value_of=kind)

    def _declaring(self, kind: str, name: str) -> str:
        """The most general type that has the element."""
        while (base := self.definitions.bases.get(kind)) and name in members_of(self.definitions, base):
            kind = base
        return kind

    def _profile(self, view: View) -> str | None:
        """The one profile that the only type of the element has."""
        if not any(True for node in view.nodes for _ in node.every("type")):
            return None
        kinds = types_of(view, self.definitions)
        profiles: list[str] = kinds[0].get("profile", []) if len(kinds) == 1 else []
        return profiles[0] if len(profiles) == 1 else None

    def _root(self, canonical: str) -> Node | None:
        """What a profile says of the whole, where it is held."""
        if canonical not in self._roots:
            try:
                self._roots[canonical] = tree_of(canonical, self.library, self.definitions).root
            except NotHeld:
                self._roots[canonical] = None
        return self._roots[canonical]


def _member(choice: str, kind: str) -> str:
    return choice.removesuffix("[x]") + kind[0].upper() + kind[1:]

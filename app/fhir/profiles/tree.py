"""What a profile and everything it is derived from ask of each element, as one tree.

https://hl7.org/fhir/R4/profiling.html#differential: a differential says what differs from its base. The chain of
differentials is laid on top of each other here, from FHIR's own type to the profile, and nothing is taken away: what a
base asks, its derivations ask too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.fhir.definitions import Definitions
from app.fhir.packages import Library
from app.fhir.profiles.elements import Rows, members_of
from app.fhir.resource import Resource

CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
"""Begins the canonicals of FHIR's own types."""
MOST_DERIVED: Final = 20
"""Profiles in a row that one may be derived from; more of them are a circle."""
_DEEPEST: Final = 64
"""Steps, and slices within slices, on the way to one element."""
_MAXIMUM: Final = re.compile(r"[0-9]{1,9}|\*")
_SEGMENT: Final = re.compile(r"(?P<name>[^:]+)(?::(?P<slice>.+))?")


class NotHeld(Exception):
    """A profile, or one that it is derived from, is not held; ``canonical`` says which."""

    def __init__(self, canonical: str) -> None:
        super().__init__(canonical)
        self.canonical = canonical


class Unreadable(Exception):
    """A StructureDefinition names an element that its type does not have; the text says which."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one profile says of an element: its ``ElementDefinition``."""

    profile: str
    definition: Resource


@dataclass(slots=True)
class Node:
    """One element, or one slice of it.

    ``name`` is the element's (``value[x]``; for the root the type), ``path`` where it stands in its type and ``id`` the
    same with slices. ``types`` are those that FHIR's tables give it: FHIR types, or the path of the elements that it
    has. ``rules`` are in the order of the chain, FHIR's own first.
    """

    name: str
    path: str
    id: str
    types: tuple[str, ...]
    slice_name: str | None = None
    rules: list[Rule] = field(default_factory=list)
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    def last(self, name: str) -> Any:
        """What the most derived profile that says it has for a member of ElementDefinition."""
        return next((rule.definition[name] for rule in reversed(self.rules) if name in rule.definition), None)

    def every(self, name: str) -> Iterator[tuple[Any, str]]:
        """What each profile has for that member, with the profile."""
        for rule in self.rules:
            if name in rule.definition:
                yield rule.definition[name], rule.profile


@dataclass(frozen=True, slots=True)
class Tree:
    """A profile, with the ``chain`` of StructureDefinitions that it is made of, FHIR's own side first."""

    canonical: str
    type: str
    abstract: bool
    chain: tuple[Resource, ...]
    root: Node


def tree_of(canonical: str, library: Library, definitions: Definitions) -> Tree:
    """The tree of a profile. Raises ``NotHeld`` and ``Unreadable``."""
    chain = _chain(canonical, library, definitions)
    profile = chain[-1]
    kind: str = profile["type"]
    root = Node(kind, kind, kind, (kind,))
    for each in chain:
        for element in _elements(each):
            if not _MAXIMUM.fullmatch(element.get("max", "*")):
                raise Unreadable(f"the max of {element['path']} is neither a number nor *")
            _node_of(root, element, definitions).rules.append(Rule(each["url"], element))
    return Tree(profile["url"], kind, bool(profile.get("abstract")), chain, root)


def _chain(canonical: str, library: Library, definitions: Definitions) -> tuple[Resource, ...]:
    """The constraints from FHIR's own type to the profile."""
    found: list[Resource] = []
    wanted = canonical
    while len(found) < MOST_DERIVED:
        artifact = library.find(definitions.version, "StructureDefinition", wanted)
        if artifact is None:
            if found and wanted.startswith(CORE) and wanted.removeprefix(CORE) in definitions.types:
                return tuple(found)
            raise NotHeld(wanted)
        resource = artifact.resource()
        if resource.get("derivation") != "constraint":
            if not found:
                raise NotHeld(wanted)  # a type, which is no profile
            return tuple(found)
        found.insert(0, resource)
        wanted = resource["baseDefinition"]
    raise Unreadable(f"{canonical} is derived from itself")


def _elements(profile: Resource) -> list[Resource]:
    """Those of the differential; of a profile that has none, those of the snapshot."""
    part = profile.get("differential") or profile.get("snapshot") or {}
    elements: list[Resource] = part.get("element", [])
    return elements


def _node_of(root: Node, element: Resource, definitions: Definitions) -> Node:
    """The node that an element is about, made where it is not there yet. Raises ``Unreadable``."""
    _, *steps = _segments(element)
    node = root
    for name, slice_name in steps:
        node = _child(node, name, slice_name, definitions)
    return node


def _segments(element: Resource) -> list[tuple[str, str | None]]:
    """(Element, slice) of each step; ids have the slices, paths only the elements."""
    path: str = element["path"]
    steps: list[tuple[str, str | None]] = []
    parts = str(element.get("id", path)).split(".")
    if len(parts) != len(path.split(".")):
        raise Unreadable(f"the element id of {path} is of another path")
    if len(parts) + sum(each.count("/") for each in (*parts, element.get("sliceName", ""))) > _DEEPEST:
        raise Unreadable("an element lies too deep")
    for part in parts:
        found = _SEGMENT.fullmatch(part)
        if found is None:
            raise Unreadable(f"the element id of {path} cannot be read")
        steps.append((found["name"], found["slice"]))
    if element.get("sliceName") and steps[-1][1] is None:
        steps[-1] = (steps[-1][0], element["sliceName"])
    return steps


def _child(parent: Node, name: str, slice_name: str | None, definitions: Definitions) -> Node:
    """A child by its name or that of one choice (``valueQuantity``: the slice of ``value[x]`` with that type)."""
    rows: Mapping[str, Rows] = {}
    found = None
    for kind in _narrowed(parent):
        rows = members_of(definitions, kind)
        found = _element_of(rows, name)
        if found is not None:
            break
    if found is None and name != "value":  # of a primitive, whose value has no rules of its own
        raise Unreadable(f"{parent.path} has no element {name}")
    name, choice = found or (name, None)
    own = rows.get(name, ())
    node = _own(parent, name, tuple(dict.fromkeys(row.type for row in own)))
    slice_name = choice or slice_name
    if slice_name is None:
        return node
    sliced = _slice(node, slice_name)
    if only := next((row.type for row in own if row.member == slice_name), None):
        sliced.types = (only,)
    return sliced


def _element_of(rows: Mapping[str, Rows], name: str) -> tuple[str, str | None] | None:
    """The element that a name means, also one said without its [x], and the choice of it, if it is the name of one."""
    for element in (name, f"{name}[x]"):
        if element in rows:
            return element, None
    for element in rows:
        if element.endswith("[x]") and any(row.member == name for row in rows[element]):
            return element, name
    return None


def _narrowed(node: Node) -> tuple[str, ...]:
    """The types that an element can have, as the profiles say so far, else as the tables have them."""
    said = node.last("type")
    codes = tuple(dict.fromkeys(each["code"] for each in said if "code" in each)) if said else ()
    if node.types == ("Resource",):  # of one type or a few, in an entry or contained
        return codes or node.types
    known = tuple(each for each in codes if each in node.types)
    return known or node.types


def _own(parent: Node, name: str, types: tuple[str, ...]) -> Node:
    if name not in parent.children:
        parent.children[name] = Node(name, f"{parent.path}.{name}", f"{parent.id}.{name}", types)
    return parent.children[name]


def _slice(node: Node, slice_name: str) -> Node:
    """A slice; ``a/b`` is the slice ``b`` within the slice ``a``."""
    within = node
    parts = slice_name.split("/")
    for end in range(1, len(parts) + 1):
        name = "/".join(parts[:end])
        if name not in within.slices:
            within.slices[name] = Node(node.name, node.path, f"{node.id}:{name}", node.types, name)
        within = within.slices[name]
    return within

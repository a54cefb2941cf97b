"""What a profile's tree says of each place in a resource, without the engine: where the damage generator breaks things.

Which values are of a slice is told here by fixed values, patterns, types and the urls of extensions only; slices that
are told otherwise are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.fhir.definitions import Definitions
from app.fhir.profiles.elements import Item, Row, items_of, members_of
from app.fhir.profiles.tree import Node, Tree
from app.fhir.profiles.types import allowed_by

Keys = tuple[str | int, ...]
"""The way to something in a resource, by JSON members and indexes."""
Telling = tuple[tuple[str, tuple[str, ...]], ...]
"""The kinds of the discriminators that look at a place or below it, with the elements that are still to go."""

_EXTENSIONS: Final = ("extension", "modifierExtension")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an element, and where it stands."""

    item: Item
    row: Row
    keys: Keys
    path: str


@dataclass(frozen=True, slots=True)
class Spot:
    """An element, or a slice of it, in one object: ``owner`` leads to the object, ``around`` is its path as issues
    write it, ``kind`` its type. ``values`` are those of the element or slice, ``every`` all of the element.

    ``telling``: what stands here tells of which slice something further out is, ``tells``: or of which slice it is
    itself. ``constraints`` are those of the element and further out.
    """

    node: Node
    owner: Keys
    around: str
    kind: str
    values: tuple[Value, ...]
    every: tuple[Value, ...]
    telling: bool
    tells: bool
    is_slice: bool
    constraints: tuple[dict[str, Any], ...]

    @property
    def path(self) -> str:
        return f"{self.around}.{self.node.name.removesuffix('[x]')}"


@dataclass(frozen=True, slots=True)
class Root:
    """A value of the type that a tree is of, and where it stands."""

    tree: Tree
    item: Item
    keys: Keys
    path: str


def spots(root: Root, definitions: Definitions) -> Iterator[Spot]:
    """Everything that a tree says of a value of its type, outermost first."""
    constraints = tuple(each for listed, _ in root.tree.root.every("constraint") for each in listed)
    whole = (root.tree.root, root.item, root.keys, root.path)
    yield from _below(*whole, telling=(), constraints=constraints, definitions=definitions)


def _below(
    node: Node,
    item: Item,
    keys: Keys,
    path: str,
    *,
    telling: Telling,
    constraints: tuple[dict[str, Any], ...],
    definitions: Definitions,
) -> Iterator[Spot]:
    for name, child in node.children.items():
        rows = members_of(definitions, item.owner).get(name, ())
        every = tuple(_values(item, rows, keys, f"{path}.{name.removesuffix('[x]')}"))
        here = _onwards(telling, name)
        discriminators = _discriminators(child)
        told = (*here, *discriminators) if child.slices else here
        for each, values in _parts(child, every, discriminators):
            said = [one for node in {id(child): child, id(each): each}.values() for one in node.every("constraint")]
            own = (*constraints, *(one for listed, _ in said for one in listed))
            yield Spot(each, keys, path, item.owner, values, every, bool(here), bool(told), each is not child, own)
            for value in values:
                below = value.keys if isinstance(value.item.value, dict) else _beside(value.keys)
                here_below = (each, value.item, below, value.path)
                yield from _below(*here_below, telling=told, constraints=own, definitions=definitions)


def _parts(node: Node, every: tuple[Value, ...], discriminators: Telling) -> Iterator[tuple[Node, tuple[Value, ...]]]:
    """The element, and those of its slices of which the values can be told."""
    yield node, every
    for each in node.slices.values():
        told = [belongs(each, value.item, discriminators) for value in every]
        if None not in told and (every or belongs(each, Item({}, None, "", None), discriminators) is not None):
            yield each, tuple(value for value, own in zip(every, told, strict=True) if own)


def _values(item: Item, rows: Sequence[Row], keys: Keys, path: str) -> Iterator[Value]:
    for row in rows:
        for each in items_of(item.object, (row,)):
            at = () if each.at is None else (each.at,)
            where = path if each.at is None else f"{path}[{each.at}]"
            yield Value(each, row, (*keys, row.member, *at), where)


def _beside(keys: Keys) -> Keys:
    """Where what stands beside a primitive is."""
    *around, last = keys
    if isinstance(last, int):
        return (*around[:-1], f"_{around[-1]}", last)
    return (*around, f"_{last}")


def _onwards(telling: Telling, name: str) -> Telling:
    found = []
    for kind, names in telling:
        if names and names[0] == name.removesuffix("[x]"):
            found.append((kind, names[1:]))
        elif not names and kind != "type":
            found.append((kind, ()))
    return tuple(found)


def _discriminators(node: Node) -> Telling:
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    for slicing, _ in node.every("slicing"):
        for each in slicing.get("discriminator", ()):
            names = each["path"].replace("$this", "").replace("resolve()", "").replace("[x]", "").split(".")
            found[each["type"], tuple(name.partition("(")[0] for name in names if name)] = None
    if not found and node.name in _EXTENSIONS:
        return (("value", ("url",)),)
    if not found and node.name.endswith("[x]"):
        return (("type", ()),)
    return tuple(found)


def belongs(node: Node, item: Item, discriminators: Telling) -> bool | None:
    """Whether a value is of a slice; None where this module cannot tell."""
    for kind, names in discriminators:
        if kind == "type" and not names:
            codes = {code for allowed in allowed_by(node) for code in allowed.profiles} or set(node.types)
            if item.type not in codes:
                return False
        elif kind in ("value", "pattern"):
            found = _fits(node, item, names)
            if found is not True:
                return found
        else:
            return None
    return True if discriminators else None


def _fits(node: Node, item: Item, names: tuple[str, ...]) -> bool | None:
    if names == ("url",) and node.name in _EXTENSIONS:
        urls = {url for allowed in allowed_by(node) for url in allowed.profiles.get("Extension", ())}
        if urls:
            return item.object.get("url") in urls
    wanted = list(_wanted(node, ()))
    asked = [(at, value, whole) for at, value, whole in wanted if at[: len(names)] == names or names[: len(at)] == at]
    if not asked:
        return None
    return all(any(has(each, value, whole=whole) for each in reached(item.value, at)) for at, value, whole in asked)


def _wanted(node: Node, at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """The fixed values (whole) and patterns in and below a node, with the way to them."""
    for rule in node.rules:
        for name, value in rule.definition.items():
            if name.startswith(("fixed", "pattern")):
                yield at, value, name.startswith("fixed")
    for child in node.children.values():
        yield from _wanted(child, (*at, child.name.removesuffix("[x]")))
        for each in child.slices.values():
            if any(minimum for minimum, _ in each.every("min")):
                yield from _wanted(each, (*at, child.name.removesuffix("[x]")))


def reached(value: Any, names: Sequence[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from reached(each, names)
    elif not names:
        yield value
    elif isinstance(value, dict):
        for member, each in value.items():
            if member == names[0] or (member.startswith(names[0]) and member[len(names[0])].isupper()):
                yield from reached(each, names[1:])


def has(value: Any, wanted: Any, *, whole: bool) -> bool:
    """Whether a value is the wanted one, or has what a pattern has."""
    if whole or not isinstance(wanted, dict | list):
        return bool(value == wanted)
    if isinstance(wanted, list):
        return isinstance(value, list) and all(any(has(e, w, whole=False) for e in value) for w in wanted)
    return isinstance(value, dict) and all(k in value and has(value[k], w, whole=False) for k, w in wanted.items())

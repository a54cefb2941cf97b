"""Copies of a valid resource that each break one rule of its profiles, made from the definitions.

What is broken is looked up in the trees of the profiles (``walking``), and so is what else must then be wrong.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from app.fhir.definitions import Definitions
from app.fhir.packages import Library
from app.fhir.profiles.bindings import value_set_of
from app.fhir.profiles.elements import Item, Row, members_of
from app.fhir.profiles.tree import CORE, Node, NotHeld, Tree, Unreadable, tree_of
from app.fhir.profiles.types import allowed_by
from app.fhir.resource import Resource
from app.fhir.terminology.membership import Terminology
from app.fhir.validation import validate
from tests.fhir.generated import Maker
from tests.profiles.walking import Keys, Root, Spot, Value, spots

_CODED: Final = {
    "code": "anders",
    "Coding": {"system": "urn:oid:2.999", "code": "anders"},
    "CodeableConcept": {"coding": [{"system": "urn:oid:2.999", "code": "anders"}]},
}
_OF_TYPES: Final = frozenset({"binding", "fixed", "pattern", "slice-min", "slice-closed"})
"""Rules that a value of another type breaks as well."""
_OF_TARGETS: Final = frozenset({"target-profile", "min", "max", "type", "fixed", "pattern", "binding"})
"""Another reference to the same; and what a resource breaks that is contained and claims its profile itself."""
_VALUES: Final = frozenset({"fixed", "pattern"})


@dataclass(frozen=True, slots=True)
class Damage:
    """What is broken: the issue that must say so, and the resource.

    ``implied`` are the rules that the same edit breaks or may break: others of the element, and constraints on it and
    further out. ``element`` is what the definitions call the broken element. ``targets``: what references then lead to.
    """

    rule: str
    path: str
    profile: str
    element: str
    resource: Resource
    implied: frozenset[str] = frozenset()
    targets: Mapping[str, Resource] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Break:
    rule: str
    path: str
    profile: str
    edit: Callable[[Resource], None]
    implied: frozenset[str] = frozenset()


@dataclass
class Damaging:
    """Makes damaged copies of resources of one FHIR version."""

    definitions: Definitions
    library: Library
    terminology: Terminology
    _trees: dict[str, Tree | None] = field(default_factory=dict)

    def tree(self, canonical: str) -> Tree | None:
        if canonical not in self._trees:
            try:
                self._trees[canonical] = tree_of(canonical, self.library, self.definitions)
            except (NotHeld, Unreadable):
                self._trees[canonical] = None
        return self._trees[canonical]

    def damages(self, resource: Resource, canonical: str) -> Iterator[Damage]:
        """Every copy that can be made with one rule of the profile, or of those that it leads to, broken."""
        tree = self.tree(canonical)
        assert tree is not None, canonical
        kind = resource["resourceType"]
        for root in self._roots(Root(tree, Item(resource, None, kind, None), (), kind)):
            for spot in spots(root, self.definitions):
                for breaking in _KINDS:
                    for each in breaking(self, spot):
                        yield self._made(resource, each, spot.node.id, spot)
            for each in _of_extension(root):
                yield self._made(resource, each, root.path)

    def of_targets(self, resource: Resource, canonical: str, known: Mapping[str, Resource]) -> Iterator[Damage]:
        """For each reference to what is known or contained: what it leads to, broken."""
        tree = self.tree(canonical)
        assert tree is not None, canonical
        kind = resource["resourceType"]
        for spot in spots(Root(tree, Item(resource, None, kind, None), (), kind), self.definitions):
            for allowed in allowed_by(spot.node):
                for value in spot.values if not spot.tells else ():
                    literal = value.item.object.get("reference", "")
                    target = known.get(literal) or contained(resource, literal)
                    damaged = target and self._target(target, allowed.targets.get("Reference", ()))
                    if not damaged:
                        continue
                    changed_one = copy.deepcopy(resource)
                    if literal.startswith("#"):
                        listed = changed_one["contained"]
                        listed[:] = [damaged if each.get("id") == literal[1:] else each for each in listed]
                    targets = {} if literal.startswith("#") else {literal: damaged}
                    path = (value.path, allowed.profile, spot.node.id)
                    yield Damage("target-profile", *path, changed_one, _OF_TARGETS, targets)

    def _target(self, target: Resource, listed: Sequence[str]) -> Resource | None:
        """The target with something broken that each profile which it may have asks for."""
        kind = target["resourceType"]
        profiles = [each for each in listed if self.type_of(each) == kind]
        trees = [self.tree(each) for each in profiles]
        chains = [{each["url"] for each in tree.chain} for tree in trees if tree is not None]
        if not chains or len(chains) < len(profiles) or {self.type_of(each) for each in listed} & {"Resource", "Any"}:
            return None
        said = set.intersection(*chains)
        for each in self.damages(target, profiles[0]):
            if each.profile in said and not any(
                one.severity == "error" for one in validate(each.resource, self.definitions)
            ):
                return each.resource
        return None

    def _made(self, resource: Resource, broken: _Break, element: str, spot: Spot | None = None) -> Damage:
        damaged = copy.deepcopy(resource)
        broken.edit(damaged)
        implied = set(broken.implied)
        for each in spot.constraints if spot is not None else ():
            implied.add(each["key"])
        return Damage(broken.rule, broken.path, broken.profile, element, damaged, frozenset(implied))

    def _roots(self, root: Root) -> Iterator[Root]:
        """The resource, its extensions with their definitions, and values with the profile of their type."""
        yield root
        for spot in spots(root, self.definitions):
            for value in spot.values:
                canonical = _profile_of(spot.node, value)
                tree = self.tree(canonical) if canonical else None
                if tree is not None and isinstance(value.item.value, dict):
                    yield from self._roots(Root(tree, value.item, value.keys, value.path))

    def rows(self, spot: Spot) -> tuple[Row, ...]:
        return members_of(self.definitions, spot.kind if spot.kind in self.definitions.types else "Element").get(
            spot.node.name, ()
        )

    def value(self, spot: Spot, row: Row) -> Any:
        maker = Maker(self.definitions, random.Random(0), richness=0, beside=0)
        return maker.value(spot.kind, row.member, self.definitions.types[spot.kind][row.member], depth=9)

    def type_of(self, canonical: str) -> str:
        kind = canonical.partition("|")[0].removeprefix(CORE)
        if kind in self.definitions.types:
            return kind
        tree = self.tree(canonical)
        return tree.type if tree is not None else "Resource"


def _profile_of(node: Node, value: Value) -> str | None:
    if value.item.type == "Extension":
        url: str = value.item.object.get("url", "")
        return url if ":" in url else None
    listed = [each for allowed in allowed_by(node) for each in allowed.profiles.get(value.item.type, ())]
    return listed[-1] if len(set(listed)) == 1 else None


def at(resource: Resource, keys: Keys) -> Any:
    found: Any = resource
    for key in keys:
        found = found[key]
    return found


def contained(resource: Resource, literal: str) -> Resource | None:
    return next((each for each in resource.get("contained", ()) if literal == f"#{each.get('id')}"), None)


def _set(keys: Keys, value: Any) -> Callable[[Resource], None]:
    def edit(resource: Resource) -> None:
        at(resource, keys[:-1])[keys[-1]] = copy.deepcopy(value)

    return edit


def _dropping(spot: Spot, dropped: Sequence[Value]) -> Callable[[Resource], None]:
    def edit(resource: Resource) -> None:
        owner = at(resource, spot.owner)
        for value in reversed(dropped):
            for member in (value.row.member, value.row.beside):
                if value.item.at is None:
                    owner.pop(member, None)
                elif member in owner and value.item.at < len(owner[member]):
                    del owner[member][value.item.at]
                    if not owner[member]:
                        del owner[member]

    return edit


def _adding(keys: Keys, member: str, values: Sequence[Any]) -> Callable[[Resource], None]:
    def edit(resource: Resource) -> None:
        at(resource, keys).setdefault(member, []).extend(copy.deepcopy(each) for each in values)

    return edit


def _minimum(_: Damaging, spot: Spot) -> Iterator[_Break]:
    least, profile = max(spot.node.every("min"), key=lambda said: said[0], default=(0, ""))
    if spot.telling or not least or len(spot.values) < least:
        return
    implied = {"slice-min"} if spot.node.slices else set()
    if spot.is_slice:
        implied = {"min"}
    elif spot.node.name in ("code", "coding"):
        implied |= {"binding"}
    rule = "slice-min" if spot.is_slice else "min"
    yield _Break(rule, spot.path, profile, _dropping(spot, spot.values[least - 1 :]), frozenset(implied))


def _maximum(damaging: Damaging, spot: Spot) -> Iterator[_Break]:
    bounded = [(int(most), profile) for most, profile in spot.node.every("max") if most != "*"]
    rows = damaging.rows(spot)
    if spot.telling or not bounded or not rows:
        return
    most, profile = min(bounded, key=lambda said: said[0])
    row = spot.values[0].row if spot.values else rows[0]
    if not spot.values:
        if most == 0 and not spot.is_slice and not spot.every:
            value = damaging.value(spot, row)
            path = f"{spot.path}[0]" if row.many else spot.path
            yield _Break("max", path, profile, _set((*spot.owner, row.member), [value] if row.many else value))
        return
    value = spot.values[-1].item.value
    if not row.many or value is None or most < len(spot.values):
        return
    added = most + 1 - len(spot.values)
    path = f"{spot.path}[{len(spot.every) + added - 1}]"
    rule = "slice-max" if spot.is_slice else "max"
    implied = {"max", "slice-max"} - {rule} if spot.is_slice or spot.node.slices else set()
    yield _Break(rule, path, profile, _adding(spot.owner, row.member, [value] * added), frozenset(implied))


def _type(damaging: Damaging, spot: Spot) -> Iterator[_Break]:
    allowed = list(allowed_by(spot.node))
    if not spot.node.name.endswith("[x]") or not allowed or not spot.every or spot.telling or spot.is_slice:
        return
    for said in reversed(allowed):
        others = [row for row in damaging.rows(spot) if row.type not in said.profiles]
        if others:
            old, new = spot.every[0].row.member, others[0]
            made = damaging.value(spot, new)

            def edit(resource: Resource, old: str = old, new: Row = new, made: Any = made) -> None:
                owner = at(resource, spot.owner)
                owner.pop(old, None)
                owner.pop(f"_{old}", None)
                owner[new.member] = made

            yield _Break("type", spot.path, said.profile, edit, _OF_TYPES)
            return


def _fixed(_: Damaging, spot: Spot) -> Iterator[_Break]:
    if spot.tells or (spot.kind, spot.node.name) == ("Extension", "url"):
        return  # another url is another extension
    said = [
        (next(each for each in _VALUES if name.startswith(each)), value, rule.profile)
        for rule in spot.node.rules
        for name, value in rule.definition.items()
        if name.startswith(tuple(_VALUES))
    ]
    for rule, wanted, profile in said:
        for value in spot.values:
            if value.item.value is not None:
                edit = _set(value.keys, changed(value.item.value, wanted))
                yield _Break(rule, value.path, profile, edit, _VALUES if len(said) > 1 else frozenset({"binding"}))


def changed(value: Any, wanted: Any) -> Any:
    """A value that is not as a fixed value or pattern has it."""
    if isinstance(wanted, dict):
        name = next((each for each in ("code", "value", "coding", "system") if each in wanted), next(iter(wanted)))
        return {**value, name: changed(value.get(name), wanted[name])}
    if isinstance(wanted, list):
        return [changed(each, wanted[0]) for each in value or ()]
    if isinstance(wanted, bool):
        return not wanted
    if isinstance(wanted, int | Decimal):
        return wanted + 1
    return "urn:anders" if ":" in wanted else "anders"


def _binding(damaging: Damaging, spot: Spot) -> Iterator[_Break]:
    bound = [(each, profile) for each, profile in spot.node.every("binding") if each.get("strength") == "required"]
    if spot.tells or not bound or any(_has_values(spot.node)):
        return
    binding, profile = bound[-1]
    value_set = value_set_of(binding)
    membership = damaging.terminology.membership(value_set) if value_set else None
    for value in spot.values:
        if value.item.value is not None and value.item.type in _CODED and membership and not membership.missing:
            edit = _set(value.keys, _CODED[value.item.type])
            yield _Break("binding", value.path, profile, edit, frozenset({"binding", "slice-min"}))


def _has_values(node: Node) -> Iterator[bool]:
    yield from (True for rule in node.rules for name in rule.definition if name.startswith(tuple(_VALUES)))
    for each in (*node.children.values(), *node.slices.values()):
        yield from _has_values(each)


def _limit(_: Damaging, spot: Spot) -> Iterator[_Break]:
    for rule in spot.node.rules:
        for name, limit in rule.definition.items():
            for prefix, key, beyond in (("minValue", "min-value", -1), ("maxValue", "max-value", 1)):
                if name.startswith(prefix) and spot.values and not spot.tells:
                    value = spot.values[0]
                    made = {**limit, "value": limit["value"] + beyond} if isinstance(limit, dict) else limit + beyond
                    whole = {**value.item.value, **made} if isinstance(made, dict) else made
                    yield _Break(key, value.path, rule.profile, _set(value.keys, whole), frozenset({key}))


def _reference(damaging: Damaging, spot: Spot) -> Iterator[_Break]:
    for allowed in allowed_by(spot.node):
        targets = allowed.targets.get("Reference", ())
        kinds = {damaging.type_of(each) for each in targets}
        for value in spot.values if targets and not spot.tells and "Resource" not in kinds else ():
            element = damaging.definitions.types[spot.kind][value.row.member]
            others = sorted(set(element.targets or damaging.definitions.resource_types) - kinds)
            if others and value.item.type == "Reference":
                edit = _set(value.keys, {"reference": f"{others[0]}/1"})
                yield _Break("reference-type", value.path, allowed.profile, edit)


def _of_extension(root: Root) -> Iterator[_Break]:
    """A part that the definition of an extension does not have; the extension where it may not stand."""
    if root.tree.type != "Extension" or not root.keys:
        return
    own = root.tree.root.children.get("extension")
    parts = own.slices if own is not None else {}
    number = len(root.item.object.get("extension", ()))
    if parts and number:
        part = {"url": "onbekend", "valueString": "onbekend"}
        path = f"{root.path}.extension[{number}]"
        edit = _adding(root.keys, "extension", [part])
        yield _Break("extension-url", path, root.tree.canonical, edit, frozenset({"max"}))
    contexts = {
        each if isinstance(each, str) else each["expression"] for each in root.tree.chain[-1].get("context", ())
    }
    kind = root.path.partition(".")[0]
    elsewhere = {"*", "Any", "Element", "Meta", "Resource.meta", "Resource.category"}
    if contexts and contexts.isdisjoint(elsewhere):
        edit = _adding(("meta",), "extension", [root.item.value])
        yield _Break("extension-context", f"{kind}.meta.extension[0]", root.tree.canonical, edit)


_KINDS: Final = (_minimum, _maximum, _type, _fixed, _binding, _limit, _reference)

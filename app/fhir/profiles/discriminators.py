"""Which slice a value belongs to. https://hl7.org/fhir/R4/profiling.html#discriminator"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from app.fhir.definitions import Definitions
from app.fhir.profiles.bindings import Bound, asked_of, concepts_of
from app.fhir.profiles.elements import Item, items_of, members_of
from app.fhir.profiles.matching import Fits, fitting, fixed
from app.fhir.profiles.reaching import Step, Trees, Views, below, implied, needed, steps_of
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import CORE, Node
from app.fhir.profiles.types import ANY, allowed_by, type_referred, whole
from app.fhir.profiles.types import Held as HeldByTypes
from app.fhir.resource import Resource
from app.fhir.terminology.membership import Terminology

Matches = Callable[[Item, Place, Run], bool]

_BY_URL: Final = {"type": "value", "path": "url"}
_BY_TYPE: Final = {"type": "type", "path": "$this"}
_OF_REFERENCES: Final = frozenset({"type", "profile"})


def discriminators_of(views: Views) -> list[Resource]:
    """Those of a sliced element; unsaid, extensions are told apart by url and choices by type."""
    found: list[Resource] = []
    for view in views:
        for slicing, _ in view.every("slicing"):
            found += [each for each in slicing.get("discriminator", ()) if each not in found]
        if found:
            break
    node = views[0]
    if not found and node.name in ("extension", "modifierExtension"):
        return [_BY_URL]
    if not found and node.name.endswith("[x]"):
        return [_BY_TYPE]
    return found


class Held(HeldByTypes, Trees, Protocol):
    """What discriminators ask of the profiles that are held."""


class Discriminating:
    """Makes the tests by which the slices of one element are told apart."""

    def __init__(self, definitions: Definitions, terminology: Terminology, held: Held) -> None:
        self._definitions = definitions
        self._terminology = terminology
        self._held = held

    def matches(self, sliced: Views, discriminators: Sequence[Resource]) -> Matches | None:
        """Whether a value is of the slice; None where nothing that the slice says tells."""
        made = [self._one(sliced, each) for each in discriminators]
        told = [each for each in made if each is not None]
        if not told or len(told) < len(made):
            return None
        if len(told) == 1:
            return told[0]
        return lambda item, place, run: all(each(item, place, run) for each in told)

    def _one(self, sliced: Views, discriminator: Resource) -> Matches | None:
        steps = steps_of(discriminator["path"])
        if steps is None:
            return None
        kind = discriminator["type"]
        if kind in _OF_REFERENCES and steps and steps[-1].resolves:
            return self._of_target(kind, below(sliced, steps[:-1], self._held), steps[:-1])
        nodes = below(sliced, steps, self._held)
        if kind == "exists":
            return self._exists(nodes, steps)
        if kind == "type":
            return self._type(nodes, steps)
        if kind == "profile":
            return self._profile(nodes, steps)
        return self._value(sliced, nodes, steps) or self._by_extension(sliced, steps)

    def _value(self, sliced: Views, nodes: Views, steps: Sequence[Step]) -> Matches | None:
        told = [self._any(steps, each) for each in map(self.expected, nodes) if each is not None]
        told += [self._any(steps, _compared(fitting(value))) for value in implied(sliced, steps, self._held)]
        if len(told) < 2:
            return told[0] if told else None
        return lambda item, place, run: all(each(item, place, run) for each in told)

    def _any(self, steps: Sequence[Step], expected: Matches) -> Matches:
        if not steps:
            return expected
        return lambda item, place, run: any(expected(each, place, run) for each in self.reached(item, steps, run))

    @staticmethod
    def _by_extension(sliced: Views, steps: Sequence[Step]) -> Matches | None:
        """An extension's url follows from the definition that the slice names."""
        if [step.name for step in steps] != ["url"]:
            return None
        urls = frozenset(
            profile
            for node in sliced
            for allowed in allowed_by(node)
            for profile in allowed.profiles.get("Extension", ())
        )
        if not urls:
            return None
        return lambda item, _place, _run: isinstance(item.value, dict) and item.value.get("url") in urls

    def expected(self, node: Node) -> Matches | None:
        """What the values of an element must be, as far as the profiles say: as they are fixed or patterned, else as
        they are bound and by what is below them.
        """
        tests = list(_valued(node)) or list(self._by_content(node))
        tests = tests or [below for each in needed(node) if (below := self.expected(each)) is not None]
        tests = tests or list(self._typed(node))
        if len(tests) < 2:
            return tests[0] if tests else None
        return lambda item, place, run: all(each(item, place, run) for each in tests)

    def _by_content(self, node: Node) -> Iterator[Matches]:
        yield from self._bound(node)
        for child in node.children.values():
            below = self.expected(child)
            if below is not None:
                yield self._any((Step(name=child.name.removesuffix("[x]")),), below)
            yield from self._needed(child)

    def _needed(self, child: Node) -> Iterator[Matches]:
        """A slice of a child that must be there tells as well."""
        for each in self._of_needed_slices(child):
            yield self._any((Step(name=child.name.removesuffix("[x]")),), each)

    def _of_needed_slices(self, node: Node) -> list[Matches]:
        needed = [each for each in node.slices.values() if any(minimum for minimum, _ in each.every("min"))]
        return [below for each in needed if (below := self.expected(each)) is not None]

    def _bound(self, node: Node) -> Iterator[Matches]:
        for strength, value_set, profile in asked_of(node):
            if strength == "required":
                bound = Bound("required", self._terminology.membership(value_set), profile)
                yield _has_code(bound)

    def _typed(self, node: Node) -> Iterator[Matches]:
        """A type profile, where nothing else tells."""
        for allowed in allowed_by(node):
            profiles = [each for listed in allowed.profiles.values() for each in listed]
            if profiles and (conforming := self._conforming(profiles)) is not None:
                yield conforming

    def _exists(self, nodes: Views, steps: Sequence[Step]) -> Matches | None:
        there = any(minimum for node in nodes for minimum, _ in node.every("min"))
        absent = any(maximum == "0" for node in nodes for maximum, _ in node.every("max"))
        if there == absent:
            return None
        return lambda item, _place, run: bool(self.reached(item, steps, run)) is there

    def _type(self, nodes: Views, steps: Sequence[Step]) -> Matches | None:
        allowed = [each for node in nodes for each in allowed_by(node)]
        kinds = set(allowed[-1].profiles) if allowed else set()
        if nodes and not allowed and not steps:
            kinds = set(nodes[0].types)  # a choice by its name: valueQuantity
        if not kinds or not kinds.isdisjoint(ANY):
            return None
        return lambda item, _place, run: any(self._is_of(each.type, kinds) for each in self.reached(item, steps, run))

    def _is_of(self, kind: str | None, kinds: set[str]) -> bool:
        return kind is not None and (kind in kinds or not kinds.isdisjoint(self._held.lineage(kind)))

    def _of_target(self, kind: str, nodes: Views, steps: Sequence[Step]) -> Matches | None:
        """By the type or the profile of what a reference leads to."""
        profiles: list[str] = []
        for node in nodes:
            for allowed in allowed_by(node):
                profiles = [each for own in allowed.targets.values() for each in own] or profiles
        if not profiles:
            return None
        if kind == "profile":
            leading = self._leading(profiles)
            return None if leading is None else self._any(steps, leading)
        kinds = {own for each in profiles if (own := self._held.type_of(each)) is not None}
        if not kinds or not kinds.isdisjoint(ANY):
            return None
        return self._any(steps, lambda item, _place, run: self._is_of(self._referred(item, run), kinds))

    @staticmethod
    def _referred(item: Item, run: Run) -> str | None:
        if not isinstance(item.value, dict):
            return None
        if (kind := type_referred(item.value)) is not None:
            return kind
        target = run.sought(item.value)
        return None if target is None else str(target["resourceType"])

    def _profile(self, nodes: Views, steps: Sequence[Step]) -> Matches | None:
        profiles: list[str] = []
        for node in nodes:
            for allowed in allowed_by(node):
                profiles = [each for own in allowed.profiles.values() for each in own] or profiles
        conforming = self._conforming(profiles)
        return None if conforming is None else self._any(steps, conforming)

    def _conforming(self, profiles: Iterable[str]) -> Matches | None:
        """To one of the profiles, or of a type by its own canonical; None where one of them is not held."""
        tests = [self._conforming_to(each) for each in dict.fromkeys(profiles)]
        told = [each for each in tests if each is not None]
        if not told or len(told) < len(tests):
            return None
        return lambda item, place, run: any(each(item, place, run) for each in told)

    def _conforming_to(self, canonical: str) -> Matches | None:
        if self._held.tree(canonical) is None:
            kind = self._held.type_of(canonical) if canonical.startswith(CORE) else None
            return None if kind is None else lambda item, _place, _run: self._is_of(item.type, {kind})

        def test(item: Item, place: Place, run: Run) -> bool:
            found = self._held.conforms(item, canonical, place, run)
            return found is not None and not found.failed

        return test

    def _leading(self, profiles: Sequence[str]) -> Matches | None:
        """To a resource that conforms; one that is not known may, where the reference says no other type."""
        conforming = self._conforming(profiles)
        if conforming is None:
            return None

        def test(item: Item, place: Place, run: Run) -> bool:
            if not isinstance(item.value, dict):
                return False
            target = run.target(item.value)
            if target is not None:
                return conforming(whole(target), place, run.aside(target))
            kind = type_referred(item.value)
            if kind is None or any(self._held.type_of(each) == kind for each in profiles):
                run.sought(item.value)
            return False

        return test

    def reached(self, item: Item, steps: Sequence[Step], run: Run) -> list[Item]:
        """The values that a path leads to."""
        found = [item]
        for step in steps:
            if step.type:
                found = [each for each in found if each.type == step.type]
            elif step.resolves:
                targets = (run.sought(each.value) for each in found if isinstance(each.value, dict))
                found = [whole(target) for target in targets if target is not None]
            else:
                found = [below for each in found for below in self._stepped(each, step)]
        return found

    def _stepped(self, item: Item, step: Step) -> list[Item]:
        rows = members_of(self._definitions, item.owner)
        named = rows.get(step.name) or rows.get(f"{step.name}[x]")
        found = items_of(item.object, named) if named else []
        if step.url:
            found = [each for each in found if isinstance(each.value, dict) and each.value.get("url") == step.url]
        return found


def _valued(node: Node) -> Iterator[Matches]:
    for rule in node.rules:
        for name, wanted in rule.definition.items():
            if name.startswith("fixed"):
                yield _compared(fixed(wanted))
            elif name.startswith("pattern"):
                yield _compared(fitting(wanted))


def _compared(fits: Fits) -> Matches:
    return lambda item, _place, _run: fits(item.value)


def _has_code(bound: Bound) -> Matches:
    return lambda item, _place, _run: any(bound.verdict(each) == "in" for each in concepts_of(item.value) or ())

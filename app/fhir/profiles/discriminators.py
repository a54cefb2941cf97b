"""Which slice a value belongs to. https://hl7.org/fhir/R4/profiling.html#discriminator"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.fhir.definitions import Definitions
from app.fhir.profiles.bindings import Bound, concepts_of, value_set_of
from app.fhir.profiles.elements import Item, items_of, members_of
from app.fhir.profiles.matching import Fits, fitting, fixed
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import Node
from app.fhir.profiles.types import ANY, Held, allowed_by, type_referred, whole
from app.fhir.resource import Resource
from app.fhir.terminology.membership import Terminology

Matches = Callable[[Item, Place, Run], bool]

_STEP: Final = re.compile(
    r"\$this|resolve\(\)|extension\((?:url\s*=\s*)?'(?P<url>[^']*)'\)|ofType\((?P<type>\w+)\)|(?P<name>\w+)(?:\[x\])?"
)
_BY_URL: Final = {"type": "value", "path": "url"}
_BY_TYPE: Final = {"type": "type", "path": "$this"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a discriminator's path: an element, an extension by its ``url``, a type, or ``resolve()``."""

    name: str = ""
    url: str = ""
    type: str = ""
    resolves: bool = False


def discriminators_of(node: Node) -> list[Resource]:
    """Those of a sliced element; unsaid, extensions are told apart by url and choices by type."""
    found: list[Resource] = []
    for slicing, _ in node.every("slicing"):
        found += [each for each in slicing.get("discriminator", ()) if each not in found]
    if not found and node.name in ("extension", "modifierExtension"):
        return [_BY_URL]
    if not found and node.name.endswith("[x]"):
        return [_BY_TYPE]
    return found


def steps_of(path: str) -> list[Step] | None:
    """The steps of a discriminator's path; None for one that is not of the few forms it may have."""
    steps: list[Step] = []
    rest = path.strip()
    while rest:
        found = _STEP.match(rest)
        if found is None:
            return None
        text = found[0]
        if text == "resolve()":
            steps.append(Step(resolves=True))
        elif found["url"] is not None:
            steps.append(Step(name="extension", url=found["url"]))
        elif found["type"]:
            steps.append(Step(type=found["type"]))
        elif text != "$this":
            steps.append(Step(name=found["name"]))
        rest = rest[found.end() :]
        if rest:
            if not rest.startswith("."):
                return None
            rest = rest[1:]
    return steps


class Discriminating:
    """Makes the tests by which the slices of one element are told apart."""

    def __init__(self, definitions: Definitions, terminology: Terminology, held: Held) -> None:
        self._definitions = definitions
        self._terminology = terminology
        self._held = held

    def matches(self, sliced: Node, discriminators: Sequence[Resource]) -> Matches | None:
        """Whether a value is of the slice; None where nothing that the slice says tells."""
        made = [self._one(sliced, each) for each in discriminators]
        told = [each for each in made if each is not None]
        if not told or len(told) < len(made):
            return None
        if len(told) == 1:
            return told[0]
        return lambda item, place, run: all(each(item, place, run) for each in told)

    def _one(self, sliced: Node, discriminator: Resource) -> Matches | None:
        steps = steps_of(discriminator["path"])
        if steps is None:
            return None
        node = _below(sliced, steps)
        kind = discriminator["type"]
        if kind == "exists":
            return self._exists(node, steps)
        if kind == "type":
            return self._type(sliced, node, steps)
        if kind == "profile":
            return None if node is None else self._profile(node, steps)
        if node is None:
            return self._by_extension(sliced, steps)
        expected = self.expected(node)
        if expected is None:
            return self._by_extension(sliced, steps)
        return self._any(steps, expected)

    def _any(self, steps: Sequence[Step], expected: Matches) -> Matches:
        if not steps:
            return expected
        return lambda item, place, run: any(expected(each, place, run) for each in self.reached(item, steps, run))

    def _by_extension(self, sliced: Node, steps: Sequence[Step]) -> Matches | None:
        """An extension's url follows from the definition that the slice names."""
        if [step.name for step in steps] != ["url"]:
            return None
        urls = frozenset(profile for allowed in allowed_by(sliced) for profile in allowed.profiles.get("Extension", ()))
        if not urls:
            return None
        return lambda item, _place, _run: isinstance(item.value, dict) and item.value.get("url") in urls

    def expected(self, node: Node) -> Matches | None:
        """What the values of an element must be, as far as the profiles say: fixed, patterned, bound, or by what is
        below them.
        """
        tests = [*_valued(node), *self._bound(node)]
        for child in node.children.values():
            below = self.expected(child)
            if below is not None:
                tests.append(self._any((Step(name=child.name.removesuffix("[x]")),), below))
            tests += self._needed(child)
        tests = tests or self._of_needed_slices(node)[:1] or list(self._typed(node))
        if not tests:
            return None
        if len(tests) == 1:
            return tests[0]
        return lambda item, place, run: all(each(item, place, run) for each in tests)

    def _needed(self, child: Node) -> Iterator[Matches]:
        """A slice of a child that must be there tells as well."""
        for below in self._of_needed_slices(child):
            yield self._any((Step(name=child.name.removesuffix("[x]")),), below)

    def _of_needed_slices(self, node: Node) -> list[Matches]:
        needed = [each for each in node.slices.values() if any(minimum for minimum, _ in each.every("min"))]
        return [below for each in needed if (below := self.expected(each)) is not None]

    def _bound(self, node: Node) -> Iterator[Matches]:
        for binding, profile in node.every("binding"):
            value_set = value_set_of(binding)
            if binding.get("strength") == "required" and value_set:
                bound = Bound("required", self._terminology.membership(value_set), profile)
                yield _has_code(bound)

    def _typed(self, node: Node) -> Iterator[Matches]:
        """A type profile, where nothing else tells."""
        for allowed in allowed_by(node):
            profiles = [each for listed in allowed.profiles.values() for each in listed]
            if profiles:
                yield self._conforming(profiles)

    def _exists(self, node: Node | None, steps: Sequence[Step]) -> Matches | None:
        if node is None:
            return None
        there = any(minimum for minimum, _ in node.every("min"))
        absent = any(maximum == "0" for maximum, _ in node.every("max"))
        if there == absent:
            return None
        return lambda item, _place, run: bool(self.reached(item, steps, run)) is there

    def _type(self, sliced: Node, node: Node | None, steps: Sequence[Step]) -> Matches | None:
        kinds: set[str] = set()
        resolves = any(step.resolves for step in steps)
        if node is not None and (allowed := list(allowed_by(node))):
            if resolves:
                kinds = {
                    kind
                    for each in allowed[-1].targets.get("Reference", ())
                    if (kind := self._held.type_of(each)) is not None
                }
            else:
                kinds = set(allowed[-1].profiles)
        elif node is not None and not steps:
            kinds = set(sliced.types)  # a choice by its name: valueQuantity
        if not kinds or not kinds.isdisjoint(ANY):
            return None
        plain = [step for step in steps if not step.resolves]

        def test(item: Item, _place: Place, run: Run) -> bool:
            found = [item] if not plain else self.reached(item, plain, run)
            for each in found:
                kind = self._referred(each, run) if resolves else each.type
                if kind is not None and (kind in kinds or not kinds.isdisjoint(self._held.lineage(kind))):
                    return True
            return False

        return test

    @staticmethod
    def _referred(item: Item, run: Run) -> str | None:
        if not isinstance(item.value, dict):
            return None
        target = run.target(item.value)
        return target["resourceType"] if target is not None else type_referred(item.value)

    def _profile(self, node: Node, steps: Sequence[Step]) -> Matches | None:
        resolves = bool(steps) and steps[-1].resolves
        profiles: list[str] = []
        for allowed in allowed_by(node):
            listed = allowed.targets if resolves else allowed.profiles
            profiles = [each for own in listed.values() for each in own]
        if not profiles:
            return None
        if not resolves:
            return self._any(steps, self._conforming(profiles))
        return self._any(steps[:-1], self._leading(profiles))

    def _conforming(self, profiles: Iterable[str]) -> Matches:
        def test(item: Item, place: Place, run: Run) -> bool:
            found = (self._held.conforms(item, each, place, run) for each in profiles)
            return any(each is not None and not each.failed for each in found)

        return test

    def _leading(self, profiles: Sequence[str]) -> Matches:
        """To a resource that conforms; where it is not known, the type that the reference says must do."""
        conforming = self._conforming(profiles)

        def test(item: Item, place: Place, run: Run) -> bool:
            if not isinstance(item.value, dict):
                return False
            target = run.target(item.value)
            if target is not None:
                return conforming(whole(target), place, run.aside(target))
            kind = type_referred(item.value)
            return kind is not None and any(self._held.type_of(each) == kind for each in profiles)

        return test

    def reached(self, item: Item, steps: Sequence[Step], run: Run) -> list[Item]:
        """The values that a path leads to."""
        found = [item]
        for step in steps:
            if step.type:
                found = [each for each in found if each.type == step.type]
            elif step.resolves:
                targets = (run.target(each.value) for each in found if isinstance(each.value, dict))
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


def _below(node: Node, steps: Sequence[Step]) -> Node | None:
    """The node that a path leads to from a slice; None where the profiles say nothing of it."""
    current: Node | None = node
    for step in steps:
        if current is None:
            return None
        if step.resolves:
            continue
        if step.type:
            current = next((each for each in current.slices.values() if step.type in _codes(each)), current)
        elif step.url:
            own = current.children.get("extension")
            current = None if own is None else next((each for each in own.slices.values() if _is(each, step.url)), None)
        else:
            current = current.children.get(step.name) or current.children.get(f"{step.name}[x]")
    return current


def _codes(node: Node) -> set[str]:
    return {code for allowed in allowed_by(node) for code in allowed.profiles} or set(node.types)


def _is(node: Node, url: str) -> bool:
    return any(url in allowed.profiles.get("Extension", ()) for allowed in allowed_by(node))


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

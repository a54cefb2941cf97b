"""The steps of a discriminator's path, and what the profiles say of the element that they lead to.

https://hl7.org/fhir/R4/profiling.html#discriminator
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from app.fhir.profiles.tree import Node, Tree
from app.fhir.profiles.types import allowed_by

_STEP: Final = re.compile(
    r"\$this|resolve\(\)|extension\((?:url\s*=\s*)?'(?P<url>[^']*)'\)|ofType\((?P<type>\w+)\)|(?P<name>\w+)(?:\[x\])?"
)

Views = tuple[Node, ...]
"""What several profiles say of one element: its own node, and those in the profiles of the types that lead to it."""


class Trees(Protocol):
    """What is asked of the profiles that are held."""

    def tree(self, canonical: str) -> Tree | None:
        """The tree of a profile; None when it is not held or cannot be read."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a discriminator's path: an element, an extension by its ``url``, a type, or ``resolve()``."""

    name: str = ""
    url: str = ""
    type: str = ""
    resolves: bool = False


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


def below(views: Views, steps: Sequence[Step], trees: Trees) -> Views:
    """What the profiles say of the element that a path leads to; nothing where they say nothing of it."""
    for step in steps:
        views = tuple(found for view in views for found in _stepped(view, step, trees))
    return views


def seen(views: Views, trees: Trees) -> Views:
    """The same element, also as the profile of its type has it."""
    return (*views, *(root for view in views for root in _typed(view, trees)))


def children_of(views: Views, name: str, trees: Trees) -> Views:
    """What profiles say of an element within."""
    return tuple(view.children[name] for view in seen(views, trees) if name in view.children)


def slices_of(views: Views, name: str) -> Views:
    """What profiles say of a slice."""
    return tuple(view.slices[name] for view in views if name in view.slices)


def implied(views: Views, steps: Sequence[Step], trees: Trees) -> Iterator[Any]:
    """What the fixed values and patterns further out have for the element that a path leads to."""
    for number in range(len(steps)):
        names = [step.name for step in steps[number:]]
        if not all(names) or any(step.url for step in steps[number:]):
            continue
        for view in below(views, steps[:number], trees):
            for value in _valued(view):
                yield from _within(value, names)


def needed(node: Node) -> Views:
    """The first slice that must be there, or the only one there is: it tells what the values of the element are."""
    for each in node.slices.values():
        if any(minimum for minimum, _ in each.every("min")):
            return (each,)
    return tuple(node.slices.values()) if len(node.slices) == 1 else ()


def _stepped(node: Node, step: Step, trees: Trees) -> Iterator[Node]:
    if step.resolves:
        yield from _targeted(node, trees)
        return
    for view in seen((node,), trees):
        if step.type:
            yield next((each for each in view.slices.values() if step.type in _codes(each)), view)
        elif step.url:
            own = view.children.get("extension")
            yield from (each for each in (own.slices.values() if own is not None else ()) if _is(each, step.url))
        else:
            child = view.children.get(step.name) or view.children.get(f"{step.name}[x]")
            if child is not None:
                yield child
                yield from needed(child)


def _typed(node: Node, trees: Trees) -> Iterator[Node]:
    """The root of the profile that an element's type has, where it is one."""
    for allowed in allowed_by(node):
        profiles = [each for listed in allowed.profiles.values() for each in listed]
        if len(profiles) == 1 and len(allowed.profiles) == 1 and (tree := trees.tree(profiles[0])) is not None:
            yield tree.root


def _targeted(node: Node, trees: Trees) -> Iterator[Node]:
    """The root of the profile that a reference leads to, where it is one."""
    for allowed in allowed_by(node):
        profiles = [each for listed in allowed.targets.values() for each in listed]
        if len(profiles) == 1 and (tree := trees.tree(profiles[0])) is not None:
            yield tree.root


def _valued(node: Node) -> Iterator[Any]:
    for rule in node.rules:
        for name, value in rule.definition.items():
            if name.startswith(("fixed", "pattern")):
                yield value


def _within(value: Any, names: Sequence[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _within(each, names)
    elif not names:
        yield value
    elif isinstance(value, dict) and names[0] in value:
        yield from _within(value[names[0]], names[1:])


def _codes(node: Node) -> set[str]:
    return {code for allowed in allowed_by(node) for code in allowed.profiles} or set(node.types)


def _is(node: Node, url: str) -> bool:
    return any(url in allowed.profiles.get("Extension", ()) for allowed in allowed_by(node))

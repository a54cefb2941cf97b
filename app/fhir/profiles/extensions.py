"""The extensions of a resource, each held against its own definition.

https://hl7.org/fhir/R4/defining-extensions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

from app.fhir.definitions import Definitions, Element
from app.fhir.profiles import checks
from app.fhir.profiles.elements import Item
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import Tree
from app.fhir.resource import Resource

_NAMES: Final = ("extension", "modifierExtension")
_EVERYWHERE: Final = frozenset({"*", "Element", "Any"})

Steps = tuple[tuple[str, int | None], ...]
"""JSON members with their index, from the resource to an object."""


class Held(Protocol):
    """What extensions ask of the profiles that are held."""

    def definition(self, canonical: str) -> tuple[Tree, checks.Element] | None:
        """The tree and the checks of a profile; None when it is not held."""

    def conforms(self, item: Item, canonical: str, place: Place, run: Run) -> Run | None:
        """What is found when a value is held against a profile; None when that is not held."""

    def lineage(self, kind: str) -> frozenset[str]:
        """The type and all that it specializes."""


class Extensions:
    """Looks at all extensions of a resource, wherever they are."""

    def __init__(self, definitions: Definitions, held: Held) -> None:
        self._definitions = definitions
        self._held = held

    def check(self, resource: Resource, place: Place, run: Run) -> None:
        """Note what is not as the definitions of the extensions say. Raises ``Enough``."""
        if not _has_any(resource):
            return
        for steps, owner, name in _extended(resource, ()):
            contexts, around = self._contexts(resource, place, steps)
            for number, extension in enumerate(owner[name]):
                where: Place = (around, name, number)
                url = extension.get("url")
                if not isinstance(url, str) or ":" not in url:
                    continue  # part of another extension, whose definition says what it is
                self._check_one(extension, url, where, contexts, run)

    def _check_one(self, extension: Resource, url: str, place: Place, contexts: frozenset[str], run: Run) -> None:
        found = self._held.definition(url)
        if found is None or found[0].type != "Extension":
            text = "The definition of the extension is not held here: it was not looked at."
            run.add(place, text, code="not-found", rule="extension-unknown", profile=url, severity="information")
            return
        tree = found[0]
        modifies = bool(tree.root.last("isModifier"))
        if not _may_be(tree, contexts) or modifies is not (place[1] == "modifierExtension"):
            text = "The definition of the extension does not let it stand here."
            run.add(place, text, code="structure", rule="extension-context", profile=tree.canonical)
        run.take(self._held.conforms(Item(extension, None, "Extension", None), url, place, run))
        self._check_parts(extension, tree, place, run)

    def _check_parts(self, extension: Resource, tree: Tree, place: Place, run: Run) -> None:
        """The parts of an extension are those that its definition names."""
        known = _parts(tree)
        for number, part in enumerate(extension.get("extension", ())):
            url = part.get("url")
            if isinstance(url, str) and ":" not in url and url not in known:
                text = f"The extension has no such part; it has {', '.join(sorted(known)) or 'none'}."
                where: Place = (place, "extension", number)
                run.add(where, text, code="structure", rule="extension-url", profile=tree.canonical)

    def _contexts(self, resource: Resource, place: Place, steps: Steps) -> tuple[frozenset[str], Place]:
        """All names of the element that an extension stands in (``Patient.name``, ``HumanName``, ``Element``; of an
        extension its url), and its place.
        """
        kind: str = resource["resourceType"]
        names = self._held.lineage(kind)
        value: Any = resource
        for member, index in steps:
            element = self._element(kind, member.removeprefix("_"))
            value = value[member] if index is None else value[member][index]
            place = (place, element.name, index)
            kind = element.type
            if kind == "Resource":
                kind = value["resourceType"]
                names = self._held.lineage(kind)
            elif kind == "Extension":
                names = frozenset({"Extension", "Element", value.get("url", "")})
            else:
                paths = {f"{name}.{element.name}" for name in names} | {f"{name}.{member}" for name in names}
                names = frozenset({*paths, *self._held.lineage(kind), "Element"})
        return names, place

    def _element(self, kind: str, member: str) -> Element:
        """The element of a member; that of ``Element`` for what stands beside a primitive."""
        types = self._definitions.types
        return types[kind][member] if kind in types and member in types[kind] else types["Element"][member]


def _has_any(resource: Resource) -> bool:
    """Whether there is an extension at all, which most resources have none of."""
    waiting: list[Any] = [resource]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "extension" in value or "modifierExtension" in value:
                return True
            waiting += [each for each in value.values() if not isinstance(each, str)]
        elif isinstance(value, list):
            waiting += value
    return False


def _extended(value: Any, steps: Steps) -> Iterator[tuple[Steps, Resource, str]]:
    """Every object that has extensions, with the way to it."""
    for name, content in value.items():
        if name in _NAMES and isinstance(content, list):
            yield steps, value, name
        if isinstance(content, dict):
            yield from _extended(content, (*steps, (name, None)))
        elif isinstance(content, list):
            for index, each in enumerate(content):
                if isinstance(each, dict):
                    yield from _extended(each, (*steps, (name, index)))


def _may_be(tree: Tree, contexts: frozenset[str]) -> bool:
    """Whether one of the contexts that the definition names is here; all are where it names none."""
    allowed = tree.chain[-1].get("context")
    if not allowed:
        return True
    for each in allowed:
        if isinstance(each, str):  # STU3
            if each in contexts or each in _EVERYWHERE:
                return True
        elif each.get("type") == "fhirpath":
            return True
        else:
            expression = each.get("expression", "")
            if expression in contexts or expression in _EVERYWHERE or expression.rpartition("#")[2] in contexts:
                return True
    return False


def _parts(tree: Tree) -> set[str]:
    """The urls of the parts that the definition of an extension names."""
    own = tree.root.children.get("extension")
    found: set[str] = set()
    for each in own.slices.values() if own is not None else ():
        url = each.children.get("url")
        fixed = url.last("fixedUri") if url is not None else None
        found.add(fixed or each.slice_name or "")
    return found

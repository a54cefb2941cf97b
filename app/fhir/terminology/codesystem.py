"""A CodeSystem as it is asked: its concepts, and which are above and below which.
https://hl7.org/fhir/R4/codesystem.html#hierachy
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.fhir.resource import Resource

_CONCEPT_PROPERTIES: Final = "http://hl7.org/fhir/concept-properties#"
_NO_LONGER: Final = frozenset({"retired", "inactive"})
_SUBSUMES: Final = (None, "is-a")
"""The meanings of a hierarchy in which what is below is a kind of what is above; unsaid, it is taken for one."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept; ``json`` is as the CodeSystem writes it, ``properties`` are its (code, value) pairs."""

    code: str
    json: Resource
    parents: tuple[str, ...]
    properties: tuple[tuple[str, Any], ...]
    active: bool
    abstract: bool

    @property
    def display(self) -> str | None:
        return self.json.get("display")


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """``concepts`` are in the order in which they are written; ``children`` has the codes right below one.

    ``complete``: it lists all codes that there are.
    """

    url: str
    version: str | None
    name: str | None
    complete: bool
    ignores_case: bool
    subsumes: bool
    languages: str | None
    concepts: Mapping[str, Concept]
    children: Mapping[str, tuple[str, ...]]

    def find(self, code: str) -> Concept | None:
        """The concept of a code; another case will do where the system says that case does not matter."""
        found = self.concepts.get(code)
        if found is None and self.ignores_case:
            folded = code.casefold()
            return next((each for name, each in self.concepts.items() if name.casefold() == folded), None)
        return found

    def lacks(self, what: str) -> str:
        """Why ``what``, such as "this code", is not found in it: it has none, or not all of it is held here, or nothing
        but that it exists.
        """
        if self.complete:
            return f"The code system {self.url} does not have {what}."
        if self.concepts:
            return f"Only a part of the code system {self.url} is held here, and {what} is not in that part."
        return f"The code system {self.url} is known here by name only: none of its codes are held here."

    def below(self, code: str) -> frozenset[str]:
        """The code and all that are a kind of it."""
        return self._reached(code, lambda each: self.children.get(each, ()))

    def above(self, code: str) -> frozenset[str]:
        """The code and all that it is a kind of."""
        return self._reached(code, lambda each: found.parents if (found := self.concepts.get(each)) else ())

    def _reached(self, code: str, following: Any) -> frozenset[str]:
        reached = {code}
        waiting = [code] if self.subsumes else []
        while waiting:
            for each in following(waiting.pop()):
                if each not in reached:  # a hierarchy may hold a circle, however wrong that is
                    reached.add(each)
                    waiting.append(each)
        return frozenset(reached)


def read_code_system(resource: Resource) -> CodeSystem:
    """The concepts of a valid CodeSystem resource, by nesting and by the properties ``parent`` and ``child``."""
    known = {each["code"]: each.get("uri", "") for each in resource.get("property", ())}
    nested = {each["code"]: (each, above) for each, above in walk(resource.get("concept", ()))}
    parents: dict[str, dict[str, None]] = {code: dict.fromkeys(above) for code, (_, above) in nested.items()}
    values = {code: tuple(properties_of(each)) for code, (each, _) in nested.items()}
    for code, pairs in values.items():
        for name, value in pairs:
            meaning = _meaning(name, known)
            if meaning == "parent":
                parents[code][str(value)] = None
            elif meaning == "child" and value in parents:
                parents[value][code] = None
    children: dict[str, dict[str, None]] = {}
    for code, above in parents.items():
        for each in above:
            children.setdefault(each, {})[code] = None
    return CodeSystem(
        resource.get("url", ""),
        resource.get("version"),
        resource.get("name"),
        resource.get("content") == "complete",
        resource.get("caseSensitive") is False,
        resource.get("hierarchyMeaning") in _SUBSUMES,
        resource.get("language"),
        {code: _concept(each, tuple(parents[code]), values[code], known) for code, (each, _) in nested.items()},
        {code: tuple(below) for code, below in children.items()},
    )


def walk(concepts: Any) -> Iterator[tuple[Resource, tuple[str, ...]]]:
    """Every concept in order, with the code that it stands in."""
    waiting: list[tuple[Resource, tuple[str, ...]]] = [(each, ()) for each in reversed(concepts)]
    while waiting:
        concept, above = waiting.pop()
        yield concept, above
        waiting += [(each, (concept["code"],)) for each in reversed(concept.get("concept", ()))]


def properties_of(concept: Resource) -> Iterator[tuple[str, Any]]:
    """The (code, value) pairs of a concept as it is written."""
    for each in concept.get("property", ()):
        for name, value in each.items():
            if name.startswith("value"):
                yield each["code"], value


def _meaning(name: str, known: Mapping[str, str]) -> str:
    """What a property stands for, by the URI that defines it, else by its name."""
    uri = known.get(name, "")
    return uri.removeprefix(_CONCEPT_PROPERTIES) if uri.startswith(_CONCEPT_PROPERTIES) else name


def _concept(
    json: Resource, parents: tuple[str, ...], pairs: tuple[tuple[str, Any], ...], known: Mapping[str, str]
) -> Concept:
    meanings = [(_meaning(name, known), value) for name, value in pairs]
    inactive = any(
        (meaning == "inactive" and value is True) or (meaning == "status" and value in _NO_LONGER)
        for meaning, value in meanings
    )
    abstract = any(meaning == "notSelectable" and value is True for meaning, value in meanings)
    return Concept(json["code"], json, parents, pairs, not inactive, abstract)

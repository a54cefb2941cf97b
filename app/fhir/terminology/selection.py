"""Codes that are selected, with what cannot be told about the others. https://hl7.org/fhir/R4/valueset.html#compositions

A code system or value set that is needed may not be held. What is in a value set is then known for some codes, and for
others it is not: so a selection answers of each code that it is in, out, or unknown, and so do its unions and the like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.errors import Invalid
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import Concept

Key = tuple[str, str]
"""System and code."""
Verdict = Literal["in", "out", "unknown"]


@dataclass(eq=False)
class NotHeld(Invalid):
    """A value set or code system that is needed is not here, or not wholly; text and ``canonical`` name it."""

    canonical: str = ""


class TooCostly(Invalid):
    """The value set holds more codes than are expanded here."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A concept as a value set lists it; ``concept`` is the code system's own, where that is held.

    ``language`` is that of ``display`` where it is known; ``designations`` are those of the value set, then those of
    the code system, among which its display, when that is other than ``display`` and in a known language.
    """

    system: str
    code: str
    display: str | None = None
    version: str | None = None
    concept: Concept | None = None
    designations: tuple[Resource, ...] = ()
    active: bool = True
    abstract: bool = False
    language: str | None = None


@dataclass(frozen=True)
class Selection:
    """``concepts`` are surely in it, in their order. Unknown are: those ``doubtful``; every code of a system that is
    ``undecided``; every code at all when it is ``unbounded``. But those ``excluded`` are surely out.

    ``systems`` are the versions of the code systems that were used, as canonicals; ``lacking`` says why anything is
    unknown.
    """

    concepts: Mapping[Key, Listed] = field(default_factory=dict)
    doubtful: frozenset[Key] = frozenset()
    undecided: frozenset[str] = frozenset()
    unbounded: bool = False
    excluded: frozenset[Key] = frozenset()
    systems: frozenset[str] = frozenset()
    lacking: tuple[Invalid, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it can be told of every code."""
        return not (self.doubtful or self.undecided or self.unbounded)

    def verdict(self, key: Key) -> Verdict:
        """Whether it has a code."""
        if key in self.concepts:
            return "in"
        if key in self.excluded:
            return "out"
        return "unknown" if self.unbounded or key in self.doubtful or key[0] in self.undecided else "out"

    @property
    def named(self) -> frozenset[Key]:
        """The codes of which it says something by themselves."""
        return self.doubtful | self.excluded | self.concepts.keys()


def union(parts: Iterable[Selection]) -> Selection:
    """What is in any of them."""
    listed = list(parts)
    concepts: dict[Key, Listed] = {}
    for each in listed:
        for key, concept in each.concepts.items():
            concepts.setdefault(key, concept)
    others = [key for each in listed for key in each.doubtful | each.excluded if key not in concepts]
    return Selection(
        concepts,
        frozenset(key for key in others if any(key in each.doubtful for each in listed)),
        frozenset[str]().union(*(each.undecided for each in listed)),
        any(each.unbounded for each in listed),
        frozenset(key for key in others if all(each.verdict(key) == "out" for each in listed)),
        *_joined(listed),
    )


def intersection(first: Selection, second: Selection) -> Selection:
    """What is in both, in the order and words of the first."""
    sides = (first, second)
    named = first.named | second.named
    unbounded = first.unbounded and second.unbounded
    # A system is open when both sides leave it so; else only codes that one side names can be unknown.
    undecided = frozenset(
        system
        for system in first.undecided | second.undecided
        if all(each.unbounded or system in each.undecided for each in sides)
    )
    out = frozenset(key for key in named if any(each.verdict(key) == "out" for each in sides))
    concepts = {key: each for key, each in first.concepts.items() if key in second.concepts}
    return Selection(
        concepts,
        frozenset(key for key in named if key not in out and key not in concepts),
        undecided,
        unbounded,
        frozenset(key for key in out if unbounded or key[0] in undecided),
        *_joined(sides),
    )


def difference(first: Selection, second: Selection) -> Selection:
    """What is in the first and not in the second."""
    concepts = {key: each for key, each in first.concepts.items() if second.verdict(key) == "out"}
    named = first.named | second.named
    out = frozenset(key for key in named if first.verdict(key) == "out" or second.verdict(key) == "in")
    return Selection(
        concepts,
        frozenset(key for key in named if key not in out and key not in concepts),
        first.undecided,
        first.unbounded,
        frozenset(key for key in out if first.unbounded or key[0] in first.undecided),
        *_joined((first, second)),
    )


def active_only(selection: Selection) -> Selection:
    """Without the concepts that are no longer in use."""
    gone = frozenset(key for key, each in selection.concepts.items() if not each.active)
    return Selection(
        {key: each for key, each in selection.concepts.items() if each.active},
        selection.doubtful,
        selection.undecided,
        selection.unbounded,
        selection.excluded | gone,
        selection.systems,
        selection.lacking,
    )


def _joined(parts: Iterable[Selection]) -> tuple[frozenset[str], tuple[Invalid, ...]]:
    """The systems and what is lacking, each thing once."""
    listed = list(parts)
    lacking = {str(error): error for each in listed for error in each.lacking}
    return frozenset[str]().union(*(each.systems for each in listed)), tuple(lacking.values())

"""Is a code in a value set, as far as can be told from what is held? https://hl7.org/fhir/R4/valueset.html"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

Verdict = Literal["in", "out", "unknown"]


@dataclass(frozen=True)
class Membership:
    """What can be told of the codes of one value set.

    ``concepts`` are (system, code) pairs that are surely in it. ``undecided`` are code systems of which it may hold
    codes that cannot be listed, because the system is not held wholly (SNOMED CT, LOINC). ``doubtful`` are single codes
    of which nothing can be said. ``missing`` are the canonicals of value sets that it imports and that are not held
    (its own, when it is not held itself): of what is not in ``concepts``, nothing can then be said. But ``excluded`` is
    surely out. ``lacking`` are the canonicals of all code systems and value sets that are not held (wholly), where that
    leaves any code unknown.
    """

    canonical: str
    concepts: frozenset[tuple[str, str]] = frozenset()
    undecided: frozenset[str] = frozenset()
    excluded: frozenset[tuple[str, str]] = frozenset()
    missing: tuple[str, ...] = ()
    doubtful: frozenset[tuple[str, str]] = frozenset()
    lacking: tuple[str, ...] = ()

    @cached_property
    def codes(self) -> frozenset[str]:
        """The codes alone, for elements that carry no system (``code``, ``string``, ``uri``)."""
        return frozenset(code for _, code in self.concepts)

    def verdict(self, system: str | None, code: str) -> Verdict:
        """Whether it has the code; ``system`` None for an element that carries none."""
        if (code in self.codes) if system is None else ((system, code) in self.concepts):
            return "in"
        if system is None:
            unknown = bool(self.missing or self.undecided) or any(each == code for _, each in self.doubtful)
        elif (system, code) in self.excluded:
            unknown = False
        else:
            unknown = bool(self.missing) or system in self.undecided or (system, code) in self.doubtful
        return "unknown" if unknown else "out"


class Terminology(Protocol):
    """What a validator asks of the terminology of one FHIR version."""

    def membership(self, canonical: str) -> Membership:
        """That of a value set, with or without ``|version``. Never raises: what is not held is in ``missing``."""

    def holds_system(self, system: str) -> bool:
        """Whether the code system is held at all, so that something can be told of its codes."""

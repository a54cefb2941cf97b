"""Is a code in a value set, as far as can be told from what is held? https://hl7.org/fhir/R4/valueset.html"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

Verdict = Literal["in", "out", "unknown"]


@dataclass(frozen=True)
class Membership:
    """What can be told of the codes of one value set.

    ``concepts`` are (system, code) pairs that are surely in it. ``undecided`` are code systems of which it holds codes
    that cannot be listed, because the system is not held wholly (SNOMED CT, LOINC); it has none of ``excluded``.
    ``missing`` are the canonicals of value sets that it imports and that are not held (its own, when it is not held
    itself): of what is not in ``concepts``, nothing can then be said.
    """

    canonical: str
    concepts: frozenset[tuple[str, str]] = frozenset()
    undecided: frozenset[str] = frozenset()
    excluded: frozenset[tuple[str, str]] = frozenset()
    missing: tuple[str, ...] = ()

    @cached_property
    def codes(self) -> frozenset[str]:
        """The codes alone, for elements that carry no system (``code``, ``string``, ``uri``)."""
        return frozenset(code for _, code in self.concepts)

    def verdict(self, system: str | None, code: str) -> Verdict:
        """Whether it has the code; ``system`` None for an element that carries none."""
        if (code in self.codes) if system is None else ((system, code) in self.concepts):
            return "in"
        if self.missing:
            return "unknown"
        if system is None:
            return "unknown" if self.undecided else "out"
        return "unknown" if system in self.undecided and (system, code) not in self.excluded else "out"


class Terminology(Protocol):
    """What a validator asks of the terminology of one FHIR version."""

    def membership(self, canonical: str) -> Membership:
        """That of a value set, with or without ``|version``. Never raises: what is not held is in ``missing``."""

    def holds_system(self, system: str) -> bool:
        """Whether the code system is held at all, so that something can be told of its codes."""

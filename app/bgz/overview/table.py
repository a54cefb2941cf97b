"""What is seen whole and when two are likely the same, from ``likeness.yaml``. https://hl7.org/fhir/R4/list.html"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from app.bgz.parts import Part, part_of, read_table


@dataclass(frozen=True, slots=True)
class Rule:
    """What two entries have to have in common for a reason."""

    reason: str
    code: bool = False
    period: bool = False
    minute: bool = False
    value: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """One list. ``codes``, ``start`` and ``end`` are paths, as ``telling.yaml`` has them."""

    name: str
    loinc: str
    parts: tuple[Part, ...]
    codes: tuple[str, ...]
    systems: frozenset[str]
    start: tuple[str, ...]
    end: tuple[str, ...]
    rules: tuple[Rule, ...]

    @property
    def most(self) -> int:
        """How many entries it has at most; 0 for as many as there are."""
        return max(each.most for each in self.parts)


@cache
def wholes() -> Mapping[str, Whole]:
    """By name, in their order."""
    return MappingProxyType(
        {
            name: Whole(
                name,
                row["loinc"],
                tuple(part_of(name, each) for each in row["parts"]),
                tuple(row["codes"]),
                frozenset(row.get("systems", ())),
                tuple(row.get("start", ())),
                tuple(row.get("end", ())),
                tuple(Rule(**each) for each in row["rules"]),
            )
            for name, row in read_table("overview/likeness").items()
        }
    )

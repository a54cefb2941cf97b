"""The sections of the summary, from ``summary.yaml``. https://hl7.org/fhir/uv/ips/StructureDefinition-Composition-uv-ips.html"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from app.bgz.parts import Key, Part, key_of, part_of, read_table


@dataclass(frozen=True, slots=True)
class SummarySection:
    """``always``: it is there when it is empty, too; ``nothing``: codes by which a source says that there is none.
    ``slice`` and ``entries``: what IPS calls it, and the types that it lists for it, by ``source``; ``confirmed``:
    whether the codes were held against that.
    """

    name: str
    loinc: str
    always: bool
    parts: tuple[Part, ...]
    nothing: frozenset[Key]
    slice: str
    entries: frozenset[str]
    source: str
    confirmed: bool

    @property
    def beyond(self) -> frozenset[str]:
        """Types that we put there and IPS does not list."""
        return frozenset(each.type for each in self.parts) - self.entries


@cache
def summary_sections() -> Mapping[str, SummarySection]:
    """By name, in their order."""
    return MappingProxyType(
        {
            name: SummarySection(
                name,
                row["loinc"],
                bool(row.get("always")),
                tuple(part_of(name, each) for each in row["parts"]),
                frozenset(map(key_of, row.get("none", ()))),
                row["ips"]["slice"],
                frozenset(row["ips"]["entries"]),
                row["ips"]["source"],
                row["ips"]["confirmed"] is True,
            )
            for name, row in read_table("summary/summary").items()
        }
    )

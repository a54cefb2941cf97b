"""Where an entry is from, by name: who entered it first, or what the service brought in from where.

https://hl7.org/fhir/R4/resource-definitions.html#Meta.source
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from app.auth.rights.sources import Source, named, source_of
from app.bgz.reading import Place
from app.careplan.document.texts import Texts
from app.database import Reader

_PATIENT: Final = "Patient/"
_OF_A_PERSON: Final = frozenset({"app", "person"})


@dataclass(frozen=True, slots=True)
class Origin:
    """A source. ``key`` tells it from others; names of persons are not told."""

    key: str
    kind: str
    name: str

    @property
    def is_person(self) -> bool:
        """Whether it is the person, who acts for them, or an app of theirs."""
        return self.kind in _OF_A_PERSON

    def called(self, texts: Texts) -> str:
        """What it is called."""
        if self.kind in ("app", "organization") and self.name:
            return texts(f"source.{self.kind}", name=self.name)
        if self.kind == "person":
            return texts("source.person")
        return self.name or texts("source.service" if self.kind == "service" else "source.unknown")


async def origins_of(reader: Reader, places: Iterable[Place]) -> Mapping[int, Origin]:
    """The source of each place, by ``n``."""
    known: dict[str, Origin] = {}
    found: dict[int, Origin] = {}
    for each in places:
        key = source_of(each.actor, each.body)
        if key not in known:
            known[key] = _origin(await named(reader, key))
        found[each.n] = known[key]
    return found


def _origin(source: Source) -> Origin:
    if source.id.startswith(_PATIENT):  # a caller of a sandbox that acts as the person
        return Origin(source.key, "person", "")
    return Origin(source.key, source.kind, source.name or source.origin)

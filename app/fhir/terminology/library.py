"""The terminology of one FHIR version: installed packages, and the value sets that FHIR itself requires.
https://hl7.org/fhir/R4/terminology-module.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from app.fhir.definitions import Definitions
from app.fhir.packages import Library
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import CodeSystem, read_code_system
from app.fhir.terminology.composing import selection_of
from app.fhir.terminology.conceptmap import ConceptMap, read_concept_map
from app.fhir.terminology.defined import defined_code_system, defined_value_set
from app.fhir.terminology.membership import Membership
from app.fhir.terminology.parts import combined, supplemented, supplemented_url, supplements_by_url
from app.fhir.terminology.selection import NotHeld, Selection

_BROKEN: Final = (KeyError, TypeError, AttributeError, ValueError)
"""What reading a resource that is not valid FHIR can raise: a package may hold one."""


class Packaged:
    """The terminology of the packages of one FHIR version, as it is in a library that does not change."""

    def __init__(self, library: Library, fhir_version: str) -> None:
        self._library = library
        self._version = fhir_version
        self._systems: dict[str, tuple[CodeSystem, ...]] = {}
        self._maps: dict[str, ConceptMap] = {}

    def resource(self, kind: str, canonical: str) -> Resource | None:
        """What a canonical means."""
        found = self._library.find(self._version, kind, canonical)
        return None if found is None else found.resource()

    def code_systems(self, canonical: str) -> tuple[CodeSystem, ...]:
        """All that is held of a code system, the newest first."""
        found = self._systems.get(canonical)
        if found is None:
            artifacts = self._library.versions(self._version, "CodeSystem", canonical)
            resources = [each.resource() for each in artifacts]
            found = tuple(read_code_system(each) for each in resources if supplemented_url(each) is None)
            if found:  # a caller may ask for any canonical there can be
                self._systems[canonical] = found
        return found

    def supplements(self, canonical: str) -> list[Resource]:
        """The supplements of a code system."""
        return self._supplements.get(canonical.partition("|")[0], [])

    def concept_maps(self) -> Iterator[ConceptMap]:
        """All of them, in order of canonical."""
        for each in self._library.of_kind(self._version, "ConceptMap"):
            found = self.concept_map(each.url)
            if found is not None:
                yield found

    def concept_map(self, canonical: str) -> ConceptMap | None:
        """The concept map that a canonical means."""
        found = self._maps.get(canonical)
        if found is None and (resource := self.resource("ConceptMap", canonical)) is not None:
            found = self._maps[canonical] = read_concept_map(resource)
        return found

    @cached_property
    def _supplements(self) -> Mapping[str, list[Resource]]:
        return supplements_by_url(each.resource() for each in self._library.of_kind(self._version, "CodeSystem"))


class LibraryTerminology:
    """Implements ``membership.Terminology``. What was made is kept as long as this lives, so make one per library."""

    most: int | None = None

    def __init__(self, library: Library, definitions: Definitions) -> None:
        self._packaged = Packaged(library, definitions.version)
        self._definitions = definitions
        self._systems: dict[str, CodeSystem] = {}
        self._selections: dict[str, Selection] = {}
        self._memberships: dict[str, Membership] = {}

    def membership(self, canonical: str) -> Membership:
        """That of a value set, with or without ``|version``. Never raises."""
        found = self._memberships.get(canonical)
        if found is None:
            try:
                found = membership_of(canonical, selection_of(self, canonical))
            except _BROKEN:
                found = Membership(canonical, missing=(canonical,), lacking=(canonical,))
            self._memberships[canonical] = found
        return found

    def holds_system(self, system: str) -> bool:
        """Whether any of its codes are held."""
        try:
            found = self.code_system(system)
        except _BROKEN:
            return False
        return found is not None and bool(found.concepts)

    def value_set(self, canonical: str) -> Resource | None:
        """The value set that a canonical means."""
        return self._packaged.resource("ValueSet", canonical) or defined_value_set(self._definitions, canonical)

    def code_system(self, canonical: str) -> CodeSystem | None:
        """What is held of a code system."""
        found = self._systems.get(canonical)
        if found is None:
            defined = defined_code_system(self._definitions, canonical)
            found = combined([*self._packaged.code_systems(canonical), *([] if defined is None else [defined])])
            if found is not None:  # a resource that is checked may name any system there can be
                found = supplemented(found, self._packaged.supplements(canonical))
                self._systems[canonical] = found
        return found

    def kept(self, canonical: str) -> Selection | None:
        """What was made of a value set before."""
        return self._selections.get(canonical)

    def keep(self, canonical: str, selection: Selection) -> None:
        """Keep what was made of it."""
        self._selections[canonical] = selection


def membership_of(canonical: str, selection: Selection) -> Membership:
    """What can be told of the codes of a value set, from what is selected for it."""
    lacking = tuple(
        each.canonical if isinstance(each, NotHeld) and each.canonical else canonical for each in selection.lacking
    )
    return Membership(
        canonical,
        frozenset(selection.concepts),
        selection.undecided,
        selection.excluded,
        (lacking or (canonical,)) if selection.unbounded else (),
        selection.doubtful,
        () if selection.known else lacking,
    )

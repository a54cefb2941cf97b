"""The terminology of one FHIR version: installed packages, and the value sets that FHIR itself requires.
https://hl7.org/fhir/R4/terminology-module.html
"""

from __future__ import annotations

from typing import Final

from app.fhir.definitions import Definitions
from app.fhir.packages import Library
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import CodeSystem, read_code_system
from app.fhir.terminology.composing import selection_of
from app.fhir.terminology.defined import defined_code_system, defined_value_set
from app.fhir.terminology.membership import Membership
from app.fhir.terminology.selection import NotHeld, Selection

_BROKEN: Final = (KeyError, TypeError, AttributeError, ValueError)
"""What reading a resource that is not valid FHIR can raise: a package may hold one."""


class LibraryTerminology:
    """Implements ``membership.Terminology``. What was made is kept as long as this lives, so make one per library."""

    most: int | None = None

    def __init__(self, library: Library, definitions: Definitions) -> None:
        self._library = library
        self._definitions = definitions
        self._systems: dict[str, CodeSystem | None] = {}
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
        found = self._library.find(self._definitions.version, "ValueSet", canonical)
        return defined_value_set(self._definitions, canonical) if found is None else found.resource()

    def code_system(self, canonical: str) -> CodeSystem | None:
        """The code system that a canonical means."""
        if canonical not in self._systems:
            found = self._library.find(self._definitions.version, "CodeSystem", canonical)
            self._systems[canonical] = (
                defined_code_system(self._definitions, canonical)
                if found is None
                else read_code_system(found.resource())
            )
        return self._systems[canonical]

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

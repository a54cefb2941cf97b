"""Which codes a value set holds, from a source of what is held. https://hl7.org/fhir/R4/valueset.html#compositions

Where what its definition needs is not held, the expansion that came with the value set is taken, if that is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from app.errors import Invalid
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import CodeSystem, Concept
from app.fhir.terminology.filters import GROWING, filter_of
from app.fhir.terminology.selection import (
    Key,
    Listed,
    NotHeld,
    Selection,
    TooCostly,
    active_only,
    difference,
    intersection,
    union,
)

_NOTHING: Final = Selection()


class Source(Protocol):
    """What is held. A source that has to read first raises a signal of its own, which goes through all of this."""

    @property
    def most(self) -> int | None:
        """More codes than this are not listed."""

    def value_set(self, canonical: str) -> Resource | None:
        """The value set that a canonical means; None when it is not held."""

    def code_system(self, canonical: str) -> CodeSystem | None:
        """The code system that a canonical means, or what is held of it; None when it is not held."""

    def kept(self, canonical: str) -> Selection | None:
        """What was made of a value set before."""

    def keep(self, canonical: str, selection: Selection) -> None:
        """Keep what was made of it."""


def selection_of(source: Source, canonical: str, importers: tuple[str, ...] = ()) -> Selection:
    """The codes of the value set of a canonical. Raises ``TooCostly``; all else that is wrong is in ``lacking``."""
    kept = source.kept(canonical)
    if kept is not None:
        return kept
    if canonical in importers:
        return _unknown(Invalid(f"The value set {canonical} imports itself.", "business-rule"))
    value_set = source.value_set(canonical)
    if value_set is None:
        return _unknown(
            NotHeld(f"The value set {canonical} is not held here.", "not-found", canonical=canonical),
        )
    made = selection_of_resource(source, value_set, (*importers, canonical))
    source.keep(canonical, made)
    return made


def selection_of_resource(source: Source, value_set: Resource, importers: tuple[str, ...] = ()) -> Selection:
    """The codes of a value set that is given. Raises the same."""
    compose = value_set.get("compose")
    if compose is None:
        ready = _ready(value_set)
        text = "The value set neither says what is in it nor holds a whole expansion."
        return ready or _unknown(NotHeld(text, "not-found", canonical=value_set.get("url", "")))
    spoken = value_set.get("language")
    parts: list[Selection] = []
    number = 0
    for part in compose.get("include", ()):
        parts.append(_selected(source, part, importers, spoken))
        number += len(parts[-1].concepts)
        if source.most is not None and number > source.most:
            number = len(union(parts).concepts)
            if number > source.most:
                raise too_costly(source.most)
    made = union(parts)
    for part in compose.get("exclude", ()):
        made = difference(made, _selected(source, part, importers, spoken))
    if compose.get("inactive") is False:
        made = active_only(made)
    return made if made.known else _ready(value_set) or made


def too_costly(most: int) -> TooCostly:
    """What is raised for a value set with more codes than are listed."""
    return TooCostly(f"The value set holds more than {most} codes, which is more than is expanded here.", "too-costly")


def _unknown(why: Invalid) -> Selection:
    return Selection(unbounded=True, lacking=(why,))


def _selected(source: Source, part: Resource, importers: tuple[str, ...], spoken: str | None) -> Selection:
    """What one include or exclude selects: the codes of the system that are also in every value set it imports."""
    imported = [selection_of(source, each, importers) for each in part.get("valueSet", ())]
    if "system" in part:
        chosen = _of_system(source, part, spoken)
    elif imported:
        chosen = imported.pop(0)
    else:
        return _unknown(Invalid("A part of the value set names neither a system nor a value set.", "required"))
    for each in imported:
        chosen = intersection(chosen, each)
    return chosen


def _of_system(source: Source, part: Resource, spoken: str | None) -> Selection:
    url = part["system"]
    canonical = f"{url}|{part['version']}" if "version" in part else url
    system = source.code_system(canonical)
    used = frozenset([f"{system.url}|{system.version}"] if system is not None and system.version is not None else [])
    if part.get("concept"):
        found = (_enumerated(each, url, system, spoken) for each in part["concept"])
        return Selection(_by_key(found), systems=used)
    if system is None:
        why = NotHeld(f"The code system {canonical} is not held here.", "not-found", canonical=canonical)
        return Selection(undecided=frozenset([url]), lacking=(why,))
    filters = part.get("filter", ())
    try:
        tests = [filter_of(each, system) for each in filters]
    except Invalid as error:
        return Selection(undecided=frozenset([url]), lacking=(error,))
    if not system.complete and not all(each["op"] in GROWING for each in filters):
        tests = [lambda _: False]  # what is not held of the system could turn each of these around
    taken = (each for each in system.concepts.values() if all(takes(each) for takes in tests))
    concepts = _by_key(listed(each, url, system) for each in taken)
    if system.complete:
        return Selection(concepts, systems=used)
    why = NotHeld(f"The code system {canonical} is not held wholly here.", "not-found", canonical=canonical)
    return Selection(concepts, undecided=frozenset([url]), systems=used, lacking=(why,))


def _by_key(found: Iterator[Listed]) -> dict[Key, Listed]:
    made: dict[Key, Listed] = {}
    for each in found:
        made.setdefault((each.system, each.code), each)
    return made


def _enumerated(given: Resource, url: str, system: CodeSystem | None, spoken: str | None) -> Listed:
    """A concept that a value set names by itself: its words are the value set's before the code system's."""
    concept = None if system is None else system.find(given["code"])
    own = tuple(given.get("designation", ()))
    if concept is None or system is None:
        return Listed(url, given["code"], given.get("display"), designations=own, language=spoken)
    known = listed(concept, url, system)
    if "display" not in given:
        return Listed(
            url,
            given["code"],
            known.display,
            known.version,
            concept,
            (*own, *known.designations),
            known.active,
            known.abstract,
            known.language,
        )
    words = _as_designation(known)
    return Listed(
        url,
        given["code"],
        given["display"],
        known.version,
        concept,
        (*own, *known.designations, *words),
        known.active,
        known.abstract,
        spoken,
    )


def _as_designation(known: Listed) -> tuple[Resource, ...]:
    if known.display is None or known.language is None:
        return ()
    return ({"language": known.language, "value": known.display},)


def listed(concept: Concept, url: str, system: CodeSystem) -> Listed:
    """A concept as its code system has it."""
    return Listed(
        url,
        concept.code,
        concept.display,
        system.version,
        concept,
        tuple(concept.json.get("designation", ())),
        concept.active,
        concept.abstract,
        system.languages,
    )


def _ready(value_set: Resource) -> Selection | None:
    """The expansion that the value set came with; None where there is none, or only a part of one."""
    expansion = value_set.get("expansion")
    if expansion is None or expansion.get("offset"):
        return None
    found: dict[Key, Listed] = {}
    number = 0
    waiting = list(reversed(expansion.get("contains", ())))
    while waiting:
        each = waiting.pop()
        waiting += reversed(each.get("contains", ()))
        number += 1
        if "code" in each and "system" in each:
            found[each["system"], each["code"]] = Listed(
                each["system"],
                each["code"],
                each.get("display"),
                each.get("version"),
                designations=tuple(each.get("designation", ())),
                active=not each.get("inactive", False),
                abstract=each.get("abstract", False),
                language=value_set.get("language"),
            )
    return None if expansion.get("total", number) > number else Selection(found)

"""Which codes a value set holds. https://hl7.org/fhir/R4/valueset.html#expansion

The value set is one of a catalogue, or one of those that FHIR requires and whose codes are in the definitions. What its
definition needs must be held as well; else the expansion that came with it is taken, where that is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.errors import Invalid
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import CodeSystem, Concept
from app.fhir.terminology.filters import filter_of
from app.server.terminology.holdings import Held, keep

MOST_CONCEPTS: Final = 20_000
Key = tuple[str, str]
"""System and code."""


class NotHeld(Invalid):
    """A value set or code system that is needed is not here, or not wholly; the text names it."""


class TooCostly(Invalid):
    """The value set holds more codes than are expanded here."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A concept as a value set lists it; ``concept`` is the code system's own, where that is held."""

    system: str
    code: str
    display: str | None = None
    version: str | None = None
    concept: Concept | None = None
    designations: tuple[Resource, ...] = ()
    active: bool = True
    abstract: bool = False


@dataclass(frozen=True)
class Expansion:
    """The concepts in their order. ``systems`` are the versions of the code systems that were used, as canonicals."""

    concepts: Mapping[Key, Listed]
    systems: frozenset[str] = frozenset()

    @cached_property
    def codes(self) -> frozenset[Key]:
        return frozenset(self.concepts)


def is_held(held: Held, canonical: str) -> bool:
    """Whether the value set of a canonical is here at all."""
    return held.holding.find("ValueSet", canonical) is not None or _is_defined(held, canonical)


async def expansion_of(held: Held, canonical: str) -> Expansion:
    """The codes of the value set of a canonical. Raises ``NotHeld``, ``TooCostly`` or ``Invalid``."""
    return await _of_canonical(held, canonical, ())


async def expansion_of_resource(held: Held, value_set: Resource) -> Expansion:
    """The codes of a value set that is given. Raises the same."""
    return await _of_resource(held, value_set, ())


async def _of_canonical(held: Held, canonical: str, importers: tuple[str, ...]) -> Expansion:
    kept: Expansion | None = held.holding.expansions.get(canonical)
    if kept is not None:
        return kept
    if canonical in importers:
        raise Invalid(f"The value set {canonical} imports itself.", "business-rule")
    entry = held.holding.find("ValueSet", canonical)
    value_set = await held.read(entry) if entry is not None else None
    if value_set is not None:
        made = await _of_resource(held, value_set, (*importers, canonical))
    else:
        made = _of_definitions(held, canonical)
    keep(held.holding.expansions, canonical, made)
    return made


def _of_definitions(held: Held, canonical: str) -> Expansion:
    """A value set that FHIR itself requires. Raises ``NotHeld``."""
    if not _is_defined(held, canonical):
        raise NotHeld(f"The value set {canonical} is not held here.", "not-found")
    concepts = held.registry.definitions.concepts[canonical.partition("|")[0]]
    return Expansion({key: Listed(*key) for key in sorted(concepts)})


def _is_defined(held: Held, canonical: str) -> bool:
    definitions = held.registry.definitions
    url, _, version = canonical.partition("|")
    return url in definitions.concepts and version in ("", definitions.version)


async def _of_resource(held: Held, value_set: Resource, importers: tuple[str, ...]) -> Expansion:
    compose = value_set.get("compose")
    ready = _ready(value_set)
    if compose is None:
        if ready is None:
            raise NotHeld("The value set neither says what is in it nor holds a whole expansion.", "not-found")
        return ready
    try:
        return await _composed(held, compose, importers)
    except NotHeld:
        if ready is None:
            raise
        return ready


async def _composed(held: Held, compose: Resource, importers: tuple[str, ...]) -> Expansion:
    found: dict[Key, Listed] = {}
    systems: set[str] = set()
    for part in compose.get("include", ()):
        for each in await _selected(held, part, importers, systems):
            found.setdefault((each.system, each.code), each)
            if len(found) > MOST_CONCEPTS:
                raise TooCostly(
                    f"The value set holds more than {MOST_CONCEPTS} codes, which is more than is expanded here.",
                    "too-costly",
                )
    for part in compose.get("exclude", ()):
        for each in await _selected(held, part, importers, systems):
            found.pop((each.system, each.code), None)
    if compose.get("inactive") is False:
        found = {key: each for key, each in found.items() if each.active}
    return Expansion(found, frozenset(systems))


async def _selected(held: Held, part: Resource, importers: tuple[str, ...], systems: set[str]) -> Iterable[Listed]:
    """What one include or exclude selects: the codes of the system that are also in every value set it imports."""
    imported = [await _of_canonical(held, each, importers) for each in part.get("valueSet", ())]
    for each in imported:
        systems |= each.systems
    if "system" in part:
        chosen = await _of_system(held, part, systems)
    elif imported:
        chosen = iter(imported.pop(0).concepts.values())
    else:
        raise Invalid("A part of the value set names neither a system nor a value set.", "required")
    return [each for each in chosen if all((each.system, each.code) in other.concepts for other in imported)]


async def _of_system(held: Held, part: Resource, systems: set[str]) -> Iterator[Listed]:
    url = part["system"]
    canonical = f"{url}|{part['version']}" if "version" in part else url
    system = await held.code_system(canonical)
    if system is not None and system.version is not None:
        systems.add(f"{system.url}|{system.version}")
    if part.get("concept"):
        return (_enumerated(each, url, system) for each in part["concept"])
    if system is None:
        raise NotHeld(f"The code system {canonical} is not held here.", "not-found")
    if not system.complete:
        raise NotHeld(f"The code system {canonical} is not held wholly here.", "not-found")
    tests = [filter_of(each, system) for each in part.get("filter", ())]
    return (_listed(each, url, system) for each in system.concepts.values() if all(takes(each) for takes in tests))


def _enumerated(given: Resource, url: str, system: CodeSystem | None) -> Listed:
    concept = None if system is None else system.find(given["code"])
    own = tuple(given.get("designation", ()))
    if concept is None or system is None:
        return Listed(url, given["code"], given.get("display"), designations=own)
    listed = _listed(concept, url, system)
    return Listed(
        url,
        given["code"],
        given.get("display", listed.display),
        listed.version,
        concept,
        (*own, *listed.designations),
        listed.active,
        listed.abstract,
    )


def _listed(concept: Concept, url: str, system: CodeSystem) -> Listed:
    return Listed(
        url,
        concept.code,
        concept.display,
        system.version,
        concept,
        tuple(concept.json.get("designation", ())),
        concept.active,
        concept.abstract,
    )


def _ready(value_set: Resource) -> Expansion | None:
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
            )
    if expansion.get("total", number) > number:
        return None
    if len(found) > MOST_CONCEPTS:
        raise TooCostly(f"The value set holds more than {MOST_CONCEPTS} codes.", "too-costly")
    return Expansion(found)

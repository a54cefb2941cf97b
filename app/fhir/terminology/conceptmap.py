"""Codes of one code system in those of another, and back, by ConceptMaps of FHIR R4 and STU3.
https://hl7.org/fhir/R4/conceptmap.html, https://hl7.org/fhir/STU3/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.fhir.resource import Resource

_UNSAID: Final = "equivalent"
"""What STU3 takes for the equivalence where a map says none. R4 has it always."""
_UNMATCHED: Final = "unmatched"
_NO_MATCH: Final = frozenset({_UNMATCHED, "disjoint"})
_BACK: Final[Mapping[str, str]] = {
    "wider": "narrower",
    "narrower": "wider",
    "subsumes": "specializes",
    "specializes": "subsumes",
}
"""The equivalences that read otherwise from the other side; all others are the same."""
_RELATED: Final = "relatedto"
"""What is claimed of a code that takes the place of one without a mapping: a map does not say how they relate."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One mapping of a code. ``code`` is None where there is no match; ``depends``: it only holds together with
    others.
    """

    code: str | None
    display: str | None
    equivalence: str
    products: tuple[Resource, ...]
    depends: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The mappings from one code system to another, ``forth`` by source code, ``back`` by target code."""

    source: str | None
    source_version: str | None
    target: str | None
    target_version: str | None
    unmapped: Resource | None
    forth: Mapping[str, tuple[Mapped, ...]]
    back: Mapping[str, tuple[Mapped, ...]]


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """``source`` and ``target`` are the canonicals of the value sets that it maps between, where it names them."""

    url: str
    version: str | None
    source: str | None
    target: str | None
    groups: tuple[Group, ...]

    @property
    def canonical(self) -> str:
        """The canonical with its version."""
        return self.url if self.version is None else f"{self.url}|{self.version}"

    @property
    def concepts(self) -> Mapping[tuple[int, str], object]:
        """The codes that it maps, per group; their number tells how large it is."""
        return {(number, code): each for number, group in enumerate(self.groups) for code, each in group.forth.items()}


@dataclass(frozen=True, slots=True)
class Match:
    """One translation, as ``$translate`` gives it; ``map`` is the canonical of the map that it comes from."""

    equivalence: str
    map: str
    system: str | None = None
    version: str | None = None
    code: str | None = None
    display: str | None = None
    products: tuple[Resource, ...] = ()

    @property
    def succeeds(self) -> bool:
        """Whether it means that there is a translation."""
        return self.equivalence not in _NO_MATCH


@dataclass(slots=True)
class Translation:
    """What was found for a code, and what has to be said about it."""

    matches: list[Match] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True, slots=True)
class Asked:
    """A code that is to be translated; ``into``: only to this code system; ``reverse``: from target to source."""

    system: str
    code: str
    version: str | None = None
    into: str | None = None
    reverse: bool = False


def read_concept_map(resource: Resource) -> ConceptMap:
    """The mappings of a valid ConceptMap of R4 or STU3."""
    return ConceptMap(
        resource.get("url", ""),
        resource.get("version"),
        _side(resource, "source"),
        _side(resource, "target"),
        tuple(_group(each) for each in resource.get("group", ())),
    )


def _side(resource: Resource, name: str) -> str | None:
    reference = resource.get(f"{name}Reference", {}).get("reference")
    found: str | None = resource.get(f"{name}Canonical") or resource.get(f"{name}Uri") or reference
    return found


def _group(group: Resource) -> Group:
    forth: dict[str, tuple[Mapped, ...]] = {}
    back: dict[str, tuple[Mapped, ...]] = {}
    for element in group.get("element", ()):
        code = element.get("code")
        if code is None:
            continue
        mapped = tuple(_mapped(each) for each in element.get("target", ()))
        forth[code] = (*forth.get(code, ()), *mapped)
        for each in mapped:
            if each.code is not None and each.equivalence not in _NO_MATCH:
                equivalence = _BACK.get(each.equivalence, each.equivalence)
                source = Mapped(code, element.get("display"), equivalence, (), each.depends)
                back[each.code] = (*back.get(each.code, ()), source)
    return Group(
        group.get("source"),
        group.get("sourceVersion"),
        group.get("target"),
        group.get("targetVersion"),
        group.get("unmapped"),
        forth,
        back,
    )


def _mapped(target: Resource) -> Mapped:
    products = tuple(
        {
            "element": each.get("property"),
            "concept": {
                name: value
                for name, value in (
                    ("system", each.get("system")),
                    ("code", each.get("value", each.get("code"))),  # R4, else STU3
                    ("display", each.get("display")),
                )
                if value is not None
            },
        }
        for each in target.get("product", ())
    )
    equivalence = target.get("equivalence", _UNSAID)
    return Mapped(target.get("code"), target.get("display"), equivalence, products, bool(target.get("dependsOn")))


def translate(concept_map: ConceptMap, asked: Asked, other: Callable[[str], ConceptMap | None]) -> Translation:
    """All that a map says of a code. ``other`` finds the map that is to be used for what this one does not map."""
    made = Translation()
    _Translating(asked, other, made).follow(concept_map, frozenset())
    return made


@dataclass(frozen=True, slots=True)
class _Translating:
    asked: Asked
    other: Callable[[str], ConceptMap | None]
    made: Translation

    def follow(self, concept_map: ConceptMap, seen: frozenset[str]) -> None:
        """Add what the map says; ``seen`` are the maps that led to it."""
        asked = self.asked
        for group in concept_map.groups:
            version = group.target_version if asked.reverse else group.source_version
            other_version = version is not None and asked.version is not None and version != asked.version
            if other_version or not _covers(group, asked):
                continue
            mapped = (group.back if asked.reverse else group.forth).get(asked.code, ())
            for each in mapped:
                if each.depends:
                    self.made.note("A mapping that depends on more than this code is left out.")
                else:
                    self.made.matches.append(_match(concept_map, group, each, reverse=asked.reverse))
            if not mapped and not asked.reverse and group.unmapped is not None:
                self._unmapped(concept_map, group, group.unmapped, seen)

    def _unmapped(self, concept_map: ConceptMap, group: Group, rule: Resource, seen: frozenset[str]) -> None:
        """What the map says of codes that it does not map.
        https://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.unmapped
        """
        place = concept_map.canonical, group.target, group.target_version
        match rule.get("mode"):
            case "provided":
                self.made.matches.append(Match(_RELATED, *place, self.asked.code))
            case "fixed" if "code" in rule:
                self.made.matches.append(Match(_RELATED, *place, rule["code"], rule.get("display")))
            case "other-map" if "url" in rule:
                url = str(rule["url"])
                passed = seen | {concept_map.url, concept_map.canonical}
                found = None if url in passed else self.other(url)
                if found is not None:
                    self.follow(found, passed)
                    return
                text = "refers back to itself" if url in passed else "is not held here"
                self.made.note(f"The concept map {url}, which is to be used for what this one does not map, {text}.")


def _match(concept_map: ConceptMap, group: Group, mapped: Mapped, *, reverse: bool) -> Match:
    if mapped.code is None:
        return Match(mapped.equivalence if mapped.equivalence in _NO_MATCH else _UNMATCHED, concept_map.canonical)
    system, version = (group.source, group.source_version) if reverse else (group.target, group.target_version)
    return Match(
        mapped.equivalence, concept_map.canonical, system, version, mapped.code, mapped.display, mapped.products
    )


def applies(concept_map: ConceptMap, asked: Asked, *, source: str | None, target: str | None) -> bool:
    """Whether a map can translate a code: from the value set ``source`` into ``target``, where these are said."""
    if asked.reverse:
        source, target = target, source
    between = _same(source, concept_map.source) and _same(target, concept_map.target)
    return between and any(_covers(group, asked) for group in concept_map.groups)


def _same(wanted: str | None, named: str | None) -> bool:
    return wanted is None or (named is not None and _unversioned(wanted, named))


def _unversioned(wanted: str, named: str) -> bool:
    url, _, version = wanted.partition("|")
    other, _, other_version = named.partition("|")
    return url == other and (version == other_version or "" in (version, other_version))


def _covers(group: Group, asked: Asked) -> bool:
    start, end = (group.target, group.source) if asked.reverse else (group.source, group.target)
    return start in (None, asked.system) and asked.into in (None, end)

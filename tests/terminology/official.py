"""Nictiz's packages as a library, and a slow second opinion on what their value sets and concept maps say, which reads
the XML by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from app.fhir.packages import Library
from app.fhir.packages.reading import Package, read

R4: Final = "4.0.1"
STU3: Final = "3.0.1"
FOLDERS: Final[Mapping[str, str]] = {R4: "Nictiz-R4-zib2020", STU3: "Nictiz-STU3-Zib2017"}
NUMBERS: Final[Mapping[str, tuple[int, int]]] = {R4: (272, 19), STU3: (261, 24)}
"""How many value sets and concept maps each has."""
_PREFIX: Final = "{http://hl7.org/fhir}"

Key = tuple[str, str]


@functools.cache
def packages(definitions: Path, version: str) -> tuple[Package, ...]:
    return read(definitions / FOLDERS[version])


@functools.cache
def library(definitions: Path, *versions: str) -> Library:
    return Library(each for version in versions for one in packages(definitions, version) for each in one.artifacts)


@dataclass(frozen=True)
class Row:
    """One row of a concept map; the target's code is "" where there is none."""

    map: str
    source: str
    target: str
    code: str
    to: str
    equivalence: str


class SecondOpinion:
    """What the files of one package say, by walking their elements."""

    def __init__(self, folder: Path) -> None:
        self.value_sets: dict[str, etree._Element] = {}
        self.code_systems: dict[str, etree._Element] = {}
        self.concept_maps: dict[str, etree._Element] = {}
        places = {"ValueSet": self.value_sets, "CodeSystem": self.code_systems, "ConceptMap": self.concept_maps}
        for path in sorted(folder.rglob("*.xml")):
            root = etree.parse(path).getroot()
            place = places.get(etree.QName(root).localname)
            if place is not None:
                place[_value(root, "url")] = root

    def of_value_set(self, url: str) -> tuple[set[Key], set[str]]:
        """The codes that it names, and the code systems that would have to be held to know the others."""
        codes: set[Key] = set()
        lacking: set[str] = set()
        for compose in _each(self.value_sets[url], "compose"):
            assert not list(_each(compose, "exclude"))
            for include in _each(compose, "include"):
                imported = [self.of_value_set(each.get("value", "")) for each in _each(include, "valueSet")]
                system = _value(include, "system")
                listed = [(system, _value(each, "code")) for each in _each(include, "concept")]
                if listed or not system:
                    assert not (listed and imported)
                    codes.update(listed)
                    for more, missing in imported[:1]:
                        codes |= more
                        lacking |= missing
                    assert len(imported) <= 1
                elif list(_each(include, "filter")) or not self._is_complete(system):
                    assert not imported
                    lacking.add(system)
                else:
                    codes.update((system, each) for each in self._codes_of(self.code_systems[system]))
        return codes, lacking

    def _is_complete(self, system: str) -> bool:
        return system in self.code_systems and _value(self.code_systems[system], "content") == "complete"

    def _codes_of(self, within: etree._Element) -> Iterator[str]:
        for each in _each(within, "concept"):
            yield _value(each, "code")
            yield from self._codes_of(each)

    def rows(self) -> Iterator[Row]:
        """Every mapping of every concept map."""
        for url, root in self.concept_maps.items():
            for group in _each(root, "group"):
                for element in _each(group, "element"):
                    for target in _each(element, "target"):
                        yield Row(
                            url,
                            _value(group, "source"),
                            _value(group, "target"),
                            _value(element, "code"),
                            _value(target, "code"),
                            _value(target, "equivalence"),
                        )


@functools.cache
def second_opinion(definitions: Path, version: str) -> SecondOpinion:
    return SecondOpinion(definitions / FOLDERS[version])


def _each(within: etree._Element, name: str) -> Iterator[etree._Element]:
    yield from within.findall(f"{_PREFIX}{name}")


def _value(within: etree._Element, name: str) -> str:
    found = within.find(f"{_PREFIX}{name}")
    return "" if found is None else found.get("value", "")

"""Where pages are, and how one refers to another or to FHIR's own. https://hl7.org/fhir/R4/references.html#canonical"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from app.cli.authoring.folder import Content
from app.cli.authoring.pages.markdown import code, link, text, title_of
from app.fhir.profiles.tree import CORE
from app.fhir.resource import Resource

INDEX: Final = "README.md"
EXTENSIONS: Final = "extensions.md"
CODE_SYSTEMS: Final = "codesystems.md"
VALUE_SETS: Final = "valuesets.md"
FHIR: Final = "https://hl7.org/fhir/R4"
_SYSTEMS: Final = {
    "http://snomed.info/sct": "SNOMED CT",
    "http://loinc.org": "LOINC",
    "http://unitsofmeasure.org": "UCUM",
}
_VALUE_SETS: Final = "http://hl7.org/fhir/ValueSet/"


class Links:
    """The content of a package with the pages about it; ``source`` is the way from a page to the package's folder."""

    def __init__(self, content: Content, source: str) -> None:
        self.content = content
        self._source = source
        self._found = {each["url"]: each for each in content.resources.values() if "url" in each}

    @cached_property
    def profiles(self) -> list[Resource]:
        """In order of their titles."""
        return [each for each in self.content.of_type("StructureDefinition") if each["type"] != "Extension"]

    @cached_property
    def extensions(self) -> list[Resource]:
        """In order of their ids, which are the headings of their page."""
        found = [each for each in self.content.of_type("StructureDefinition") if each["type"] == "Extension"]
        return sorted(found, key=lambda each: str(each["id"]))

    def own(self, canonical: str) -> Resource | None:
        """What the package has under a canonical."""
        return self._found.get(canonical.partition("|")[0])

    def file(self, path: Path) -> str:
        """A link to a file of the package."""
        place = path.relative_to(self.content.folder).as_posix()
        return link(path.name, f"{self._source}/{place}")

    def path_of(self, resource: Resource) -> Path:
        """The file that a resource of the package is in."""
        return next(path for path, each in self.content.resources.items() if each is resource)

    def definition(self, canonical: str) -> str:
        """A link to what a StructureDefinition, ValueSet or CodeSystem says: ours, FHIR's, else the bare canonical."""
        resource = self.own(canonical)
        if resource is None:
            return self._elsewhere(canonical)
        identifier: str = resource["id"]
        match resource["resourceType"]:
            case "StructureDefinition" if resource["type"] == "Extension":
                return link(identifier, f"{EXTENSIONS}#{_anchor(identifier)}")
            case "StructureDefinition":
                return link(identifier, f"{identifier}.md")
            case "ValueSet":
                return link(text(title_of(resource)), f"{VALUE_SETS}#{_anchor(identifier)}")
            case "CodeSystem":
                return link(text(title_of(resource)), f"{CODE_SYSTEMS}#{_anchor(identifier)}")
        return self.file(self.path_of(resource))

    def _elsewhere(self, canonical: str) -> str:
        url = canonical.partition("|")[0]
        if url in _SYSTEMS:
            return _SYSTEMS[url]
        if url.startswith(CORE) and url.removeprefix(CORE) in self.content.definitions.types:
            return self.type(url.removeprefix(CORE))
        if url.startswith(_VALUE_SETS):
            return link(url.removeprefix(_VALUE_SETS), f"{FHIR}/valueset-{url.removeprefix(_VALUE_SETS)}.html")
        return code(url)

    def type(self, name: str) -> str:
        """A link to the page of a resource type; other types are words that every reader of FHIR knows."""
        if name in self.content.definitions.resource_types:
            return link(name, f"{FHIR}/{name.lower()}.html")
        return name

    def coded(self, coding: Any) -> str:
        """A code with the code system that it is of."""
        words = code(str(coding.get("code", ""))) if "code" in coding else "any code"
        return f"{words} of {self.definition(coding['system'])}" if "system" in coding else words

    def examples_of(self, canonical: str) -> list[tuple[Path, Resource]]:
        """The examples that claim a profile, by file name."""
        return [
            (path, each)
            for path, each in self.content.examples.items()
            if canonical in each.get("meta", {}).get("profile", ())
        ]

    def listed(self, canonicals: Iterable[str]) -> str:
        """Several, between commas."""
        return ", ".join(map(self.definition, canonicals))


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return heading.lower()

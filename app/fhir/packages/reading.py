"""A package as it is, read and checked: what is kept of it, and what is said of the rest.

Kept are the conformance resources that checking, searching and terminology ask for; instances, which packages have as
examples, are not. https://hl7.org/fhir/R4/conformance-module.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from app.errors import Invalid, Issue
from app.fhir import xml
from app.fhir.definitions import Definitions, load
from app.fhir.packages.files import File, files
from app.fhir.packages.library import Artifact, canonical_of, without_what_is_shown
from app.fhir.packages.manifest import CORES, Manifest, family, is_named, manifest
from app.fhir.resource import Resource, decode_value
from app.fhir.validation import validate

KEPT: Final = frozenset(
    {
        *("StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "NamingSystem"),
        *("SearchParameter", "OperationDefinition", "CapabilityStatement"),
    }
)
_MANIFEST: Final = "package.json"
_PLACES: Final = ("", "package", "resources")
"""Folders whose manifest is that of the whole; in any other it is that of what lies below."""
_MOST_PROBLEMS: Final = 20
_BOM: Final = b"\xef\xbb\xbf"
_XML_ROOT: Final = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<(?:[\w.-]+:)?(\w+)", re.DOTALL)
_NAMESPACE: Final = b"http://hl7.org/fhir"
_FHIR_VERSION: Final = re.compile(rb'<(?:\w+:)?fhirVersion\s+value="([^"<]*)"|"fhirVersion"\s*:\s*"([^"]*)"')
_FATAL: Final = frozenset({"structure", "value", "required"})
"""Codes of problems that keep a resource from being used, as what reads it could stumble. Not so text of a wrong form.
"""
_NOT_TEXT: Final = frozenset({"boolean", "decimal", "integer", "positiveInt", "unsignedInt"})
_STEP: Final = re.compile(r"(\w+)(?:\[(\d+)\])?")
_HL7_EXAMPLE: Final = re.compile(r"example\d*|example-.*")
_sorted: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Package:
    """``artifacts`` are in order of type, canonical and version. ``left_out`` counts files that hold nothing that is
    kept; ``remarks`` say what whoever installs it should know. ``digest`` changes with anything that is kept.
    """

    manifest: Manifest
    artifacts: tuple[Artifact, ...]
    digest: str
    left_out: int
    remarks: tuple[str, ...]

    @property
    def name(self) -> str:
        """``name#version``."""
        return self.manifest.package


def read(path: Path, package: str = "") -> tuple[Package, ...]:
    """The packages at ``path``, a folder or a tarball: one, or one for each manifest below where it has none itself.
    ``package`` is the name and version (``name#version``) of what does not say it, or of all of it together.

    Raises ``Invalid`` with every problem, each with its file, and ``TooLarge``.
    """
    found = {folder: _Contents(each) for folder, each in _manifests(path, package).items()}
    outside = 0
    for file in files(path):
        if PurePosixPath(file.name).name == _MANIFEST:
            continue
        folder = _owner(file.name, found)
        if folder is not None:
            found[folder].take(file)
        elif not file.is_example:
            outside += 1
    if outside:
        remark = f"{outside} more files of {path.name} are in none of its packages and were left out."
        next(reversed(found.values())).remarks.append(remark)
    return tuple(each.package() for each in found.values())


def _manifests(path: Path, package: str) -> dict[str, Manifest]:
    """The manifests that count, each by the folder that it is for ("" is all)."""
    contents, versions = _first_look(path)
    placeholder: Mapping[str, Any] = next((contents[each] for each in _PLACES if each in contents), {})
    named = next((contents[each] for each in _PLACES if each in contents and is_named(contents[each])), None)
    if package:
        chosen = {"": manifest(named or placeholder, package)}
    elif named is not None:
        chosen = {"": manifest(named)}
    else:
        chosen = {folder: manifest(each) for folder, each in contents.items() if is_named(each)}
    if not chosen:
        raise Invalid(
            f"{path.name} has no {_MANIFEST} that names a package. Say which one it is: --name NAME#VERSION.", "value"
        )
    return {
        folder: each if each.fhir_version else replace(each, fhir_version=_told(path, versions))
        for folder, each in chosen.items()
    }


def _first_look(path: Path) -> tuple[dict[str, Mapping[str, Any]], set[str]]:
    """Every manifest by its folder, and the FHIR versions that StructureDefinitions say they are for."""
    contents: dict[str, Mapping[str, Any]] = {}
    versions: set[str] = set()
    for file in files(path):
        name = PurePosixPath(file.name)
        if file.is_example:
            continue
        data = file.read()
        if name.name == _MANIFEST:
            content = _json(data, file.name)
            if isinstance(content, dict):
                contents["" if name.parent == PurePosixPath() else str(name.parent)] = content
        elif b"StructureDefinition" in data and (said := _FHIR_VERSION.search(data)):
            versions.add((said[1] or said[2]).decode(errors="replace"))
    return contents, versions


def _told(path: Path, versions: set[str]) -> str:
    found = family(sorted(versions))
    if not found:
        raise Invalid(f"Nothing in {path.name} says for which FHIR version it is.", "value")
    return found


def _owner(name: str, folders: Mapping[str, object]) -> str | None:
    """The innermost of the folders in which a file lies."""
    inside = [each for each in folders if not each or name.startswith(f"{each}/")]
    return max(inside, key=len, default=None)


@dataclass(frozen=True, slots=True)
class _Kept:
    name: str
    artifact: Artifact
    digest: bytes


@dataclass
class _Contents:
    """What has been read of one package so far."""

    manifest: Manifest
    kept: dict[tuple[str, str, str], _Kept] = field(default_factory=dict)
    problems: list[Issue] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    left_out: int = 0
    imperfect: int = 0

    @property
    def definitions(self) -> Definitions:
        """Those of its FHIR version."""
        return load(self.manifest.fhir_version)

    def take(self, file: File) -> None:
        """Keep what the file holds, if it is something that is kept."""
        if file.is_example or len(self.problems) > _MOST_PROBLEMS:
            self.left_out += 1
            return
        try:
            resource = _resource(file, self.definitions)
        except Invalid as error:
            self.problems += [
                replace(each, diagnostics=f"{file.name}: {each.diagnostics}") for each in error.all_issues()
            ]
            return
        if resource is None or (self.manifest.name in CORES and _is_hl7_example(resource)):
            self.left_out += 1
        elif self._is_sound(file.name, resource):
            self._keep(file.name, resource)

    def _is_sound(self, name: str, resource: Resource) -> bool:
        """Whether it can be used: it follows FHIR's own definitions, and is for the package's FHIR version."""
        found = [
            each for each in validate(without_what_is_shown(resource), self.definitions) if each.severity == "error"
        ]
        fatal = [each for each in found if each.code in _FATAL and not _is_of_text(each, resource, self.definitions)]
        if fatal and self.manifest.name in CORES:  # a few of HL7's own definitions do not say of what they are
            self.left_out += 1
            self.remarks.append(f"{name} does not follow FHIR's own definitions and was left out.")
            return False
        if fatal:
            self.problems += [replace(each, diagnostics=f"{name}: {each.diagnostics}") for each in fatal]
            return False
        said = resource.get("fhirVersion", "")
        if resource["resourceType"] == "StructureDefinition" and said and _is_of_another(said, self.manifest):
            text = f"{name}: It is for another FHIR version than {self.manifest.fhir_version}, that of the package."
            self.problems.append(Issue("value", text, ("StructureDefinition.fhirVersion",)))
            return False
        self.imperfect += bool(found)
        return True

    def _keep(self, name: str, resource: Resource) -> None:
        if not canonical_of(resource):
            self.left_out += 1
            self.remarks.append(f"{name} has no url, so that nothing can mean it, and was left out.")
            return
        made = Artifact.of(resource, fhir_version=self.manifest.fhir_version, package=self.manifest.package)
        new = _Kept(name, made, hashlib.sha256(_sorted(without_what_is_shown(resource))).digest())
        first = self.kept.setdefault((made.kind, made.url, made.version), new)
        if first is not new:
            # By name, so that it is the same one whatever order the files come in.
            first, again = sorted((first, new), key=lambda each: each.name)
            self.kept[made.kind, made.url, made.version] = first
            self.left_out += 1
            self.remarks.append(f"{again.name} is {made.kind} {made.url} once more; {first.name} was kept.")

    def package(self) -> Package:
        """What was read. Raises ``Invalid`` with every problem, or when there is nothing to keep."""
        name = self.manifest.package
        if self.problems:
            raise Invalid(f"{name} cannot be read as it is.", issues=tuple(self.problems[:_MOST_PROBLEMS]))
        if not self.kept:
            raise Invalid(f"{name} holds none of {', '.join(sorted(KEPT))}: there is nothing to install.", "value")
        if not any(kind == "StructureDefinition" for kind, _, _ in self.kept):
            self.remarks.append("No StructureDefinition is in it.")
        if self.imperfect:
            self.remarks.append(f"{self.imperfect} resources break other rules of FHIR's own, and were kept.")
        kept = dict(sorted(self.kept.items()))
        digests = [(key, each.digest) for key, each in kept.items()]
        content = [self.manifest.fhir_version, dict(self.manifest.dependencies), digests]
        digest = hashlib.sha256(_sorted(content)).hexdigest()
        artifacts = tuple(each.artifact for each in kept.values())
        return Package(self.manifest, artifacts, digest, self.left_out, tuple(self.remarks))


def _resource(file: File, definitions: Definitions) -> Resource | None:
    """The resource in a file, if it is of a type that is kept. Raises ``Invalid`` for what cannot be read."""
    data = file.read().removeprefix(_BOM)
    if file.name.lower().endswith(".xml"):
        root = _XML_ROOT.match(data)
        if _NAMESPACE not in data or (root is not None and root[1].decode() not in KEPT):
            return None
        return xml.from_xml(data, definitions)
    content = _json(data, "")
    kind = content.get("resourceType") if isinstance(content, dict) else None
    return content if isinstance(kind, str) and kind in KEPT else None


def _json(data: bytes, name: str) -> Any:
    try:
        return decode_value(data.removeprefix(_BOM))
    except Invalid as error:
        raise Invalid(f"{name}: {error}" if name else str(error), error.code) from error


def _is_of_text(issue: Issue, resource: Resource, definitions: Definitions) -> bool:
    """Whether a problem is about the form of a text, which nobody stumbles over who expects a text."""
    if issue.code != "value":
        return False
    value: Any = resource
    kind = str(resource["resourceType"])
    for name, number in _STEP.findall(issue.expression[0].partition(".")[2] if issue.expression else ""):
        members = definitions.types.get(kind, {})
        key = next((each for each in members if name in (each, members[each].choice) and each in value), None)
        if key is None:
            return False
        kind, value = members[key].type, value[key]
        if number:
            value = value[int(number)]
    return isinstance(value, str) and kind not in _NOT_TEXT


def _is_of_another(said: object, of: Manifest) -> bool:
    try:
        return family([str(said)]) != of.fhir_version
    except Invalid:
        return True


def _is_hl7_example(resource: Resource) -> bool:
    """HL7 publishes a few examples of conformance resources among its own definitions."""
    last = str(resource.get("url", "")).rsplit("/", 1)[-1]
    return any(_HL7_EXAMPLE.fullmatch(each) is not None for each in (last, str(resource.get("id", ""))))

"""``package.json``: what a package is called, for which FHIR version it is, and what it builds upon.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.errors import Invalid

FAMILIES: Final[Mapping[str, str]] = {"4.0": "4.0.1", "3.0": "3.0.1"}
"""The FHIR versions that are read, by major and minor, and which tables stand for each."""
CORES: Final[Mapping[str, str]] = {"hl7.fhir.r4.core": "4.0", "hl7.fhir.r3.core": "3.0", "hl7.fhir.core": ""}
"""HL7's own packages; which FHIR version the last one is for shows from its version."""
_OTHER_CORE: Final = re.compile(r"hl7\.fhir\.(r\w+)\.core")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*")
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)*")
_ANY: Final = frozenset({"", "*", "x", "latest", "current", "dev"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """``fhir_version`` is 4.0.1 or 3.0.1, or "" where the manifest does not say; ``dependencies`` from name to
    version.
    """

    name: str
    version: str
    fhir_version: str
    dependencies: Mapping[str, str]

    @property
    def package(self) -> str:
        """``name#version``."""
        return f"{self.name}#{self.version}"


@dataclass(frozen=True, slots=True)
class Missing:
    """A dependency that is not met; ``held`` are the versions of that package that do not do."""

    name: str
    wanted: str
    held: tuple[str, ...]


def is_named(content: Mapping[str, Any]) -> bool:
    """Whether a manifest names a package: names of FHIR packages have a dot, those of placeholders have none."""
    name, version = content.get("name"), content.get("version")
    return (
        isinstance(name, str)
        and isinstance(version, str)
        and _NAME.fullmatch(name) is not None
        and _VERSION.fullmatch(version) is not None
    )


def split(package: str) -> tuple[str, str]:
    """Name and version of ``name#version``. Raises ``Invalid``."""
    name, _, version = package.partition("#")
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise Invalid("A package is named NAME#VERSION, such as nictiz.fhir.nl.r4.zib2020#0.12.1-beta.1.", "value")
    return name, version


def manifest(content: Mapping[str, Any], package: str = "") -> Manifest:
    """What a manifest says; ``package`` is said instead of the name and version in it.

    Raises ``Invalid`` for a FHIR version that is not read.
    """
    name, version = split(package or f"{content.get('name')}#{content.get('version')}")
    listed = content.get("dependencies")
    asked = listed if isinstance(listed, dict) else {}
    dependencies = {each: str(wanted) for each, wanted in asked.items() if each != name}
    cores = {**dependencies, name: version}
    return Manifest(name, version, _stated(content) or _of_cores(cores), dependencies)


def family(versions: Iterable[str]) -> str:
    """4.0.1 or 3.0.1 for what is said of the FHIR version, "" where nothing is. Raises ``Invalid`` for others, and
    where it is for both.
    """
    listed = [*versions]
    found = {FAMILIES[each] for each in map(_major_minor, listed) if each in FAMILIES}
    if listed and not found:
        raise Invalid(f"It is for FHIR {', '.join(listed)}; packages for 4.0.x and 3.0.x are read.", "not-supported")
    if len(found) > 1:
        raise Invalid("It is for FHIR 4.0.x and 3.0.x at once; a package is for one of them.", "not-supported")
    return next(iter(found), "")


def meets(version: str, wanted: str) -> bool:
    """Whether a version is one of those that a dependency asks for: ``2.0.0``, ``2.0.x``, ``^2.0``, ``~2.0``."""
    if wanted in _ANY:
        return True
    if wanted[0] in "^~":
        least = _numbers(wanted[1:])
        same = 1 if wanted[0] == "^" else 2
        return _numbers(version)[:same] == least[:same] and _numbers(version) >= least
    fixed, star, _ = wanted.partition(".x")
    return version.startswith(f"{fixed}.") if star else version == wanted


def missing(
    dependencies: Mapping[str, str], installed: Iterable[tuple[str, str, str]], fhir_version: str
) -> list[Missing]:
    """The dependencies that no installed package (name, version, FHIR version) meets, in order of name.

    One of HL7's core packages does for another of the same FHIR version: they differ in corrections only.
    """
    held = [*installed]
    left = []
    for name, wanted in sorted(dependencies.items()):
        if name in CORES:
            met = any(each in CORES and of == fhir_version for each, _, of in held)
        else:
            met = any(each == name and meets(version, wanted) for each, version, _ in held)
        if not met:
            left.append(Missing(name, wanted, tuple(version for each, version, _ in held if each == name)))
    return left


def _stated(content: Mapping[str, Any]) -> str:
    """As ``fhirVersions`` says, which older packages call ``fhir-version-list``."""
    for key in ("fhirVersions", "fhir-version-list", "fhirVersion"):
        said = content.get(key)
        listed = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        if listed:
            return family(map(str, listed))
    return ""


def _of_cores(packages: Mapping[str, str]) -> str:
    """As the core package says that it is or builds upon."""
    said = [CORES[name] or version for name, version in packages.items() if name in CORES]
    others = [found[1].upper() for name in packages if name not in CORES and (found := _OTHER_CORE.fullmatch(name))]
    return family(said or others)


def _major_minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _numbers(version: str) -> tuple[int, ...]:
    found = _NUMBERS.match(version)
    return tuple(map(int, found[0].split("."))) if found else ()

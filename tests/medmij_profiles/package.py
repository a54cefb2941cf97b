"""The files of ``medmij_profiles`` and the engine over them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.definitions import Definitions, load
from app.fhir.packages import Library
from app.fhir.profiles import Profiles
from app.fhir.resource import Resource, decode
from app.fhir.terminology.library import LibraryTerminology
from app.server.packages.built_in import built_in

FOLDER: Final = Path(__file__).parents[2] / "medmij_profiles"
BASE: Final = f"{CANONICAL_BASE}/"
APART: Final = ("examples", "near-misses")
"""Folders of what is no definition."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A resource that one rule of a profile refuses, at one place."""

    profile: str
    rule: str
    path: str
    resource: Resource


def paths(folder: str = "") -> list[Path]:
    """The files of a folder; without one, of all folders but ``APART``."""
    if folder:
        return sorted((FOLDER / folder).glob("*.json"))
    return [each for each in sorted(FOLDER.glob("*/*.json")) if each.parent.name not in APART]


@functools.cache
def read(path: Path) -> Resource:
    return decode(path.read_bytes())


@functools.cache
def definitions() -> Definitions:
    return load("4.0.1")


@functools.cache
def library() -> Library:
    return Library(built_in(CANONICAL_BASE))


@functools.cache
def profiles() -> Profiles:
    return Profiles(definitions(), library(), LibraryTerminology(library(), definitions()))


@functools.cache
def examples() -> Mapping[str, Resource]:
    """By ``Type/id``."""
    return {f"{each['resourceType']}/{each['id']}": each for each in map(read, paths("examples"))}


def near_misses() -> list[tuple[str, NearMiss]]:
    return [(each.stem, NearMiss(**read(each))) for each in paths("near-misses")]


def of_type(resource_type: str) -> Mapping[str, Resource]:
    """Our definitions of a type, by canonical."""
    found = (read(each) for each in paths())
    return {each["url"]: each for each in found if each["resourceType"] == resource_type}


def codes_of(system: Resource) -> dict[str, str]:
    """Code and display."""
    return {each["code"]: each["display"] for each in system["concept"]}


def walk(value: Any) -> Iterator[Any]:
    """A value and everything in it."""
    yield value
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from walk(each)

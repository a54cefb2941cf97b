"""Every element of a package's resources replaced by something else: it is refused with a reason, or can be used."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.errors import ZelfregieError
from app.fhir.definitions import load
from app.fhir.packages import Library
from app.fhir.packages.reading import Package, read
from app.fhir.profiles.profiles import Profiles
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from tests.packages.made import code_system, files_of, folder, manifest, profile, value_set

SNAPSHOT: Final = {"element": [{"id": "Goal", "path": "Goal", "min": 0, "max": "*"}]}
NUMBERS: Final[Resource] = {
    "resourceType": "NamingSystem",
    "name": "Numbers",
    "status": "active",
    "kind": "identifier",
    "date": "2026",
    "uniqueId": [{"type": "uri", "value": "https://packages.example/numbers"}],
}
DAMAGED: Final = {
    "profile": profile(),
    "snapshot": {**profile(), "snapshot": SNAPSHOT},
    "code-system": code_system("red"),
    "value-set": value_set(),
    "naming-system": NUMBERS,
}
OTHERS: Final[tuple[Any, ...]] = (
    "",
    "\x00",
    "x",
    None,
    3,
    1.5,
    10**40,
    True,
    [],
    {},
    [1],
    [None],
    [[]],
    {"a": 1},
    {"value": "x"},
)
GOAL: Final = {"resourceType": "Goal", "lifecycleStatus": "active"}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield (*path, key)
        yield from places(each, (*path, key))


def damaged(resource: Resource) -> Iterator[Resource]:
    """The resource with something else in one place, for each place and each other thing."""
    for path in places(resource):
        for other in OTHERS:
            changed: Any = copy.deepcopy(resource)
            at = changed
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = other
            yield changed


def use(package: Package) -> None:
    """Ask of everything in it what a service asks."""
    definitions, library = load("4.0.1"), Library(package.artifacts)
    terminology = LibraryTerminology(library, definitions)
    profiles = Profiles(definitions, library, terminology)
    list(profiles.every())
    for each in package.artifacts:
        if each.kind == "StructureDefinition":
            profiles.check(GOAL, each.url)
        terminology.membership(each.url)
        terminology.holds_system(each.url)


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_is_refused_or_nobody_stumbles_over_it(name: str, tmp_path: Path) -> None:
    refused: list[ZelfregieError] = []
    used = 0
    for number, changed in enumerate(damaged(DAMAGED[name])):
        files = {**files_of(profile("https://packages.example/whole")), "damaged.json": json.dumps(changed).encode()}
        try:
            (package,) = read(folder(tmp_path / str(number), files))
        except ZelfregieError as refusal:
            refused.append(refusal)
        else:
            use(package)
            used += 1
    assert len(refused) > used > 0
    issues = [[issue.diagnostics for issue in each.issues] for each in refused]
    assert all(listed and all(text.startswith("damaged.json: ") for text in listed) for listed in issues)


def test_a_damaged_manifest_is_refused_or_read(tmp_path: Path) -> None:
    refused = []
    whole = json.loads(manifest(dependencies={"example.base": "1.0.0"}))
    for number, changed in enumerate(damaged(whole)):
        files = {**files_of(profile()), "package.json": json.dumps(changed).encode()}
        try:
            (package,) = read(folder(tmp_path / str(number), files))
        except ZelfregieError as refusal:
            refused.append(refusal.diagnostics)
        else:
            assert len(package.artifacts) == 1
    assert len(refused) > 20
    assert all(refused)

"""Small packages, made as they are published: a folder, or a tarball in the layout of npm."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.fhir.resource import Resource

BASE: Final = "https://packages.example/fhir"
NAME: Final = "example.proef"
CANONICAL: Final = f"{BASE}/StructureDefinition/proef-goal"
COLOURS: Final = f"{BASE}/ValueSet/colours"
SYSTEM: Final = f"{BASE}/CodeSystem/colours"

Files = dict[str, bytes]
"""By name, with slashes."""


def manifest(version: str = "1.0.0", **more: Any) -> bytes:
    return json.dumps({"name": NAME, "version": version, "fhirVersions": ["4.0.1"], **more}).encode()


def profile(url: str = CANONICAL, **more: Any) -> Resource:
    """A profile of Goal that asks for a note."""
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "version": "1.0.0",
        "name": "ProefGoal",
        "status": "active",
        "fhirVersion": "4.0.1",
        "kind": "resource",
        "abstract": False,
        "type": "Goal",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Goal",
        "derivation": "constraint",
        "differential": {
            "element": [{"id": "Goal", "path": "Goal"}, {"id": "Goal.note", "path": "Goal.note", "min": 1}]
        },
        **more,
    }


def code_system(*codes: str, **more: Any) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "url": SYSTEM,
        "version": "1.0.0",
        "name": "Colours",
        "status": "active",
        "content": "complete",
        "concept": [{"code": code, "display": code.title()} for code in codes],
        **more,
    }


def value_set(**more: Any) -> Resource:
    return {
        "resourceType": "ValueSet",
        "url": COLOURS,
        "version": "1.0.0",
        "name": "Colours",
        "status": "active",
        "compose": {"include": [{"system": SYSTEM}]},
        **more,
    }


def named(resource: Resource) -> str:
    """The file name that is usual for it."""
    return f"{resource['resourceType']}-{resource['url'].rsplit('/', 1)[-1]}.json"


def files_of(*resources: Resource, version: str = "1.0.0", **more: Any) -> Files:
    """A package with these resources, its manifest at the root."""
    found = {"package.json": manifest(version, **more)}
    return found | {named(each): json.dumps(each).encode() for each in resources}


def colours(*codes: str, version: str = "1.0.0", **more: Any) -> Files:
    """A package with a profile, and a value set with these codes."""
    return files_of(profile(), code_system(*(codes or ("red", "green"))), value_set(), version=version, **more)


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return path


def tarball(path: Path, files: Mapping[str, bytes], *, prefix: str = "package/") -> Path:
    """A tarball as ``npm pack`` makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{prefix}{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path

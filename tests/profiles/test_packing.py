"""The service's own package as a tarball that others install. https://confluence.hl7.org/display/FHIR/NPM+Package+Specification"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from app.cli.authoring.commands import OWN
from app.cli.authoring.folder import read_folder
from app.cli.authoring.packing import packed, tarball_name
from app.cli.commands import app
from app.config import CANONICAL_BASE, VERSION
from app.fhir.packages.reading import read
from app.server.packages.built_in import NAME, built_in

CONTENT = read_folder(OWN)


def test_a_tarball_is_the_same_bytes_each_time() -> None:
    assert packed(CONTENT, CANONICAL_BASE) == packed(read_folder(OWN), CANONICAL_BASE)
    assert tarball_name(CONTENT) == f"{NAME}-{VERSION}.tgz"


def test_a_tarball_lists_what_is_in_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(CONTENT, CANONICAL_BASE))) as archive:
        names = archive.getnames()
        listed = archive.extractfile("package/.index.json")
        assert listed is not None
        index = msgspec.json.decode(listed.read())
    assert names[0] == "package/package.json"
    definitions = {each for each in names if each.count("/") == 1} - {"package/package.json", "package/.index.json"}
    assert {f"package/{each['filename']}" for each in index["files"]} == definitions
    assert len(definitions) == len(CONTENT.resources)
    assert not any("near-misses" in each for each in names)
    assert {
        "filename": "StructureDefinition-PersonalGoal.json",
        "resourceType": "StructureDefinition",
        "id": "PersonalGoal",
        "url": f"{CANONICAL_BASE}/StructureDefinition/PersonalGoal",
        "version": VERSION,
        "kind": "resource",
        "type": "Goal",
    } in index["files"]


NOT_KEPT = frozenset({"Questionnaire", "PlanDefinition", "ActivityDefinition"})
"""What is no definition of what others write: an installed package is there to check and to speak by."""


@pytest.mark.parametrize("base", [CANONICAL_BASE, "https://gezond.example/fhir"])
def test_what_is_installed_from_the_tarball_is_what_is_built_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    monkeypatch.setenv("ZELFREGIE_CANONICAL_BASE", base)
    made = CliRunner().invoke(app, ["profiles", "pack", "--out", str(tmp_path)])
    assert made.exit_code == 0, made.output
    (package,) = read(tmp_path / tarball_name(CONTENT))
    assert package.name == f"{NAME}#{VERSION}"
    installed = {(each.kind, each.url): each.resource() for each in package.artifacts}
    own = {(each.kind, each.url): each.resource() for each in built_in(base) if each.kind not in NOT_KEPT}
    assert installed == own

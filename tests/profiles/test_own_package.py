"""What is made of the service's own package is as it was committed: snapshots, and pages for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.authoring.commands import OWN, OWN_PAGES, way
from app.cli.authoring.folder import read_folder, snapshots
from app.cli.authoring.pages import pages
from app.cli.commands import app
from app.fhir.definitions import load
from app.fhir.resource import decode
from app.fhir.validation import validate
from app.server.packages.built_in import FOLDER

CONTENT = read_folder(OWN)
PAGES = pages(CONTENT, way(OWN_PAGES, OWN))


def test_the_package_that_is_made_is_the_one_that_is_served() -> None:
    assert OWN == FOLDER


@pytest.mark.parametrize(
    ("path", "made"), [pytest.param(path, made, id=path.stem) for path, made in snapshots(CONTENT)]
)
def test_a_snapshot_is_what_its_differential_says(path: Path, made: bytes) -> None:
    assert path.read_bytes() == made, "make them anew: zelfregie profiles snapshot"
    resource = decode(made)
    assert [each for each in validate(resource, load("4.0.1")) if each.severity == "error"] == []
    assert resource["snapshot"]["element"][0]["id"] == resource["type"]
    named = {each["id"] for each in resource["snapshot"]["element"]}
    assert {each["id"] for each in resource["differential"]["element"]} <= named


def test_the_pages_are_what_the_package_says() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in OWN_PAGES.glob("*.md")}
    assert written == PAGES, "make them anew: zelfregie profiles pages"


def test_every_profile_has_a_page_that_the_index_leads_to() -> None:
    for each in CONTENT.of_type("StructureDefinition"):
        if each["type"] != "Extension":
            assert f"({each['id']}.md)" in PAGES["README.md"]
            assert each["url"] in PAGES[f"{each['id']}.md"]
        else:
            assert f"## {each['id']}\n" in PAGES["extensions.md"]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_link_leads_to_what_there_is(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        if target.startswith("https://hl7.org/fhir/R4/"):
            continue
        place, _, anchor = target.partition("#")
        if place in PAGES:
            headings = {line.lstrip("# ").lower() for line in PAGES[place].splitlines() if line.startswith("#")}
            assert not anchor or anchor in headings
        else:
            assert (OWN_PAGES / place).resolve().is_file(), target


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_rows_of_a_table_have_as_many_cells_as_its_head(name: str) -> None:
    width = 0
    for line in PAGES[name].splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line)) - 1
        width = width or cells
        assert cells == width, line


def test_snapshots_and_pages_are_made_again_in_their_places(tmp_path: Path) -> None:
    folder = _copy(tmp_path / "package")
    path = folder / "profiles" / "StructureDefinition-PersonalGoal.json"
    content = decode(path.read_bytes())
    del content["snapshot"]
    path.write_text("{}")
    path.write_bytes(_as_file(content))
    made = CliRunner().invoke(app, ["profiles", "snapshot", str(folder)])
    assert made.exit_code == 0, made.output
    assert "1 files changed" in made.output
    assert path.read_bytes() == (OWN / "profiles" / path.name).read_bytes()
    out = tmp_path / "docs"
    out.mkdir()
    (out / "Former.md").write_text("# A profile that is no more\n")
    made = CliRunner().invoke(app, ["profiles", "pages", str(folder), "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert {each.name for each in out.iterdir()} == set(PAGES)


def test_what_a_profile_is_derived_from_has_to_be_there(tmp_path: Path) -> None:
    folder = _copy(tmp_path / "package")
    (folder / "profiles" / "StructureDefinition-PlanGoal.json").unlink()
    made = CliRunner().invoke(app, ["profiles", "snapshot", str(folder)])
    assert made.exit_code == 1
    assert "PersonalGoal.json" in made.output
    assert "StructureDefinition/PlanGoal is not in the folder" in made.output


def test_a_folder_without_a_manifest_is_no_package(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["profiles", "snapshot", str(tmp_path)])
    assert made.exit_code == 1
    assert "has no package.json" in made.output


def _copy(folder: Path) -> Path:
    import shutil

    shutil.copytree(OWN, folder)
    return folder


def _as_file(content: dict[str, object]) -> bytes:
    from app.cli.authoring.folder import as_file

    return as_file(content)

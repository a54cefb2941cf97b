"""Installing, replacing and removing packages, and what every process then holds; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from app.config import CANONICAL_BASE
from app.database import Database, open_database
from app.database.migrations import migrate
from app.errors import Conflict, Invalid, NotFound
from app.fhir.packages.reading import Package, read
from app.server.packages import InstalledPackages
from app.server.packages.built_in import NAME as BUILT_IN
from app.server.packages.built_in import built_in
from app.server.packages.keeping import install, listed, remove
from tests.packages.made import CANONICAL, COLOURS, NAME, code_system, colours, files_of, folder, manifest, profile

PACKAGE: Final = f"{NAME}#1.0.0"
OURS: Final = "https://eigen.example/fhir"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    opened = await open_database(database_url, connections=3)
    yield opened
    await opened.close()


@pytest.fixture
def installed() -> InstalledPackages:
    return InstalledPackages(CANONICAL_BASE)


def packaged(path: Path, files: dict[str, bytes]) -> Package:
    (found,) = read(folder(path, files))
    return found


async def colours_of(installed: InstalledPackages, database: Database) -> frozenset[str]:
    return (await installed.terminology(database)).membership(COLOURS).codes


async def test_without_any_the_library_is_what_is_built_in(database: Database, installed: InstalledPackages) -> None:
    library = await installed.library(database)
    assert len(library) == len(built_in(CANONICAL_BASE)) > 50
    assert await listed(database) == []


async def test_what_is_built_in_has_the_canonical_base_of_this_installation(database: Database) -> None:
    library = await InstalledPackages(OURS).library(database)
    every = [*library.of_kind("4.0.1", "StructureDefinition"), *library.of_kind("4.0.1", "ValueSet")]
    assert every
    assert all(each.url.startswith(f"{OURS}/") for each in every)
    assert not any(CANONICAL_BASE in str(each.resource()) for each in every)


async def test_what_is_installed_is_held_at_the_next_question(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    before = await installed.library(database)
    assert await installed.library(database) is before, "made once"
    package = packaged(tmp_path, colours("red", "green"))
    assert await install(database, [package], now=7) == {PACKAGE: "installed"}
    library = await installed.library(database)
    assert library is not before
    found = library.find("4.0.1", "StructureDefinition", f"{CANONICAL}|1.0.0")
    assert found is not None
    assert found in package.artifacts
    assert library.find("3.0.1", "StructureDefinition", CANONICAL) is None
    assert await colours_of(installed, database) == {"red", "green"}
    profiles = await installed.profiles(database)
    assert profiles is await installed.profiles(database), "made once"
    assert profiles.knows(CANONICAL)
    assert [issue.rule for issue in profiles.check({"resourceType": "Goal"}, CANONICAL)] == ["min"]
    assert not (await installed.profiles(database, "3.0.1")).knows(CANONICAL)


async def test_installing_the_same_again_changes_nothing(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    package = packaged(tmp_path, colours())
    await install(database, [package], now=7)
    library = await installed.library(database)
    assert await install(database, [package], now=8) == {PACKAGE: "there already"}
    assert await install(database, [package], replace=True, now=9) == {PACKAGE: "there already"}
    assert await installed.library(database) is library
    assert [each.installed for each in await listed(database)] == [7]


async def test_other_content_takes_the_place_only_when_it_is_said(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    await install(database, [packaged(tmp_path / "1", colours("red"))], now=7)
    other = packaged(tmp_path / "2", {**files_of(code_system("blue")), "b.json": colours()["ValueSet-colours.json"]})
    with pytest.raises(Conflict, match=r"example\.proef#1\.0\.0 is installed with other content.*--replace"):
        await install(database, [other], now=8)
    assert await colours_of(installed, database) == {"red"}
    assert await install(database, [other], replace=True, now=8) == {PACKAGE: "replaced"}
    assert await colours_of(installed, database) == {"blue"}
    assert (await installed.library(database)).find("4.0.1", "StructureDefinition", CANONICAL) is None
    assert [each.counts for each in await listed(database)] == [{"CodeSystem": 1, "ValueSet": 1}]


async def test_of_several_all_are_installed_or_none(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    await install(database, [packaged(tmp_path / "1", colours("red"))], now=7)
    library = await installed.library(database)
    new = packaged(tmp_path / "new", colours("green", version="2.0.0"))
    other = packaged(tmp_path / "other", colours("blue"))
    with pytest.raises(Conflict):
        await install(database, [new, other], now=8)
    assert [each.package for each in await listed(database)] == [PACKAGE]
    assert await installed.library(database) is library


async def test_a_fault_half_way_leaves_everything_as_it_was(
    database: Database, installed: InstalledPackages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await install(database, [packaged(tmp_path / "1", colours("red"))], now=7)
    library = await installed.library(database)

    async def fail(*_: object, **__: object) -> None:
        raise Invalid("half way")

    monkeypatch.setattr("app.server.packages.keeping._put", fail)
    with pytest.raises(Invalid, match="half way"):
        await install(database, [packaged(tmp_path / "2", colours("blue"))], replace=True, now=8)
    assert await installed.library(database) is library
    assert await colours_of(installed, database) == {"red"}


async def test_the_same_given_twice_is_one_and_two_that_differ_are_refused(database: Database, tmp_path: Path) -> None:
    package = packaged(tmp_path / "1", colours("red"))
    assert await install(database, [package, package], now=7) == {PACKAGE: "installed"}
    with pytest.raises(Conflict, match="given twice, with different content"):
        await install(database, [package, packaged(tmp_path / "2", colours("blue"))], replace=True, now=8)


async def test_the_package_that_is_built_in_is_not_installed_besides(database: Database, tmp_path: Path) -> None:
    package = packaged(tmp_path, {**colours(), "package.json": manifest(name=BUILT_IN)})
    with pytest.raises(Invalid, match="is built in"):
        await install(database, [package], now=7)


async def test_what_is_removed_is_gone_at_the_next_question(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    await install(database, [packaged(tmp_path, colours())], now=7)
    assert (await installed.library(database)).find("4.0.1", "ValueSet", COLOURS) is not None
    assert await remove(database, PACKAGE) == 3
    assert (await installed.library(database)).find("4.0.1", "ValueSet", COLOURS) is None
    assert await database.fetch("SELECT 1 FROM artifact") == []
    with pytest.raises(NotFound, match="is not installed"):
        await remove(database, PACKAGE)
    with pytest.raises(Invalid, match="NAME#VERSION"):
        await remove(database, NAME)


async def test_two_versions_of_a_package_stand_beside_each_other_and_the_newest_is_meant(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    older = packaged(tmp_path / "1", files_of(profile(title="Older")))
    newer = packaged(tmp_path / "2", files_of(profile(title="Newer", version="1.10.0"), version="1.10.0"))
    await install(database, [newer, older], now=7)
    library = await installed.library(database)
    titles = {
        canonical: found.resource()["title"]
        for canonical in (CANONICAL, f"{CANONICAL}|1.0.0", f"{CANONICAL}|1.10.0")
        if (found := library.find("4.0.1", "StructureDefinition", canonical)) is not None
    }
    assert titles == {CANONICAL: "Newer", f"{CANONICAL}|1.0.0": "Older", f"{CANONICAL}|1.10.0": "Newer"}
    both = [f"{NAME}#1.0.0", f"{NAME}#1.10.0"]
    assert [(each.package, dict(each.shared)) for each in await listed(database)] == [
        (both[0], {both[1]: [CANONICAL]}),
        (both[1], {both[0]: [CANONICAL]}),
    ]


async def test_the_same_canonical_of_another_fhir_version_is_no_other_profile(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    stu3 = files_of(profile(title="STU3", fhirVersion="3.0.2"), name="example.stu3", fhirVersions=["3.0.2"])
    r4 = files_of(profile(title="R4"))
    await install(database, [packaged(tmp_path / "r4", r4), packaged(tmp_path / "stu3", stu3)], now=7)
    library = await installed.library(database)
    for version, title in (("4.0.1", "R4"), ("3.0.1", "STU3")):
        found = library.find(version, "StructureDefinition", CANONICAL)
        assert found is not None
        assert found.resource()["title"] == title
    assert [each.shared for each in await listed(database)] == [{}, {}]


async def test_of_equals_the_one_installed_last_is_meant(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    names = ("example.zebra", "example.aap", "example.mier")
    for now, name in enumerate(names):
        package = packaged(tmp_path / name, files_of(profile(title=name), name=name))
        await install(database, [package], now=now)
        found = (await installed.library(database)).find("4.0.1", "StructureDefinition", CANONICAL)
        assert found is not None
        assert found.resource()["title"] == name


async def test_what_is_not_installed_is_listed_with_the_version_that_is_there(
    database: Database, tmp_path: Path
) -> None:
    asked = {"hl7.fhir.r4.core": "4.0.1", "example.base": "^2.0"}
    await install(database, [packaged(tmp_path / "1", colours(dependencies=asked))], now=7)
    await install(
        database, [packaged(tmp_path / "2", files_of(profile(), name="example.base", version="1.0.0"))], now=8
    )
    found = {each.package: each for each in await listed(database)}
    assert [(each.name, each.wanted, each.held) for each in found[PACKAGE].missing] == [
        ("example.base", "^2.0", ("1.0.0",)),
        ("hl7.fhir.r4.core", "4.0.1", ()),
    ]
    assert found["example.base#1.0.0"].missing == []


async def test_two_who_install_at_once_do_it_one_after_the_other(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    packages = [packaged(tmp_path / str(number), colours(version=f"{number}.0.0")) for number in range(4)]
    await asyncio.gather(*(install(database, [each], now=number) for number, each in enumerate(packages)))
    assert len(await listed(database)) == 4
    assert len(await installed.library(database)) == len(built_in(CANONICAL_BASE)) + 12


async def test_a_snapshot_from_before_is_answered_with_what_came_of_the_change(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    await installed.library(database)
    async with database.snapshot() as early:
        await installed.library(early)
        await install(database, [packaged(tmp_path, colours())], now=7)
        library = await installed.library(database)
        assert await installed.library(early) is library


async def test_many_who_ask_at_once_are_given_one_library(
    database: Database, installed: InstalledPackages, tmp_path: Path
) -> None:
    await install(database, [packaged(tmp_path, colours())], now=7)
    libraries = await asyncio.gather(*(installed.library(database) for _ in range(8)))
    assert len({id(each) for each in libraries}) == 1

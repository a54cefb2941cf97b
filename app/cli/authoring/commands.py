"""``zelfregie profiles``: what the makers of a package of profiles do with it. https://typer.tiangolo.com"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.console import failure, settings_of, stdout
from app.errors import ZelfregieError

app = typer.Typer(no_args_is_help=True, help="Making a package of profiles: snapshots, pages, tarball.")

_PROJECT: Final = Path(__file__).parents[3]
OWN: Final = _PROJECT / "medmij_profiles"
OWN_PAGES: Final = _PROJECT / "docs" / "profiles"

FolderArgument = Annotated[
    Path, typer.Argument(help="folder with package.json, and a folder for each kind of resource")
]


@app.command()
def snapshot(folder: FolderArgument = OWN) -> None:
    """Make the snapshots of all StructureDefinitions anew from their differentials, in their files."""
    from app.cli.authoring.folder import read_folder, snapshots, write

    try:
        found = list(snapshots(read_folder(folder)))
    except ZelfregieError as error:
        raise failure(error) from error
    stdout.print(f"{len(found)} snapshots, {write(found)} files changed.")


@app.command()
def pages(
    folder: FolderArgument = OWN,
    out: Annotated[Path, typer.Option(help="folder for the pages; other pages in it are removed")] = OWN_PAGES,
) -> None:
    """Write the pages for people: one for each profile, and those of extensions, code systems and value sets."""
    from app.cli.authoring.folder import read_folder, write
    from app.cli.authoring.pages import pages as made

    try:
        found = made(read_folder(folder), way(out, folder))
    except ZelfregieError as error:
        raise failure(error) from error
    for path in out.glob("*.md"):
        if path.name not in found:
            path.unlink()
    changed = write((out / name, content.encode()) for name, content in found.items())
    stdout.print(f"{len(found)} pages, {changed} files changed.")


def way(start: Path, end: Path) -> str:
    """How a page in one folder names another folder."""
    return Path(os.path.relpath(end.resolve(), start.resolve())).as_posix()


@app.command()
def pack(
    folder: FolderArgument = OWN,
    out: Annotated[Path, typer.Option(help="folder for the tarball")] = Path(),
) -> None:
    """Write the package as an npm tarball, under the canonical base of the settings, for `packages install`."""
    from app.cli.authoring.folder import read_folder
    from app.cli.authoring.packing import packed, tarball_name
    from app.config import CANONICAL_BASE

    try:
        content = read_folder(folder)
    except ZelfregieError as error:
        raise failure(error) from error
    base = str(content.manifest["canonical"])
    path = out / tarball_name(content)
    path.write_bytes(packed(content, settings_of().canonical_base if base == CANONICAL_BASE else base))
    stdout.print(f"{path}: {len(content.resources)} definitions, {len(content.examples)} examples.")

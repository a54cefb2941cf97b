"""``zelfregie profiles``: what the makers of a package of profiles do with it. https://typer.tiangolo.com"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.console import failure, stdout
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

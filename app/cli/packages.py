"""``zelfregie packages``: official profiles, value sets and other definitions. https://typer.tiangolo.com"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import DatabaseOption, stderr
from app.cli.ordering import order

app = typer.Typer(no_args_is_help=True, help="Packages of official profiles and value sets.")


@app.command()
def install(
    paths: Annotated[list[Path], typer.Argument(help="folders, or tarballs (.tgz, .tar.gz), as they were published")],
    *,
    name: Annotated[str, typer.Option(help="NAME#VERSION of a package that does not say it (one path only)")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="put this in the place of other content")] = False,
    database: DatabaseOption = None,
) -> None:
    """Install packages: all of these or, when one cannot be read, none. A running service uses them from then on."""
    from app.cli.control import Asked

    if name and len(paths) > 1:
        stderr.print("[red]--name is for one path.[/red]")
        raise typer.Exit(2)
    options = {"name": name, "replace": "yes" if replace else ""}
    order(database, Asked("packages-install", tuple(str(each.absolute()) for each in paths), options=options))


@app.command(name="list")
def list_packages(database: DatabaseOption = None) -> None:
    """Every package: what it holds, what it asks for that is not installed, what it shares with another."""
    from app.cli.control import Asked

    order(database, Asked("packages-list"))


@app.command()
def remove(
    package: Annotated[str, typer.Argument(help="NAME#VERSION")],
    database: DatabaseOption = None,
) -> None:
    """Remove a package. What claims its profiles stays, and is no longer checked against them."""
    from app.cli.control import Asked

    order(database, Asked("packages-remove", options={"package": package}))

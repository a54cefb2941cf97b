"""``zelfregie quarantine``: what was delivered and could not be read. https://typer.tiangolo.com"""

from __future__ import annotations

import typer

from app.cli.console import DatabaseOption, stdout
from app.cli.ordering import order

app = typer.Typer(no_args_is_help=True, help="What was delivered and could not be read.")


@app.callback()
def quarantine() -> None:
    """What was delivered and could not be read."""


@app.command("list")
def list_kept(*, database: DatabaseOption = None) -> None:
    """List it: who sent what and when, where it is wrong, and which version of the service tried it; no content."""
    from app.cli.control import Asked

    counts = order(database, Asked("quarantine-list")).counts
    stdout.print(f"{counts['entries']} could not be read, {counts['held']} deliveries are held.")


@app.command()
def retry(*, database: DatabaseOption = None) -> None:
    """Try once more what could not be read, whichever version tried it last. What is held only the person lets in."""
    from app.cli.control import Asked

    counts = order(database, Asked("quarantine-retry")).counts
    stdout.print(f"{counts['stored']} stored, {counts['left']} still cannot be read.")

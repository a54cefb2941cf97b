"""``zelfregie import``: a file of measurements into one person's record. https://typer.tiangolo.com"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import DatabaseOption, stdout
from app.cli.ordering import order


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, Apple Health's export.xml or its zip, or Open mHealth JSON")],
    *,
    patient: Annotated[str, typer.Option(help="id of the Patient whose measurements they are")],
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv, apple-health or open-mhealth; from the content when not said")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Import measurements from a file. Good lines are stored, the others are listed; a file that is imported again
    stores nothing twice.
    """
    from app.cli.control import Asked

    options = {} if file_format is None else {"format": file_format}
    counts = order(database, Asked("import", (str(file.absolute()),), patient, options=options)).counts
    stdout.print(
        f"{counts['read']} lines read: {counts['stored']} stored, {counts['same']} there already,"
        f" {counts['refused']} refused, {counts['left-out']} left out."
    )
    if counts["flagged"]:
        stdout.print(f"{counts['flagged']} hardly ever occur, and are to be confirmed.")
    if counts["unused"]:
        stdout.print(f"{counts['unused']} are no measurement of a kind that is kept here.")
    if counts["refused"]:
        raise typer.Exit(1)

"""``zelfregie audit``: look after the access log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from app.cli.console import DatabaseOption, failure, settings_of, stdout
from app.errors import ZelfregieError

if TYPE_CHECKING:
    from app.audit import Finding

app = typer.Typer(no_args_is_help=True, help="Look after the access log.")


@app.command()
def verify(database: DatabaseOption = None) -> None:
    """Find every line that was altered, removed, put elsewhere or cut off; also beside a running service. Ends with 1
    when there is one.
    """
    from app.auth.accesslog import keeping
    from app.database.reading import reading

    settings = settings_of(database=database)

    async def run() -> list[Finding]:
        async with reading(settings.database) as reader:
            return await keeping.verify(reader, settings)

    try:
        found = asyncio.run(run())
    except ZelfregieError as error:
        raise failure(error) from error
    for each in found:
        where = f"line {each.line}: " if each.line else ""
        stdout.print(f"{escape(each.place)}: {where}{escape(each.problem)}")
    if found:
        stdout.print(f"{len(found)} things do not hold.")
        raise typer.Exit(1)
    stdout.print("The access log is whole.")


@app.command()
def anchor(database: DatabaseOption = None) -> None:
    """Write down outside the database how far the log has come, signed; a running service does so every hour."""
    from app.auth.accesslog import keeping
    from app.clock import system_clock
    from app.database.reading import reading

    settings = settings_of(database=database)

    async def run() -> int:
        async with reading(settings.database) as reader:
            return await keeping.write_anchor(reader, settings, now=system_clock())

    try:
        streams = asyncio.run(run())
    except ZelfregieError as error:
        raise failure(error) from error
    stdout.print(f"{streams} streams anchored in {escape(str(keeping.anchors_of(settings)))}.")


@app.command()
def prune(database: DatabaseOption = None) -> None:
    """Erase the lines whose time is over (app/audit/retention.yaml, ZELFREGIE_AUDIT_MONTHS); a running service does so
    once a day.
    """
    from app.cli.control import Asked
    from app.cli.ordering import order

    stdout.print(f"{order(database, Asked('prune')).counts['lines']} lines erased.")

"""``zelfregie due``: write what is due in everybody's care plan."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import DatabaseOption, failure, stdout
from app.cli.ordering import order
from app.errors import Invalid


def due(
    database: DatabaseOption = None,
    now: Annotated[
        str | None, typer.Option(help="what is due by this date or time; by the clock when not said", metavar="TIME")
    ] = None,
) -> None:
    """Write what is due in everybody's care plan: reviews, agreements, questionnaires; and finish the series of
    measurements whose days are over. A running service does so every hour.
    """
    from app.cli.control import Asked
    from app.fhir.dates import bounds

    if now is not None:
        try:
            bounds(now)
        except Invalid as error:
            raise failure(error) from error
    counts = order(database, Asked("due", options={} if now is None else {"now": now})).counts
    stdout.print(f"{counts['opened']} plans to be looked back on, {counts['tasks']} tasks written.")
    if counts["finished"] or counts["again"]:
        stdout.print(f"{counts['finished']} series of measurements finished, {counts['again']} computed again.")
    if counts["failed"]:
        stdout.print(f"{counts['failed']} plans could not be changed; the log says which.")
    if counts["unfinished"]:
        stdout.print(f"{counts['unfinished']} series of measurements could not be changed; the log says which.")
    if counts["failed"] or counts["unfinished"]:
        raise typer.Exit(1)

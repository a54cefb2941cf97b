"""What every command shares: where it writes, its settings, and how it says what went wrong."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from app.config import Settings
from app.errors import Issue, ZelfregieError

stdout = Console(soft_wrap=True, highlight=False)
stderr = Console(stderr=True, soft_wrap=True, highlight=False)

DatabaseOption = Annotated[
    str | None, typer.Option("--database", help="sqlite:///file.db or postgresql://…; default: ZELFREGIE_DATABASE")
]


def settings_of(**given: object) -> Settings:
    """The settings of the environment under the options that were given. Ends the command for values that do not do."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        for each in error.errors():
            name = "_".join(map(str, each["loc"]))
            stderr.print(f"[red]{escape(name)} (ZELFREGIE_{escape(name.upper())}): {escape(each['msg'])}.[/red]")
        raise typer.Exit(2) from error


def failure(error: ZelfregieError) -> typer.Exit:
    """Say what went wrong; the exit that is to be raised."""
    stderr.print(f"[red]{escape(error.diagnostics)}[/red]" if error.diagnostics else "[red]That did not work.[/red]")
    for issue in error.issues:
        stderr.print(f"  {escape(line_of(issue))}")
    return typer.Exit(1)


def line_of(issue: Issue) -> str:
    """One problem in one line."""
    where = f"{', '.join(issue.expression)}: " if issue.expression else ""
    rule = f" ({issue.rule})" if issue.rule else ""
    profile = f" [{issue.profile}]" if issue.profile else ""
    return f"{issue.severity} {issue.code}: {where}{issue.diagnostics}{rule}{profile}"

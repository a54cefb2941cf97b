"""Gives a command that writes, and shows what comes of it, wherever it is carried out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.markup import escape

from app.cli.console import failure, line_of, settings_of, stderr, stdout
from app.errors import ZelfregieError

if TYPE_CHECKING:
    from app.cli.control import Asked, Done, Said


def order(database: str | None, asked: Asked) -> Done:
    """Carry out a command that writes; how it ended. Ends the command line when it could not."""
    from app.cli.control import Line, Refused
    from app.cli.writing import carry_out

    ended: list[Done] = []

    async def say(said: Said) -> None:
        if isinstance(said, Refused):
            stderr.print(f"{escape(said.source)}:")
            for issue in said.issues:
                stderr.print(f"  {escape(line_of(issue))}")
        elif isinstance(said, Line):
            stdout.print(escape(said.text))
        else:
            ended.append(said)

    try:
        asyncio.run(carry_out(settings_of(database=database), asked, say))
    except ZelfregieError as error:
        raise failure(error) from error
    return ended[0]

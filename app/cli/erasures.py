"""``zelfregie erasures``: checks the proof that a person was given of an erasure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import failure, settings_of, stdout
from app.errors import Invalid, ZelfregieError

app = typer.Typer(no_args_is_help=True, help="Erasures at people's request.")


@app.callback()
def erasures() -> None:
    """Erasures at people's request."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="the proof, as it was downloaded", dir_okay=False)],
) -> None:
    """Say what a proof says, once it is certain that this service signed it and nobody changed it.

    The key follows from the service's secret: ZELFREGIE_SECRET, or the file in ZELFREGIE_STATE.
    """
    from app.auth.rights.proof import Prover

    settings = settings_of()
    try:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{file.name} cannot be read as text.") from error
        claims = Prover(settings.page_key(), settings.public_url).verify(text)
    except ZelfregieError as error:
        raise failure(error) from error
    stdout.print(json.dumps(claims, indent=2), markup=False)

"""``zelfregie organizations``: who takes part, and where people log in. https://typer.tiangolo.com"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import DatabaseOption, stderr
from app.cli.ordering import order

app = typer.Typer(no_args_is_help=True, help="Organisations, and the identity providers where people log in.")


@app.command(name="list")
def list_organizations(database: DatabaseOption = None) -> None:
    """Every organisation: id, name, AGB, URA, state; and under it where its professionals log in."""
    from app.cli.control import Asked

    order(database, Asked("organizations-list"))


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="name of the organisation")],
    agb: Annotated[str, typer.Option(help="AGB code, eight digits")] = "",
    ura: Annotated[str, typer.Option(help="URA, eight digits")] = "",
    database: DatabaseOption = None,
) -> None:
    """Register an organisation, and print its id."""
    from app.cli.control import Asked

    order(database, Asked("organizations-add", options={"name": name, "agb": agb, "ura": ura}))


@app.command()
def close(
    organization: Annotated[str, typer.Argument(help="id of the organisation")], database: DatabaseOption = None
) -> None:
    """End an organisation's part: nobody logs in there, and nothing that patients allowed it holds any more."""
    from app.cli.control import Asked

    order(database, Asked("organizations-close", options={"organization": organization}))


@app.command()
def add_provider(
    issuer: Annotated[str, typer.Argument(help="the OpenID Connect issuer, an https address")],
    client_id: Annotated[str, typer.Argument(help="the name by which the provider knows us")],
    *,
    name: Annotated[str, typer.Option(help="what the log-in page calls it")] = "",
    organization: Annotated[str, typer.Option(help="id of the organisation whose professionals log in there")] = "",
    secret_file: Annotated[Path | None, typer.Option(help="file with the secret by which it knows us")] = None,
    strong: Annotated[str, typer.Option(help="assurance levels that count as a second factor, between spaces")] = "",
    bsn: Annotated[str, typer.Option(help="further claims that would hold a BSN, between spaces")] = "",
    database: DatabaseOption = None,
) -> None:
    """Let people log in at an identity provider: patients, or the professionals of an organisation. Prints its id."""
    from app.cli.control import Asked

    secret = ""
    if secret_file is not None:
        try:
            secret = secret_file.read_text("utf-8").strip()
        except OSError as error:
            stderr.print(f"[red]The secret cannot be read: {error.strerror}.[/red]")
            raise typer.Exit(1) from error
    options = {
        "name": name or issuer,
        "issuer": issuer,
        "client_id": client_id,
        "client_secret": secret,
        "organization": organization,
        "strong": strong,
        "bsn": bsn,
    }
    order(database, Asked("organizations-add-provider", options=options))


@app.command()
def close_provider(
    provider: Annotated[str, typer.Argument(help="id of the identity provider")], database: DatabaseOption = None
) -> None:
    """Let nobody log in there any more; who did is logged out."""
    from app.cli.control import Asked

    order(database, Asked("organizations-close-provider", options={"provider": provider}))

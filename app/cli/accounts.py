"""``zelfregie accounts``: who has an account, and how somebody gets back in. https://typer.tiangolo.com"""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.console import DatabaseOption
from app.cli.ordering import order

app = typer.Typer(no_args_is_help=True, help="Accounts of people: list, let back in, make an administrator.")


@app.command(name="list")
def list_accounts(database: DatabaseOption = None) -> None:
    """Every account: e-mail address, role, state, and what it is logged in to with."""
    from app.cli.control import Asked

    order(database, Asked("accounts-list"))


@app.command()
def link_code(
    patient: Annotated[str, typer.Argument(help="id of the Patient")], database: DatabaseOption = None
) -> None:
    """A code with which whoever gives it makes this record their own. Give it only to who has shown to be that person;
    it counts once, for seven days. An account that had the record before is closed.
    """
    from app.cli.control import Asked

    order(database, Asked("accounts-link-code", patient=patient))


@app.command()
def unlock(
    email: Annotated[str, typer.Argument(help="e-mail address of the account")],
    *,
    second_factor: Annotated[
        bool,
        typer.Option(
            "--second-factor", help="also clear app, passkeys and recovery codes; only for who has shown who they are"
        ),
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Forget wrong attempts, so that the next one is taken."""
    from app.cli.control import Asked

    options = {"email": email, "second-factor": "yes" if second_factor else ""}
    order(database, Asked("accounts-unlock", options=options))


@app.command()
def administrator(
    email: Annotated[str, typer.Argument(help="e-mail address of the new administrator")],
    database: DatabaseOption = None,
) -> None:
    """Make an account for an administrator, and print the link with which they choose a password."""
    from app.cli.control import Asked

    order(database, Asked("accounts-administrator", options={"email": email}))

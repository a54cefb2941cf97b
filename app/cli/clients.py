"""``zelfregie clients`` and ``zelfregie keys``: apps and systems that may ask to be let in, and what id_tokens are
signed with. https://typer.tiangolo.com
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import DatabaseOption, failure
from app.cli.ordering import order
from app.errors import Unavailable

app = typer.Typer(no_args_is_help=True, help="Apps and systems: list, add, disable, enable, a new secret.")
keys = typer.Typer(no_args_is_help=True, help="The keys that id_tokens are signed with.")
ClientArgument = Annotated[str, typer.Argument(help="id of the client")]


class KindOption(StrEnum):
    """How a client proves who it is."""

    PUBLIC = "public"
    SECRET = "secret"  # noqa: S105 - the name of a way
    PRIVATE_KEY_JWT = "private_key_jwt"


class UsersOption(StrEnum):
    """Who uses a client."""

    PATIENTS = "patients"
    PROFESSIONALS = "professionals"
    NONE = "none"


class ProfileOption(StrEnum):
    """By whose rules it is let in."""

    SMART = "smart"
    MEDMIJ = "medmij"


@app.command(name="list")
def list_clients(database: DatabaseOption = None) -> None:
    """Every client: id, name, how it proves who it is, for whom, state, scopes."""
    from app.cli.control import Asked

    order(database, Asked("clients-list"))


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="name, as people see it when they are asked")],
    *,
    kind: Annotated[KindOption, typer.Option(help="how it proves who it is")] = KindOption.PUBLIC,
    users: Annotated[UsersOption, typer.Option(help="who uses it; none: a system of an organisation")] = (
        UsersOption.PATIENTS
    ),
    scopes: Annotated[str, typer.Option(help="the most that it may be given, between spaces")],
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="where people are sent back to; may be repeated")
    ] = None,
    launch_uri: Annotated[str, typer.Option(help="where it is opened from our page of apps")] = "",
    organization: Annotated[str, typer.Option(help="id of the organisation that it is of")] = "",
    purpose: Annotated[str, typer.Option(help="what a system's tokens are for; usually treatment")] = "",
    jwks: Annotated[Path | None, typer.Option(help="file with its public keys, a JSON Web Key Set")] = None,
    jwks_uri: Annotated[str, typer.Option(help="https address where it publishes its public keys")] = "",
    profile: Annotated[ProfileOption, typer.Option(help="by whose rules it is let in")] = ProfileOption.SMART,
    service: Annotated[list[str] | None, typer.Option(help="number of a MedMij data service; may be repeated")] = None,
    client_id: Annotated[str, typer.Option("--id", help="id, made when none is given")] = "",
    database: DatabaseOption = None,
) -> None:
    """Register a client, and print its id and, this once, its secret."""
    from app.cli.control import Asked

    try:
        key_set = jwks.read_text() if jwks is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise failure(Unavailable(f"{jwks} cannot be read.")) from error
    options = {
        "id": client_id,
        "name": name,
        "kind": str(kind),
        "users": str(users),
        "scopes": scopes,
        "redirect_uris": " ".join(redirect_uri or ()),
        "launch_uri": launch_uri,
        "organization": organization,
        "purpose": purpose,
        "jwks": key_set,
        "jwks_uri": jwks_uri,
        "profile": str(profile),
        "services": " ".join(service or ()),
    }
    order(database, Asked("clients-add", options=options))


@app.command()
def disable(client: ClientArgument, database: DatabaseOption = None) -> None:
    """Let nobody in through this client any more, and make what it holds worthless."""
    from app.cli.control import Asked

    order(database, Asked("clients-disable", options={"client": client}))


@app.command()
def enable(client: ClientArgument, database: DatabaseOption = None) -> None:
    """Let a client that was disabled begin anew."""
    from app.cli.control import Asked

    order(database, Asked("clients-enable", options={"client": client}))


@app.command()
def secret(client: ClientArgument, database: DatabaseOption = None) -> None:
    """Give a client a new secret, and print it this once; the old one is worthless at once."""
    from app.cli.control import Asked

    order(database, Asked("clients-secret", options={"client": client}))


@keys.command()
def rotate(database: DatabaseOption = None) -> None:
    """Sign with a new key from now on. The one before it is published for another day."""
    from app.cli.control import Asked

    order(database, Asked("keys-rotate"))

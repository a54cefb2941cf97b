"""``zelfregie questionnaires``: wording and keys that are somebody else's, used under a licence.
https://typer.tiangolo.com
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import DatabaseOption
from app.cli.ordering import order

app = typer.Typer(no_args_is_help=True, help="Questionnaires whose wording or key is somebody else's, and licences.")

TenantOption = Annotated[int, typer.Option(help="number of the tenant whose catalogue it is")]


@app.command()
def install(
    file: Annotated[Path, typer.Argument(help="wording for a shell (YAML or JSON), or a whole FHIR Questionnaire")],
    *,
    licence: Annotated[str, typer.Option(help="by whose leave it is used; shown beside the questions")] = "",
    holder: Annotated[str, typer.Option(help="who holds the wording")] = "",
    number: Annotated[str, typer.Option(help="number of the licence")] = "",
    until: Annotated[str, typer.Option(help="last day of the licence, YYYY-MM-DD")] = "",
    source: Annotated[str, typer.Option(help="where the wording comes from")] = "",
    base: Annotated[str, typer.Option(help="which instrument a whole Questionnaire is an edition of")] = "",
    scoring: Annotated[Path | None, typer.Option(help="file with the key of a whole Questionnaire")] = None,
    safety: Annotated[list[str] | None, typer.Option(help="linkId of which an answer above 0 shows help")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="put this in the place of the same version")] = False,
    tenant: TenantOption = 1,
    database: DatabaseOption = None,
) -> None:
    """Install the wording and the key of a questionnaire, with the licence under which they are used. A running service
    uses them from then on. The key is never served.
    """
    from app.cli.control import Asked

    options = {
        "licence": licence,
        "holder": holder,
        "number": number,
        "until": until,
        "source": source,
        "base": base,
        "replace": "yes" if replace else "",
        "tenant": str(tenant),
        "safety": "\n".join(safety or ()),
    }
    files = (file, *([scoring] if scoring is not None else []))
    order(database, Asked("questionnaires-install", tuple(str(each.absolute()) for each in files), options=options))


@app.command(name="list")
def list_questionnaires(tenant: TenantOption = 1, database: DatabaseOption = None) -> None:
    """Every instrument, and whether it can be used: what comes with the service, and what was installed."""
    from app.cli.control import Asked

    order(database, Asked("questionnaires-list", options={"tenant": str(tenant)}))


@app.command()
def remove(
    canonical: Annotated[str, typer.Argument(help="URL|VERSION, as list shows it")],
    *,
    erase: Annotated[bool, typer.Option("--erase", help="remove the wording from every version, too")] = False,
    tenant: TenantOption = 1,
    database: DatabaseOption = None,
) -> None:
    """End the use of an installed questionnaire: the key is deleted, and nobody is asked it any more. Answers stay."""
    from app.cli.control import Asked

    options = {"canonical": canonical, "erase": "yes" if erase else "", "tenant": str(tenant)}
    order(database, Asked("questionnaires-remove", options=options))


@app.command()
def counts(
    canonical: Annotated[str, typer.Argument(help="URL, of all versions, or URL|VERSION")],
    *,
    tenant: TenantOption = 1,
    database: DatabaseOption = None,
) -> None:
    """How a questionnaire was answered by all people together. Nothing is told of fewer than ten people, and nobody's
    words.
    """
    from app.cli.control import Asked

    order(database, Asked("questionnaires-counts", options={"canonical": canonical, "tenant": str(tenant)}))

"""The commands. Each opens what it needs and says plainly what it did and what it could not do."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.cli import (
    accounts,
    audit,
    clients,
    dues,
    erasures,
    imports,
    organizations,
    packages,
    quarantine,
    questionnaires,
)
from app.cli.authoring.commands import app as profiles
from app.cli.console import DatabaseOption, failure, line_of, settings_of, stderr, stdout
from app.cli.ordering import order
from app.config import Settings
from app.errors import Unavailable, ZelfregieError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Zelfregie: patient self-management over FHIR.",
)
app.add_typer(accounts.app, name="accounts")
app.add_typer(audit.app, name="audit")
app.add_typer(clients.app, name="clients")
app.add_typer(clients.keys, name="keys")
app.add_typer(erasures.app, name="erasures")
app.add_typer(organizations.app, name="organizations")
app.add_typer(packages.app, name="packages")
app.add_typer(profiles, name="profiles")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(questionnaires.app, name="questionnaires")
app.command()(dues.due)
app.command(name="import")(imports.import_file)


@app.command()
def migrate(database: DatabaseOption = None) -> None:
    """Make the database, or bring its tables up to date."""
    from app.database.migrations import migrate as run

    settings = settings_of(database=database)
    try:
        asyncio.run(run(settings.database, partitions=settings.partitions, canonical_base=settings.canonical_base))
    except ZelfregieError as error:
        raise failure(error) from error
    stdout.print("The tables are up to date.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    database: DatabaseOption = None,
    sandbox: Annotated[
        Path | None, typer.Option(help="sandbox file: seeds and tokens; the database is emptied first")
    ] = None,
    workers: Annotated[int, typer.Option(help="processes (PostgreSQL only)", min=1)] = 1,
) -> None:
    """Serve the API. With --sandbox: seeded, resettable, with tokens from the file, on a temporary database unless one
    is named.
    """
    if sandbox is not None and database is None:
        with tempfile.TemporaryDirectory(prefix="zelfregie-sandbox-") as folder:
            own = settings_of(host=host, port=port, database=f"sqlite:///{folder}/sandbox.db", state=Path(folder))
            _serve(own, sandbox, workers)
    else:
        _serve(settings_of(host=host, port=port, database=database), sandbox, workers)


def _serve(settings: Settings, sandbox: Path | None, workers: int, *, keep: bool = False, message: str = "") -> None:
    from app.cli.serving import serve as run
    from app.cli.serving import serve_in_processes

    if workers > 1 and sandbox is not None:
        stderr.print("[red]A sandbox is served by one process.[/red]")
        raise typer.Exit(2)
    try:
        if workers > 1:
            serve_in_processes(settings, workers)
        else:
            run(
                settings,
                sandbox,
                keep=keep,
                announce=lambda: stdout.print(f"Zelfregie serves FHIR R4 at {settings.public_url}/fhir{message}"),
            )
    except ZelfregieError as error:
        raise failure(error) from error


@app.command()
def load(
    files: Annotated[list[Path], typer.Argument(help="files or folders: JSON, XML, NDJSON; Bundles are opened")],
    database: DatabaseOption = None,
    patient: Annotated[
        str | None, typer.Option(help="id of the Patient that resources belong to that name none")
    ] = None,
) -> None:
    """Load resources into the database, as the service: ids are kept, Patients are made."""
    from app.cli.control import Asked

    asked = Asked("load", tuple(str(file.absolute()) for file in files), patient)
    counts = order(database, asked).counts
    stdout.print(f"{counts['stored']} stored, {counts['refused']} refused.")
    if counts["flagged"]:
        stdout.print(
            f"Of what was stored {counts['flagged']} deviate from a profile that they claim or from the limits of a"
            " measurement: a tag and a Provenance say which, and how."
        )
    if counts["refused"]:
        raise typer.Exit(1)


@app.command()
def reindex(database: DatabaseOption = None) -> None:
    """Make data categories and search indexes anew from what is stored. Serving goes on meanwhile."""
    from app.cli.control import Asked

    counts = order(database, Asked("reindex")).counts
    stdout.print(
        f"{counts['resources']} resources in {counts['partitions']} records: {counts['rows']} index rows put right,"
        f" {counts['labels']} versions given other data categories."
    )


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="files: JSON, XML or NDJSON")],
    *,
    fhir_version: Annotated[str, typer.Option(help="4.0.1 or 3.0.1")] = "4.0.1",
    profile: Annotated[
        list[str] | None, typer.Option(help="canonical of a profile, beside those that a resource claims")
    ] = None,
    package: Annotated[
        list[Path] | None, typer.Option(help="folder or tarball with profiles and value sets, beside our own")
    ] = None,
) -> None:
    """Check files against FHIR's own definitions and against profiles, and list everything that is wrong with each.
    What one refers to is looked for in the others, also in the entries of Bundles.
    """
    from app.cli.checking import against_profiles
    from app.fhir.definitions import FILES
    from app.fhir.definitions import load as load_definitions
    from app.fhir.validation.files import validate_file

    if fhir_version not in FILES:
        stderr.print(f"[red]FHIR version is one of {', '.join(FILES)}.[/red]")
        raise typer.Exit(2)
    definitions = load_definitions(fhir_version)
    try:
        look = against_profiles(definitions, settings_of().canonical_base, package or (), profile or (), files)
    except ZelfregieError as error:
        raise failure(error) from error
    bad = 0
    for path in files:
        issues = validate_file(path, definitions, look)
        wrong = any(issue.severity in ("error", "fatal") for issue in issues)
        bad += wrong
        stdout.print(f"{escape(str(path))}: {'not valid' if wrong else 'valid'}")
        for issue in issues:
            stdout.print(f"  {escape(line_of(issue))}")
    if bad:
        raise typer.Exit(1)


@app.command()
def demo(
    *,
    serve_it: Annotated[bool, typer.Option("--serve", help="serve the ten demo patients as a sandbox")] = False,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder to write seeds and sandbox.yaml to, for use with serve --sandbox")
    ] = None,
) -> None:
    """Ten synthetic Dutch patients: write them as a sandbox, or serve them at once."""
    from app.cli.sandbox import tour, write_demo

    settings = settings_of(port=port)
    try:
        if out is not None:
            stdout.print(f"Wrote {escape(str(write_demo(out, settings.canonical_base)))}")
        file = write_demo(settings.state / "demo", settings.canonical_base) if serve_it else None
    except OSError as error:
        raise failure(Unavailable(f"{error.filename} cannot be written: {error.strerror}.")) from error
    if file is not None:
        own = (
            settings
            if "database" in settings.model_fields_set
            else settings.model_copy(update={"database": f"sqlite:///{settings.state}/demo.db"})
        )
        _serve(own, file, 1, keep=True, message=tour(settings.public_url, file))
    elif out is None:
        stderr.print("Say --serve, or --out FOLDER.")
        raise typer.Exit(2)

"""The commands. Each opens what it needs and says plainly what it did and what it could not do."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop
from rich.console import Console
from rich.markup import escape

from app.config import Settings
from app.errors import Issue, ZelfregieError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Zelfregie: patient self-management over FHIR.")
_out = Console(soft_wrap=True, highlight=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False)

DatabaseOption = Annotated[str | None, typer.Option("--database", help="sqlite:///file.db or postgresql://…; default: ZELFREGIE_DATABASE")]


def _settings(**given: object) -> Settings:
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _fail(error: ZelfregieError) -> typer.Exit:
    _err.print(f"[red]{escape(error.diagnostics)}[/red]" if error.diagnostics else "[red]That did not work.[/red]")
    for issue in error.issues:
        _err.print(f"  {escape(_line(issue))}")
    return typer.Exit(1)


def _line(issue: Issue) -> str:
    where = f"{', '.join(issue.expression)}: " if issue.expression else ""
    rule = f" ({issue.rule})" if issue.rule else ""
    return f"{issue.severity} {issue.code}: {where}{issue.diagnostics}{rule}"


@app.command()
def migrate(database: DatabaseOption = None) -> None:
    """Make the database, or bring its tables up to date."""
    from app.database.migrations import migrate as run

    settings = _settings(database=database)
    try:
        asyncio.run(run(settings.database, partitions=settings.partitions, canonical_base=settings.canonical_base))
    except ZelfregieError as error:
        raise _fail(error) from error
    _out.print("The tables are up to date.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    database: DatabaseOption = None,
    sandbox: Annotated[Path | None, typer.Option(help="sandbox file: seeds and tokens; the database is emptied first")] = None,
    workers: Annotated[int, typer.Option(help="processes (PostgreSQL only)", min=1)] = 1,
) -> None:
    """Serve the API. With --sandbox: seeded, resettable, with tokens from the file, on a temporary database unless one is named."""
    if sandbox is not None and database is None:
        with tempfile.TemporaryDirectory(prefix="zelfregie-sandbox-") as folder:
            _serve(_settings(host=host, port=port, database=f"sqlite:///{folder}/sandbox.db", state=Path(folder)), sandbox, workers)
    else:
        _serve(_settings(host=host, port=port, database=database), sandbox, workers)


def _serve(settings: Settings, sandbox: Path | None, workers: int, *, keep: bool = False, message: str = "") -> None:
    import uvicorn

    from app.main import create_app

    _log_as_json()
    if workers > 1:
        if settings.database.startswith("sqlite") or sandbox is not None:
            _err.print("[red]Several processes need PostgreSQL and no sandbox; SQLite is served by exactly one.[/red]")
            raise typer.Exit(2)
        uvicorn.run(
            "app.main:from_environment",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=workers,
            access_log=False,
            log_config=None,
            server_header=False,
        )
        return

    async def run() -> bool:
        application = create_app(settings, sandbox_file=sandbox, keep=keep)
        config = uvicorn.Config(
            application,
            host=settings.host,
            port=settings.port,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=75,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        async with application.running():
            _out.print(f"Zelfregie serves FHIR R4 at {settings.public_url}/fhir{message}")
            await server.serve()
        return server.started

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            started = runner.run(run())
    except ZelfregieError as error:
        raise _fail(error) from error
    if not started:
        raise typer.Exit(1)


def _log_as_json() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


@app.command()
def load(
    files: Annotated[list[Path], typer.Argument(help="files or folders: JSON, XML, NDJSON; Bundles are opened")],
    database: DatabaseOption = None,
    patient: Annotated[str | None, typer.Option(help="id of the Patient that resources belong to that name none")] = None,
) -> None:
    """Load resources into the database, as the service: ids are kept, Patients are made."""
    from app.cli.loading import load_files

    settings = _settings(database=database)
    try:
        report = asyncio.run(load_files(settings, files, patient))
    except ZelfregieError as error:
        raise _fail(error) from error
    _out.print(f"{report.stored} stored, {len(report.refusals)} refused.")
    for refusal in report.refusals:
        _err.print(f"{escape(refusal.source)}:")
        for issue in refusal.issues:
            _err.print(f"  {escape(_line(issue))}")
    if report.refusals:
        raise typer.Exit(1)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="files: JSON, XML or NDJSON")],
    fhir_version: Annotated[str, typer.Option(help="4.0.1 or 3.0.1")] = "4.0.1",
) -> None:
    """Check files against FHIR's own definitions, and list everything that is wrong with each."""
    from app.fhir.definitions import FILES, load as load_definitions
    from app.fhir.validation.files import validate_file

    if fhir_version not in FILES:
        _err.print(f"[red]FHIR version is one of {', '.join(FILES)}.[/red]")
        raise typer.Exit(2)
    definitions = load_definitions(fhir_version)
    bad = 0
    for path in files:
        issues = validate_file(path, definitions)
        wrong = any(issue.severity in ("error", "fatal") for issue in issues)
        bad += wrong
        _out.print(f"{escape(str(path))}: {'not valid' if wrong else 'valid'}")
        for issue in issues:
            _out.print(f"  {escape(_line(issue))}")
    if bad:
        raise typer.Exit(1)


@app.command()
def demo(
    *,
    serve_it: Annotated[bool, typer.Option("--serve", help="serve the ten demo patients as a sandbox")] = False,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    out: Annotated[Path | None, typer.Option(help="folder to write seeds and sandbox.yaml to, for use with serve --sandbox")] = None,
) -> None:
    """Ten synthetic Dutch patients: write them as a sandbox, or serve them at once."""
    from app.cli.sandbox import tour, write_demo

    settings = _settings(port=port)
    if out is not None:
        _out.print(f"Wrote {write_demo(out)}")
    if serve_it:
        file = write_demo(settings.state / "demo")
        own = settings if "database" in settings.model_fields_set else settings.model_copy(update={"database": f"sqlite:///{settings.state}/demo.db"})
        _serve(own, file, 1, keep=True, message=tour(settings.public_url))
    elif out is None:
        _err.print("Say --serve, or --out FOLDER.")
        raise typer.Exit(2)

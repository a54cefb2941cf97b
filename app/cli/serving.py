"""``zelfregie serve``: the port, the service, the commands of other processes, and an orderly end on a signal.

https://www.uvicorn.org/server-behavior/
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import uvicorn
import uvloop

from app.cli.writing import taking_commands
from app.config import Settings
from app.database import open_database
from app.database.migrations import check_migrated
from app.errors import Invalid, Unavailable
from app.main import create_app

_BACKLOG = 2048


def serve(settings: Settings, sandbox: Path | None, *, keep: bool, announce: Callable[[], None]) -> None:
    """Serve from this process until a signal; ``announce`` is called when requests are taken.

    Raises ``ZelfregieError`` when something cannot be opened.
    """
    log_as_json()
    # Taken before anything is opened: a second service does not empty a sandbox only to find its port in use.
    with _listener(settings) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(settings, sandbox, listener, keep=keep, announce=announce))
        except asyncio.CancelledError as error:
            raise Unavailable("Stopped before anything was served.") from error
        except OSError as error:
            raise Unavailable(f"{error.filename or 'A file'} cannot be used: {error.strerror}.") from error


async def _serve(
    settings: Settings, sandbox: Path | None, listener: socket.socket, *, keep: bool, announce: Callable[[], None]
) -> None:
    async with _told_to_stop() as stop:
        application = create_app(settings, sandbox_file=sandbox, keep=keep)
        server = _Server(
            uvicorn.Config(
                application,
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_keep_alive=75,
                lifespan="off",
            )
        )
        async with application.running() as parts, taking_commands(settings, parts.server):
            announce()
            stop(server)
            await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Without uvicorn's own way with signals, which raises them again before the service is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def _told_to_stop() -> AsyncIterator[Callable[[uvicorn.Server], None]]:
    """SIGINT and SIGTERM end the server that is handed over, and before that cancel what is being opened."""
    loop, opening = asyncio.get_running_loop(), asyncio.current_task()
    serving: list[uvicorn.Server] = []

    def stop() -> None:
        if serving:
            serving[0].force_exit = serving[0].should_exit
            serving[0].should_exit = True
        elif opening is not None:
            opening.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield serving.append
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def serve_in_processes(settings: Settings, workers: int) -> None:
    """Serve from several processes, which take their settings from the environment.

    Raises ``ZelfregieError`` when they could not.
    """
    if settings.database.startswith("sqlite"):
        raise Invalid("Several processes need PostgreSQL; SQLite is served by exactly one.", "value")
    asyncio.run(_check_database(settings))
    _listener(settings).close()
    os.environ["ZELFREGIE_DATABASE"] = settings.database
    os.environ["ZELFREGIE_HOST"] = settings.host
    os.environ["ZELFREGIE_PORT"] = str(settings.port)
    uvicorn.run(
        "app.main:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )


async def _check_database(settings: Settings) -> None:
    database = await open_database(settings.database, connections=1)
    try:
        await check_migrated(database, canonical_base=settings.canonical_base)
    finally:
        await database.close()


def _listener(settings: Settings) -> socket.socket:
    """The port that is served. Raises ``Unavailable`` when it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = f"Port {settings.port} on {settings.host} cannot be served: {error.strerror}."
        raise Unavailable(f"{reason} Another one is chosen with --port.") from error
    return listener


def log_as_json() -> None:
    """One JSON object per line on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )

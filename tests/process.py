"""``zelfregie`` as a process of its own: commands that end, and services that run until they are told to stop."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.postgresql import CHECKOUT

PROGRAM: Final = (sys.executable, "-m", "app.cli")
_SERVES: Final = "Zelfregie serves FHIR R4 at "
_PATIENCE: Final = 200.0
"""Seconds after which something hangs, on however busy a machine."""
_PORTS: Final = range(10_240, 32_768)
"""Below those that the system gives to whoever asks for any: it is seconds until a port that is free is listened on."""
_next_port: Final = itertools.count(os.getpid() * 997)


def environment(state: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without anybody's own settings, and with the journal and the secret in ``state``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZELFREGIE_")}
    return {**kept, "ZELFREGIE_STATE": str(state), **(more or {})}


def free_port() -> int:
    """A port of the loopback address that nobody listens on, another one each time, and others in each process that
    runs tests.
    """
    for number in _next_port:
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError


def run(state: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """``zelfregie`` with ``arguments``, to its end."""
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        cwd=CHECKOUT,
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )


@dataclass(frozen=True, slots=True)
class Process:
    """A command that is running; its output goes to a file."""

    popen: subprocess.Popen[bytes]
    log: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """The FHIR base."""
        return f"{self.url}/fhir"

    @property
    def output(self) -> str:
        """What it has said so far, on both streams."""
        return self.log.read_text(errors="replace")

    def wait_until(self, text: str) -> None:
        """Return when it has said ``text``; fails when it ends without."""
        deadline = time.monotonic() + _PATIENCE
        while text not in self.output:
            assert self.popen.poll() is None, f"ended with {self.popen.returncode}:\n{self.output}"
            assert time.monotonic() < deadline, f"has not said {text!r}:\n{self.output}"
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(_PATIENCE)


@contextmanager
def started(
    state: Path, arguments: Sequence[str | Path], *, port: int = 0, more: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A command that runs meanwhile; killed at the end if it has not ended."""
    state.mkdir(parents=True, exist_ok=True)
    log = state / f"output-{len(list(state.glob('output-*')))}"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            cwd=CHECKOUT,
            env=environment(state, more),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Process(popen, log, port)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait(_PATIENCE)


@contextmanager
def serving(
    state: Path,
    *arguments: str | Path,
    port: int | None = None,
    more: Mapping[str, str] | None = None,
    ready: str = _SERVES,
) -> Iterator[Process]:
    """A service that takes requests from here on: ``serving(state, "serve", "--sandbox", file)``. On a free port unless
    one is given.
    """
    port = port or free_port()
    with started(state, [*arguments, "--port", str(port)], port=port, more=more) as process:
        process.wait_until(ready)
        yield process

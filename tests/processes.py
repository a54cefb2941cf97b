"""The service as processes of their own, started as an operator starts them, on the loopback address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx

from tests.postgresql import CHECKOUT
from tests.service import SECRET

_PATIENCE: Final = 60.0
"""Seconds after which a process that does not answer is taken for a failed test."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running service. ``address`` is its FHIR base, ``log`` what it wrote to standard error."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    @classmethod
    def start(cls, database: str, state: Path, *, port: int | None = None) -> Self:
        """Start it; it may not answer yet. The port is a free one unless it is given."""
        state.mkdir(parents=True, exist_ok=True)
        port = port or free_port()
        log = state / "log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve", "--database", database, "--port", str(port)],
                cwd=CHECKOUT,
                env={**os.environ, "ZELFREGIE_STATE": str(state), "ZELFREGIE_SECRET": SECRET},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
            )
        return cls(process, f"http://127.0.0.1:{port}/fhir", log)

    @property
    def health(self) -> str:
        return self.address.removesuffix("/fhir") + "/health"

    def wait_until_ready(self) -> None:
        """Return when it answers; fails when it ends instead."""
        deadline = time.monotonic() + _PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if httpx.get(self.health).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the service did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """As a power failure of the process: nothing of it runs any more."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As an operator stops it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_PATIENCE)
        finally:
            self.process.kill()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def processes(database: str, folder: Path, count: int) -> Iterator[list[Process]]:
    """So many services on one database, all answering."""
    running = [Process.start(database, folder / f"process-{number}") for number in range(count)]
    try:
        for each in running:
            each.wait_until_ready()
        yield running
    finally:
        for each in running:
            each.stop()

"""The load: one process, eight keep-alive connections, requests that were rendered beforehand.

``python -m benchmarks.load --patients FILE`` answers one JSON line per JSON line on its standard input:
``{"side": "floor", "port": 8001, "operation": "read", "count": 5000, "seconds": null}`` with requests, seconds, p50 and
p95 in milliseconds, and failures. Each side is sent the same requests in the same order.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self, cast

import uvloop

from benchmarks.figures import percentile
from benchmarks.workload import TIME_SLOT, Patient, Request, build, read_patients

CONNECTIONS: Final = 8
_SHOWN: Final = 3
_PATIENCE: Final = 120.0
"""Seconds without any answer after which a round is given up."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of load as the client saw it; latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p95: float
    failed: int
    failures: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def times() -> Iterator[bytes]:
    """Times of measurement in 2020 and after, a second apart."""
    start = datetime.fromisoformat(TIME_SLOT)
    return ((start + timedelta(seconds=second)).isoformat().encode() for second in itertools.count())


class _Driver:
    """Hands requests to the connections until ``count`` are sent or ``seconds`` are over."""

    def __init__(
        self, stream: Iterator[Request], slots: Iterator[bytes], *, count: int | None, seconds: float | None
    ) -> None:
        self._stream, self._slots = stream, slots
        self._left = count if count is not None else sys.maxsize
        self._until = time.perf_counter() + seconds if seconds is not None else float("inf")
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self.finished = asyncio.get_running_loop().create_future()
        self._working = 0

    def start(self) -> Request | None:
        """The next request, or None when a connection has nothing left to do."""
        if self._left > 0 and time.perf_counter() < self._until and len(self.failures) < 100:
            self._left -= 1
            self._working += 1
            return next(self._stream)
        self._check()
        return None

    def render(self, request: Request) -> bytes:
        """The bytes to send."""
        return request.render(self._slots)

    def answered(self, latency: float, failure: str | None) -> None:
        """One answer is in."""
        self._working -= 1
        self.latencies.append(latency)
        if failure is not None:
            self.failures.append(failure)

    def lost(self, failure: str) -> None:
        """A connection broke; its request counts as failed."""
        self._working -= 1
        self._left = 0
        self.failures.append(failure)
        self._check()

    def _check(self) -> None:
        if not self._working and not self.finished.done():
            self.finished.set_result(None)


class _Connection(asyncio.Protocol):
    """One keep-alive connection: a request, its whole answer, the next request."""

    def __init__(self, driver: _Driver) -> None:
        self._driver = driver
        self._transport: asyncio.WriteTransport
        self._request: Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self.go()

    def go(self) -> None:
        """Send the next request if there is one."""
        self._request = self._driver.start()
        if self._request is not None:
            self._received = b""
            self._missing = -1
            data = self._driver.render(self._request)
            self._sent = time.perf_counter()
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._request is None:
            self._driver.failures.append(f"bytes that nobody asked for: {data[:200]!r}")
            return
        if self._missing < 0:
            data = self._received + data
            end = data.find(b"\r\n\r\n")
            self._received = data
            if end < 0:
                return
            head = data[:end].lower()
            if head[9:12] == b"204":
                self._missing = 0
            else:
                at = head.find(b"\r\ncontent-length:")
                if at < 0:
                    self._failed(f"answer without Content-Length: {data[:300]!r}")
                    return
                self._missing = int(head[at + 17 :].split(b"\r\n", 1)[0])
            data = data[end + 4 :]
        elif len(self._received) < 2000:
            self._received += data
        self._missing -= len(data)
        if self._missing <= 0:
            self._complete()

    def _complete(self) -> None:
        assert self._request is not None
        latency = time.perf_counter() - self._sent
        right = self._missing == 0 and self._received[9:12] == b"%d" % self._request.status
        failure = None if right else f"{self._request.parts[0][:150]!r} -> {self._received[:600]!r}"
        self._driver.answered(latency * 1000, failure)
        self.go()

    def _failed(self, failure: str) -> None:
        self._request = None
        self._driver.lost(failure)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._request is not None:
            request, self._request = self._request, None
            self._driver.lost(f"connection lost ({exc}) during {request.parts[0][:150]!r}")

    def close(self) -> None:
        """Hang up."""
        self._request = None
        self._transport.close()


class Load:
    """Requests per operation, and for each side how far it has come."""

    def __init__(self, patients: list[Patient]) -> None:
        self._patients = patients
        self._requests: dict[str, list[Request]] = {}
        self._streams: dict[tuple[str, str], Iterator[Request]] = {}
        self._times: defaultdict[str, Iterator[bytes]] = defaultdict(times)

    async def round(
        self, side: str, port: int, operation: str, *, count: int | None = None, seconds: float | None = None
    ) -> Round:
        """Send ``count`` requests, or as many as fit in ``seconds``, to a server on this machine."""
        if operation not in self._requests:
            self._requests[operation] = build(operation, self._patients)
        stream = self._streams.setdefault((side, operation), itertools.cycle(self._requests[operation]))
        driver = _Driver(stream, self._times[side], count=count, seconds=seconds)
        loop = asyncio.get_running_loop()
        begin = time.perf_counter()
        connections = []
        for _ in range(CONNECTIONS):
            _, connection = await loop.create_connection(lambda: _Connection(driver), "127.0.0.1", port)
            connections.append(connection)
        await _finished(driver)
        taken = time.perf_counter() - begin
        for connection in connections:
            connection.close()
        latencies = driver.latencies or [0.0]
        return Round(
            requests=len(driver.latencies),
            seconds=taken,
            p50=percentile(latencies, 0.5),
            p95=percentile(latencies, 0.95),
            failed=len(driver.failures),
            failures=tuple(driver.failures[:_SHOWN]),
        )


async def _finished(driver: _Driver) -> None:
    """Wait for the last answer; give up when nothing at all comes any more."""
    answered = -1
    while not driver.finished.done():
        await asyncio.wait([driver.finished], timeout=_PATIENCE)
        if not driver.finished.done() and len(driver.latencies) == answered:
            driver.failures.append(f"no answer within {_PATIENCE:.0f} s")
            return
        answered = len(driver.latencies)


class LoadProcess:
    """The load in a process of its own, so that its work is in nobody's figures."""

    def __init__(self, patients: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.load", "--patients", str(patients)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(
        self, side: str, port: int, operation: str, *, count: int | None = None, seconds: float | None = None
    ) -> Round:
        """As ``Load.round``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"side": side, "port": port, "operation": operation, "count": count, "seconds": seconds}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"the load generator ended with code {self._process.wait()}")
        answer = json.loads(line)
        return Round(**{**answer, "failures": tuple(answer["failures"])})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closes its input, which ends it, and waits.
        self._process.__exit__(None, None, None)


def main() -> None:
    """Answer the orders on standard input until it closes."""
    parser = argparse.ArgumentParser(description="Send load as told on standard input.")
    parser.add_argument("--patients", type=Path, required=True)
    load = Load(read_patients(parser.parse_args().patients))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin:
            order = json.loads(line)
            result = runner.run(
                load.round(
                    order["side"], order["port"], order["operation"], count=order["count"], seconds=order["seconds"]
                )
            )
            print(json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    main()

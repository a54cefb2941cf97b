"""A delivery of 5,000 resources: what it costs, and how long others wait meanwhile. The figures are told; asserted is
what is done before the partition is locked, and what under the lock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.fhir.resource import decode, encode
from app.server.store.write import Write
from tests import builders
from tests.postgresql import Databases
from tests.server.service import Caller, Service, running_service
from tests.taking.conftest import system_of
from tests.taking.deliveries import collection, given

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
MOST = 5000
_MOST_STATEMENTS = 40
"""Statements under the lock, whatever the number of resources."""


class _Watched:
    """The order of what happens, and how many statements are run under the lock."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.statements = 0

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        locked, stored = Write.lock, Write.store

        async def lock(write: Any, drafts: Any) -> None:
            if len(drafts) >= MOST:
                self.events.append("lock")
                write._writer = _Counting(write._writer, self)
            await locked(write, drafts)

        async def store(write: Any) -> None:
            await stored(write)
            if isinstance(write._writer, _Counting):
                self.events.append("stored")

        monkeypatch.setattr(Write, "lock", lock)
        monkeypatch.setattr(Write, "store", store)
        for module, name in (
            ("app.server.interactions.transaction.turns", "validate"),
            ("app.server.interactions.taking.delivery", "finish"),
        ):
            self._tell(monkeypatch, module, name)

    def _tell(self, monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
        namespace = __import__(module, fromlist=[name])
        plain = getattr(namespace, name)

        def told(*args: Any, **members: Any) -> Any:
            self.events.append(name)
            return plain(*args, **members)

        monkeypatch.setattr(namespace, name, told)


class _Counting:
    def __init__(self, writer: Any, watched: _Watched) -> None:
        self._writer, self._watched = writer, watched

    def __getattr__(self, name: str) -> Any:
        self._watched.statements += 1
        return getattr(self._writer, name)


async def _writing(caller: Caller, stop: asyncio.Event) -> list[float]:
    """How long each write of somebody else takes meanwhile, in seconds."""
    took = []
    while not stop.is_set():
        began = time.perf_counter()
        answer = await caller.post("/Observation", builders.observation("Patient/bram"))
        assert answer.status_code == 201, answer.text
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)
    return took


@pytest.fixture
async def service(setting: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    url = f"sqlite:///{tmp_path / 'zelfregie.db'}"
    if setting == "postgresql":
        databases: Databases = request.getfixturevalue("postgresql_databases")
        url = databases.create()
    async with running_service(url, tmp_path) as running:
        yield running


@pytest.fixture
def bram(service: Service) -> Caller:
    return service.caller("bram")


@pytest.mark.parametrize("again", [False, True], ids=["new", "changed"])
async def test_others_go_on_while_five_thousand_are_taken_in(
    service: Service, bram: Caller, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    gp = await system_of(service, "practice", "anna")

    def sent(note: str) -> bytes:
        return encode(
            collection(
                *(
                    given(
                        builders.observation(note=[{"text": note}], effectiveDateTime=f"2026-01-{1 + each % 28:02}"),
                        str(each),
                    )
                    for each in range(MOST)
                )
            )
        )

    if again:
        assert (await gp.post("/", sent("eerst"))).status_code == 200
    watched = _Watched()
    watched.watch(monkeypatch)
    stop = asyncio.Event()
    others = asyncio.create_task(_writing(bram, stop))
    await asyncio.sleep(0.05)
    body = sent("daarna")
    began, used = time.perf_counter(), time.process_time()
    answer = await gp.post("/", body)
    took, cpu = time.perf_counter() - began, time.process_time() - used
    stop.set()
    waited = await others
    assert answer.status_code == 200, answer.text[:500]
    assert len(decode(answer.content)["entry"]) == MOST
    print(  # noqa: T201 - the figures of a long run
        f"\n{service.database.dialect}, {'changed' if again else 'new'}: {MOST} resources of {len(body)} bytes in"
        f" {took:.2f} s ({cpu / MOST * 1e6:.0f} µs CPU each); {len(waited)} writes of somebody else meanwhile, the"
        f" longest {max(waited):.2f} s; {watched.statements} statements under the lock"
    )
    lock = watched.events.index("lock")
    assert watched.events[:lock].count("finish") == MOST + 1, "all is extracted before the lock, the Provenance too"
    assert "validate" not in watched.events[lock:], "nothing is validated under the lock"
    assert "finish" not in watched.events[lock : watched.events.index("stored")], "nothing is extracted under the lock"
    assert watched.statements <= _MOST_STATEMENTS

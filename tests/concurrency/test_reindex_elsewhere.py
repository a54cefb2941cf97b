"""A parameter that is filled by a reindex in one process is offered by the others too, without a restart."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from app.server.reindexing import ReindexReport, reindex
from tests.server.plans import plan
from tests.server.service import Caller
from tests.service import ORIGIN, serving

SEARCH = "/CarePlan?phase=do"
MOST = 500


@pytest.mark.parametrize("setting", ["postgresql"])
async def test_a_reindex_in_another_process_is_seen(
    setting: str, service_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert setting == "postgresql"
    monkeypatch.setattr("app.main.opening.REINDEX_SEEN", 0.02)
    async with serving(service_url, tmp_path / "first") as first:
        await Caller(first.http, "anna").keep(plan("p", 1, "do"))
        number = first.server.registry.params("CarePlan")["phase"].number
        async with first.database.write() as writer:
            await writer.execute("UPDATE index_state SET ready = 0 WHERE param = $1", number)
        async with AsyncExitStack() as stack:
            second = await stack.enter_async_context(serving(service_url, tmp_path / "second"))
            transport = httpx.ASGITransport(second.parts.fhir)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=f"{ORIGIN}/fhir"))
            anna = Caller(client, "anna")
            assert (await anna.get(SEARCH)).status_code == 400
            await reindex(first.server, ReindexReport())
            for _ in range(MOST):
                if (await anna.get(SEARCH)).status_code == 200:
                    break
                await asyncio.sleep(0.02)
            assert await anna.found(SEARCH) == ["p"]

"""The fuzz of ``tests/fuzz``, for long, from seeds that are not those of every day."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.rounds import Round, everyone, stranger
from tests.server.service import running_service

ROUNDS = {"a stranger": stranger, "everyone": everyone}


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ROUNDS)
@pytest.mark.parametrize("seed", [101, 102])
async def test_ten_thousand_random_requests_never_fail(
    database_url: str, tmp_path: Path, who: str, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_service(database_url, tmp_path) as service:
        ran = await Round.of(service, seed, each=2)
        await ran.run(ROUNDS[who](ran.world), 5_000)
        assert await ran.problems("".join(capfd.readouterr())) == ""
    assert ran.judge.statuses.keys() >= {200, 201, 204, 400, 401, 403, 404, 405, 406, 410, 412, 413, 415, 422}

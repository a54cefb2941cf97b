"""Random requests to every address, in every format, never fail, show nothing of another patient, and leave neither
the database broken nor what they say in access journal or log.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.rounds import Round, everyone, stranger
from tests.server.service import running_service


@pytest.mark.parametrize("seed", [1])
async def test_a_stranger_gets_nothing_of_another_patient_and_no_failure(
    database_url: str, tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_service(database_url, tmp_path) as service:
        ran = await Round.of(service, seed)
        await ran.run(stranger(ran.world), 900)
        assert await ran.problems("".join(capfd.readouterr())) == ""
    assert ran.judge.statuses.keys() >= {200, 201, 400, 401, 404, 405, 406, 412, 415, 422}


@pytest.mark.parametrize("seed", [2])
async def test_nobody_gets_a_failure(
    database_url: str, tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_service(database_url, tmp_path) as service:
        ran = await Round.of(service, seed)
        await ran.run(everyone(ran.world), 900)
        assert await ran.problems("".join(capfd.readouterr())) == ""
    assert ran.judge.statuses.keys() >= {200, 201, 400, 401, 403, 404, 405, 406, 412, 415, 422}

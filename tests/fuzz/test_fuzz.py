"""Random requests to every address, in every format, never fail, show nothing of another patient, and leave neither
the database broken nor what they say in access journal or log.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.fuzz.judging import MARK, marks
from tests.fuzz.rounds import Callers, Round, everyone, stranger
from tests.server.service import running_service


@pytest.mark.parametrize("seed", [1])
async def test_a_stranger_gets_nothing_of_another_patient_and_no_failure(
    database_url: str, tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_service(database_url, tmp_path) as service:
        ran = await Round.of(service, seed)
        await ran.run(stranger(ran.world), 2000)
        assert await ran.problems("".join(capfd.readouterr())) == ""
    assert ran.judge.statuses.keys() >= {200, 201, 204, 400, 401, 403, 404, 405, 406, 415, 422}


async def test_what_the_other_patient_sees_would_be_found(tmp_path: Path) -> None:
    async with running_service(f"sqlite:///{tmp_path / 'zelfregie.db'}", tmp_path) as service:
        ran = await Round.of(service, 3)
        await ran.run(Callers(("bram",), MARK, stranger(ran.world).twins), 200)
    found = "\n".join(ran.judge.findings)
    assert "shows what is hidden" in found
    assert "differs from absent" in found


def test_a_mark_is_found_wherever_it_stands_in_base_64() -> None:
    for before in range(6):
        coded = base64.b64encode(b"a" * before + MARK.encode() + b"bc").lower()
        assert any(mark in coded for mark in marks(MARK))
    assert not any(mark in b"an other text" for mark in marks(MARK))


@pytest.mark.parametrize("seed", [2])
async def test_nobody_gets_a_failure(
    database_url: str, tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_service(database_url, tmp_path) as service:
        ran = await Round.of(service, seed)
        await ran.run(everyone(ran.world), 2000)
        assert await ran.problems("".join(capfd.readouterr())) == ""
    assert ran.judge.statuses.keys() >= {200, 201, 204, 400, 401, 404, 405, 406, 415, 422}

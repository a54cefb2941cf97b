"""``zelfregie audit``: what was done to the log is found, on both databases, also beside a running service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.audit import Mover
from app.audit.retention import MONTH
from app.clock import system_clock
from app.config import CANONICAL_BASE, Settings
from app.database import open_database
from app.database.migrations import migrate
from tests.audit.events import new_journal, read_of
from tests.cli.runner import zelfregie

pytestmark = pytest.mark.usefixtures("own_settings")


@pytest.fixture
def logged(database_url: str, tmp_path: Path) -> str:
    """A database whose log has 60 lines of now, and 20 of long ago."""

    async def fill() -> None:
        await migrate(database_url, canonical_base=CANONICAL_BASE)
        folder = tmp_path / "elsewhere"
        now = system_clock()
        journal = new_journal(folder)
        for index in range(80):
            journal.write(read_of(at=now + index - (61 * MONTH if index < 20 else 0)))
        journal.close()
        database = await open_database(database_url)
        await Mover(database, folder, size=1024).drain()
        await database.close()

    asyncio.run(fill())
    return database_url


def changed(url: str, *statements: str) -> None:
    async def run() -> None:
        database = await open_database(url)
        for each in statements:
            await database.change(each)
        await database.close()

    asyncio.run(run())


def verified(url: str) -> tuple[int, str]:
    result = zelfregie("audit", "verify", "--database", url)
    return result.exit_code, result.stdout


def test_a_log_that_is_as_it_was_is_whole(logged: str) -> None:
    assert verified(logged) == (0, "The access log is whole.\n")
    assert zelfregie("audit", "anchor", "--database", logged).stdout.startswith("1 streams anchored in ")
    assert verified(logged) == (0, "The access log is whole.\n")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM audit WHERE line = (SELECT min(line) FROM audit WHERE line > 1)", "missing"),
        ("UPDATE audit SET lines = lines + 1 WHERE line = 1", "begins a segment of"),
        ("UPDATE audit SET hashes = payload WHERE line = 1", "breaks the chain"),
        ("UPDATE audit_head SET line = line - 1", "the head says otherwise"),
        ("DELETE FROM audit_patient", "not in its patient's view"),
    ],
)
def test_what_was_altered_is_found(logged: str, statement: str, said: str) -> None:
    changed(logged, statement)
    code, text = verified(logged)
    assert code == 1
    assert said in text


def test_a_log_that_was_cut_is_found_by_its_anchor(logged: str) -> None:
    zelfregie("audit", "anchor", "--database", logged)
    changed(logged, "DELETE FROM audit", "DELETE FROM audit_patient", "DELETE FROM audit_head")
    code, text = verified(logged)
    assert code == 1
    assert "was here when it was anchored, and is gone" in text


def test_an_anchor_of_another_secret_is_not_believed(logged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zelfregie("audit", "anchor", "--database", logged)
    monkeypatch.setenv("ZELFREGIE_SECRET", "another")
    code, text = verified(logged)
    assert code == 1
    assert "is not an anchor that this service signed" in text


def test_lines_whose_time_is_over_are_erased(logged: str) -> None:
    assert zelfregie("audit", "prune", "--database", logged).stdout == "20 lines erased.\n"
    assert zelfregie("audit", "prune", "--database", logged).stdout == "0 lines erased.\n"
    assert verified(logged) == (0, "The access log is whole.\n")


def test_they_stay_where_the_installation_keeps_them_longer(logged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZELFREGIE_AUDIT_MONTHS", '{"access": 120}')
    assert Settings().audit_months == {"access": 120}
    assert zelfregie("audit", "prune", "--database", logged).stdout == "0 lines erased.\n"


@pytest.mark.parametrize("command", ["verify", "anchor", "prune"])
def test_a_database_that_is_not_there_is_told(command: str, tmp_path: Path) -> None:
    result: Any = zelfregie("audit", command, "--database", f"sqlite:///{tmp_path}/none/none.db")
    assert result.exit_code == 1
    assert result.stderr


def test_verifying_needs_nobody_to_stop(logged: str) -> None:
    async def beside() -> tuple[int, str]:
        database = await open_database(logged)
        try:
            return await asyncio.to_thread(verified, logged)
        finally:
            await database.close()

    assert asyncio.run(beside()) == (0, "The access log is whole.\n")

"""Lines go when their time is over, class by class; the chain still holds, and patients no longer see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.audit import Mover, events_of, verify_table
from app.audit.retention import MONTH, load_retention, prune
from app.database import Database
from tests.audit.events import ANNA, NOW, new_journal, read_of


def test_every_class_says_how_long_and_one_takes_the_rest() -> None:
    retention = load_retention()
    assert set(retention.months) == {"access", "account", "technical"}
    assert retention.kept("read") == retention.kept("never heard of") == 60 * MONTH
    assert retention.kept("login") == 24 * MONTH
    assert retention.shortest == retention.kept("capabilities") == 12 * MONTH


def test_an_installation_may_keep_lines_longer() -> None:
    assert load_retention({"access": 120}).kept("read") == 120 * MONTH
    with pytest.raises(ValueError, match="nonsense"):
        load_retention({"nonsense": 1})


@pytest.mark.parametrize(
    ("months", "left"),
    [
        (0, ["login", "read", "capabilities"]),
        (12.1, ["login", "read"]),
        (24.1, ["read"]),
        (60.1, []),
    ],
)
async def test_lines_go_when_their_time_is_over(
    database: Database, folder: Path, months: float, left: list[str]
) -> None:
    journal = new_journal(folder)
    for interaction in ("capabilities", "read", "login"):
        for index in range(30):
            journal.write(read_of(ANNA, at=NOW + index, interaction=interaction))
    journal.close()
    await Mover(database, folder, size=2048).drain()
    now = NOW + int(months * MONTH) + 100
    assert await prune(database, load_retention(), now=now) == 30 * (3 - len(left))
    assert await prune(database, load_retention(), now=now) == 0
    seen = {each.event.interaction async for each in events_of(database, ANNA, since=0, until=2**62)}
    assert seen == set(left)
    assert await verify_table(database) == []

"""Counters of attempts: the same for all processes, told by nobody, waiting longer each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.auth.accounts.limits import HOUR, MINUTE, SECOND, Limits, Rule, network
from app.config import CANONICAL_BASE
from app.database import Database, open_database
from app.database.migrations import migrate

NOW = 1_800_000_000_000_000
RULE = Rule("rule", 3, first=30 * SECOND, longest=2 * MINUTE, window=HOUR)
ANNA = (RULE, "anna@example.org")
BRAM = (RULE, "bram@example.org")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    database = await open_database(database_url)
    yield database
    await database.close()


async def test_after_the_free_ones_each_attempt_waits_twice_as_long(database: Database) -> None:
    limits = Limits(database, b"secret")
    now = NOW
    for wait in (0, 0, 0, 30, 60, 120, 120):
        if wait:
            assert not await limits.take([ANNA], now=now + wait * SECOND - 1)
        now += wait * SECOND
        assert await limits.take([ANNA], now=now)
    assert await limits.take([BRAM], now=now)


async def test_attempts_are_forgotten_after_a_while_and_when_the_right_person_came(database: Database) -> None:
    limits = Limits(database, b"secret")
    for _ in range(3):
        await limits.take([ANNA], now=NOW)
    assert not await limits.take([ANNA], now=NOW)
    await limits.forget([ANNA])
    for _ in range(3):
        assert await limits.take([ANNA], now=NOW)
    later = NOW + HOUR + 1
    for _ in range(3):
        assert await limits.take([ANNA], now=later)
    assert not await limits.take([ANNA], now=later)


async def test_of_two_counters_one_that_waits_stops_both_from_counting(database: Database) -> None:
    limits = Limits(database, b"secret")
    for _ in range(3):
        await limits.take([ANNA], now=NOW)
    for _ in range(5):
        assert not await limits.take([ANNA, BRAM], now=NOW)
    for _ in range(3):
        assert await limits.take([BRAM], now=NOW)


async def test_an_attempt_that_is_given_back_takes_no_other_with_it(database: Database) -> None:
    limits = Limits(database, b"secret")
    for _ in range(2):
        await limits.take([ANNA], now=NOW)
    await limits.give_back(ANNA)
    assert [await limits.take([ANNA], now=NOW) for _ in range(3)] == [True, True, False]


async def test_attempts_at_once_are_counted_one_by_one(database: Database) -> None:
    limits = Limits(database, b"secret")
    taken = await asyncio.gather(*(limits.take([ANNA, BRAM], now=NOW) for _ in range(10)))
    assert sum(taken) == 3


async def test_the_database_tells_nobody_who_was_counted(database: Database) -> None:
    await Limits(database, b"secret").take([ANNA], now=NOW)
    ((key,),) = await database.fetch("SELECT key FROM attempt")
    assert len(bytes(key)) == 32
    assert b"anna" not in bytes(key)
    await Limits(database, b"another secret").take([ANNA], now=NOW)
    assert len(await database.fetch("SELECT key FROM attempt")) == 2


async def test_what_is_forgotten_is_tidied(database: Database) -> None:
    limits = Limits(database, b"secret")
    await limits.take([ANNA], now=NOW)
    await limits.tidy(now=NOW + HOUR)
    assert len(await database.fetch("SELECT key FROM attempt")) == 1
    await limits.tidy(now=NOW + 25 * HOUR)
    assert await database.fetch("SELECT key FROM attempt") == []


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_customers_whole_network_counts_as_one_address(address: str, counts_as: str) -> None:
    assert network(address) == counts_as

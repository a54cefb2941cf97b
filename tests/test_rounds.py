"""What is done every so often goes on until the service stops, whatever goes wrong in between."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from app.rounds import Bell, Rounds


async def test_a_round_that_fails_is_logged_and_the_next_one_comes() -> None:
    done: list[int] = []
    enough = asyncio.Event()

    async def work() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise OSError("the disk is full")
        enough.set()

    rounds = Rounds(work, name="keeping", every=0.0)
    with capture_logs() as lines:
        rounds.start()
        await asyncio.wait_for(enough.wait(), 60)
        await rounds.stop()
    assert [(line["event"], line["round"]) for line in lines] == [("round.failed", "keeping")]
    so_far = len(done)
    await asyncio.sleep(0.01)
    assert len(done) == so_far


async def test_the_first_round_comes_when_it_is_said_and_stopping_ends_one_that_goes_on() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    rounds = Rounds(work, name="anchors", every=3600.0, first=0.0)
    await rounds.stop()  # nothing began
    rounds.start()
    await asyncio.wait_for(begun.wait(), 60)
    await rounds.stop()
    assert ended.is_set()


async def test_a_bell_brings_the_next_round_at_once() -> None:
    done: list[int] = []
    twice = asyncio.Event()

    async def work() -> None:
        done.append(len(done))
        bell.ring() if len(done) == 1 else twice.set()

    bell = Bell()
    rounds = Rounds(work, name="imports", every=3600.0, first=0.0, bell=bell)
    rounds.start()
    await asyncio.wait_for(twice.wait(), 60)
    await rounds.stop()
    assert done == [0, 1]


async def test_the_text_of_an_error_is_not_in_the_log() -> None:
    failed = asyncio.Event()

    async def work() -> None:
        failed.set()
        raise ValueError("kanariepiet")

    rounds = Rounds(work, name="keeping", every=3600.0, first=0.0)
    with capture_logs() as lines:
        rounds.start()
        await asyncio.wait_for(failed.wait(), 60)
        await asyncio.sleep(0.01)
        await rounds.stop()
    assert "kanariepiet" not in str(lines)
    assert lines[0]["trace"][0] == "builtins.ValueError"

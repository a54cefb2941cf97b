"""What the table alone cannot show, anchors do: a stream that was cut, removed or written anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.audit import Mover, verify_table
from app.audit.anchors import anchor, anchor_files, verify_anchors
from app.audit.stream import next_chain, origin
from app.database import Database
from tests.audit.events import NOW, new_journal, write_reads


async def sign(claims: Mapping[str, Any]) -> str:
    return "signed:" + json.dumps(claims)


async def opened(text: str) -> Mapping[str, Any]:
    if not text.startswith("signed:"):
        raise ValueError("not signed")
    return dict(json.loads(text.removeprefix("signed:")))


@pytest.fixture
async def anchors(database: Database, folder: Path, tmp_path: Path) -> Path:
    """Two streams, anchored twice, the second time with more lines and in another month."""
    place = tmp_path / "anchors"
    journals = [new_journal(folder), new_journal(folder)]
    for round_ in range(2):
        for journal in journals:
            write_reads(journal, 40)
        await Mover(database, folder, size=1024).drain()
        assert await anchor(database, place, sign=sign, now=NOW + round_ * 31 * 86_400_000_000) == 2
    for journal in journals:
        journal.close()
    return place


async def found(database: Database, anchors: Path) -> list[str]:
    return [each.problem for each in await verify_anchors(database, anchors, opened=opened)]


async def test_what_is_as_it_was_agrees_with_its_anchors(database: Database, anchors: Path) -> None:
    assert len(anchor_files(anchors)) == 2
    assert await found(database, anchors) == []


async def test_a_stream_cut_with_its_head_is_seen(database: Database, anchors: Path) -> None:
    ((stream, line),) = await database.fetch("SELECT stream, line FROM audit ORDER BY stream, line DESC LIMIT 1")
    await database.change("DELETE FROM audit WHERE stream = $1 AND line = $2", stream, line)
    await database.change("DELETE FROM audit_patient WHERE stream = $1 AND line = $2", stream, line)
    ((last, before, chain),) = await database.fetch(
        "SELECT line + lines - 1, line, chain FROM audit WHERE stream = $1 ORDER BY line DESC LIMIT 1", stream
    )
    assert before < line
    await database.change("UPDATE audit_head SET line = $2, chain = $3 WHERE stream = $1", stream, last, chain)
    assert await verify_table(database) == []
    assert await found(database, anchors) == ["was here when it was anchored, and is gone"]


async def test_a_stream_that_is_gone_is_seen(database: Database, anchors: Path) -> None:
    ((stream,), *_) = await database.fetch("SELECT stream FROM audit_head ORDER BY stream")
    for table in ("audit", "audit_patient", "audit_head"):
        await database.change(f"DELETE FROM {table} WHERE stream = $1", stream)
    assert await verify_table(database) == []
    assert set(await found(database, anchors)) == {"was here when it was anchored, and is gone"}


async def test_a_stream_written_anew_is_seen(database: Database, anchors: Path) -> None:
    ((stream,), *_) = await database.fetch("SELECT stream FROM audit_head ORDER BY stream")
    chain = origin(bytes(stream))
    for line, hashes in await database.fetch("SELECT line, hashes FROM audit WHERE stream = $1 ORDER BY line", stream):
        changed = bytes(reversed(bytes(hashes)))
        chain = next_chain(chain, changed)
        await database.change(
            "UPDATE audit SET hashes = $3, chain = $4 WHERE stream = $1 AND line = $2", stream, line, changed, chain
        )
    await database.change("UPDATE audit_head SET chain = $2 WHERE stream = $1", stream, chain)
    assert set(await found(database, anchors)) == {"is not what was anchored: the stream was written anew"}


async def test_anchors_that_were_changed_removed_or_put_in_are_seen(database: Database, anchors: Path) -> None:
    first, second = anchor_files(anchors)
    whole = second.read_bytes()
    second.write_bytes(b"forged" + whole)
    assert await found(database, anchors) == ["is not an anchor that this service signed"]
    second.write_bytes(whole)
    first.write_bytes(b"")
    assert await found(database, anchors) == ["does not follow the anchor before: one was removed"]
    first.write_bytes(whole)
    assert "does not follow the anchor before: one was removed" in await found(database, anchors)


async def test_a_stream_that_has_not_grown_is_told_once(database: Database, folder: Path, tmp_path: Path) -> None:
    place, told = tmp_path / "anchors", dict[str, list[Any]]()
    journals = [new_journal(folder), new_journal(folder)]
    for journal in journals:
        write_reads(journal, 4)
    await Mover(database, folder).drain()
    assert await anchor(database, place, sign=sign, now=NOW, known=told) == 2
    write_reads(journals[0], 4)
    await Mover(database, folder).drain()
    assert await anchor(database, place, sign=sign, now=NOW, known=told) == 1
    for journal in journals:
        journal.close()
    assert await found(database, place) == []
    for table in ("audit", "audit_patient", "audit_head"):
        await database.change(f"DELETE FROM {table}")
    assert await found(database, place) == ["was here when it was anchored, and is gone"] * 3


async def test_an_anchor_that_was_cut_off_by_a_power_failure_spoils_no_other(database: Database, anchors: Path) -> None:
    *_, last = anchor_files(anchors)
    last.write_bytes(last.read_bytes() + b"half an anc")
    await anchor(database, anchors, sign=sign, now=NOW + 31 * 86_400_000_000)
    assert await found(database, anchors) == ["is not an anchor that this service signed"]

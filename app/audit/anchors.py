"""Anchors: how far every stream had come and with which chain hash, signed, kept outside the database.

Whoever can write the database can cut a stream at its end, remove it, or write it anew from some line on, and the table
alone would not show it (``verify.py``). An anchor does. One line of a file per anchor, each with the hash of the line
before; whoever keeps copies of the files elsewhere can prove more than we can.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from app.audit.verify import Finding
from app.database.interface import Reader

Sign = Callable[[Mapping[str, Any]], Awaitable[str]]
"""Makes a signed text, without line ends, of what it is given."""
Opened = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Gives back what was signed. Raises ``ValueError`` for what was not signed by this service, or was changed."""

_HEADS: Final = "SELECT stream, line, chain FROM audit_head WHERE line > 0 ORDER BY stream"
_SEGMENT_AT: Final = (
    "SELECT line + lines - 1, chain FROM audit WHERE stream = $1 AND line <= $2 ORDER BY line DESC LIMIT 1"
)
_ENDING: Final = ".anchors"


def anchor_files(folder: Path) -> list[Path]:
    """The files, a month each, in the order they were written."""
    return sorted(folder.glob(f"*{_ENDING}")) if folder.is_dir() else []


async def anchor(
    database: Reader, folder: Path, *, sign: Sign, now: int, known: dict[str, list[Any]] | None = None
) -> int:
    """Write one anchor, on disk when this returns; how many streams are in it. ``known``: heads that an anchor before
    has told, which are left out while they are the same (a process that is gone writes no more); brought up to date.
    """
    turn = await asyncio.to_thread(_turn, folder)
    try:
        rows = await database.fetch(_HEADS)
        heads = {bytes(stream).hex(): [line, bytes(chain).hex()] for stream, line, chain in rows}
        if known is not None:
            heads = {stream: head for stream, head in heads.items() if known.get(stream) != head}
        signed = await sign({"at": now, "previous": await asyncio.to_thread(_last_hash, folder), "heads": heads})
        await asyncio.to_thread(_append, folder, signed, now)
        if known is not None:
            known.update(heads)
    finally:
        os.close(turn)
    return len(heads)


def _turn(folder: Path) -> int:
    """The turn of one process at a time, so that each anchor follows the one before; over when it is closed."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _last_hash(folder: Path) -> str:
    for path in reversed(anchor_files(folder)):
        lines = path.read_bytes().splitlines()
        if lines:
            return sha256(lines[-1]).hexdigest()
    return ""


def _append(folder: Path, text: str, now: int) -> None:
    month = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y-%m")
    descriptor = os.open(folder / f"{month}{_ENDING}", os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # the machine stopped while it was written
        os.write(descriptor, b"\n" * torn + text.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def verify_anchors(database: Reader, folder: Path, *, opened: Opened) -> list[Finding]:
    """What does not agree with the anchors: lines that are gone or other than they were, and anchors themselves that
    were changed, removed or put in. Empty when all is true.
    """
    findings: list[Finding] = []
    previous = ""
    latest: dict[str, tuple[int, str]] = {}
    for path in anchor_files(folder):
        for number, text in enumerate(path.read_bytes().splitlines(), 1):
            try:
                said = await opened(text.decode("ascii", "replace"))
                heads = {str(stream): (int(line), str(chain)) for stream, (line, chain) in said["heads"].items()}
                follows = str(said["previous"])
            except (ValueError, KeyError, TypeError, AttributeError):
                findings.append(Finding(path.name, number, "is not an anchor that this service signed"))
                previous = sha256(text).hexdigest()
                continue
            if follows != previous:
                findings.append(Finding(path.name, number, "does not follow the anchor before: one was removed"))
            previous = sha256(text).hexdigest()
            for stream, head in heads.items():
                if latest.get(stream) != head:
                    latest[stream] = head
                    findings += await _check(database, bytes.fromhex(stream), *head)
    return findings


async def _check(database: Reader, stream: bytes, line: int, chain: str) -> Sequence[Finding]:
    """Whether the stream came by this line with this chain hash; segments are never joined, so it ended one."""
    rows = await database.fetch(_SEGMENT_AT, stream, line)
    if not rows or rows[0][0] < line:
        return [Finding(stream.hex(), line, "was here when it was anchored, and is gone")]
    if rows[0][0] != line or bytes(rows[0][1]).hex() != chain:
        return [Finding(stream.hex(), line, "is not what was anchored: the stream was written anew")]
    return []

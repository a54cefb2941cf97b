"""What a tree of processes used: CPU, bytes written, private memory. https://man7.org/linux/man-pages/man5/proc.5.html

CPU is read from the kernel's per-process clock (nanoseconds, all threads, ended ones included; the figure in
``/proc/<pid>/stat`` has steps of 10 ms), plus what ended children left with their parent.

Bytes written are ``write_bytes``, pages sent towards storage. For PostgreSQL they are ``wchar``, bytes handed to
write(): its write-ahead log lies ready in large folios, of which the kernel counts every byte as dirtied by each 8 kB
(forty times too much on Linux 6.18), and its sockets, which use send(), are not in ``wchar``.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_SCHEDULED: Final = 2
"""CPUCLOCK_SCHED of the kernel's clock ids: the time a process really ran, user and system."""


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU in nanoseconds and bytes written, by a set of processes since they started."""

    cpu_ns: int = 0
    written: int = 0

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.cpu_ns - earlier.cpu_ns, self.written - earlier.written)


def members(roots: Iterable[int]) -> set[int]:
    """The living processes in the groups that ``roots`` lead, and all their descendants (PostgreSQL's backends
    leave the group of their parent, so the group alone would miss them).
    """
    wanted = set(roots)
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))):
            parents[int(folder.name)] = int(stat[1])
            if int(folder.name) in wanted or int(stat[2]) in wanted:
                found.add(int(folder.name))
    grew = True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found and pid not in found}
        found |= more
        grew = bool(more)
    return found


def usage(roots: Iterable[int]) -> Usage:
    """What the processes of ``members(roots)`` used since each started, their ended children included."""
    cpu = written = 0
    for pid in members(roots):
        # A process that ends between the listing and here has left its figures with its parent.
        with contextlib.suppress(OSError):
            stat = _stat(pid)
            clock = time.clock_gettime_ns((~pid << 3) | _SCHEDULED)
            fields = dict(line.split(": ") for line in (PROC / str(pid) / "io").read_text().splitlines())
            postgresql = name(pid) == "postgres"
            cpu += clock + (int(stat[13]) + int(stat[14])) * _TICK_NS if stat else 0
            written += int(fields["wchar" if postgresql else "write_bytes"])
    return Usage(cpu, written)


def private_bytes(pid: int) -> int:
    """Anonymous resident memory (RssAnon) of one process: what it holds for itself, files and code not counted."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    message = f"process {pid} has no RssAnon"
    raise ProcessLookupError(message)


def parent(pid: int) -> int:
    """The parent of a process: of a PostgreSQL backend, the server."""
    stat = _stat(pid)
    if not stat:
        raise ProcessLookupError(pid)
    return int(stat[1])


def name(pid: int) -> str:
    """The command's name, such as ``postgres``."""
    return (PROC / str(pid) / "comm").read_text().strip()


def _stat(pid: int) -> list[str]:
    """The fields of ``stat`` after the name, from the state on; empty when the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

"""Small numbers that stand for resource types and search parameter codes in the search index.

They are stored in databases, so a number once given is never changed, reused or taken away: ``append`` only adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

FILE = Path(__file__).with_name("numbers.json")
KINDS = ("types", "parameters")

Numbers = dict[str, dict[str, int]]


def read(path: Path = FILE) -> Numbers:
    """The numbers given so far, by kind; empty when there is no file yet. Raises ValueError on a damaged file."""
    if not path.exists():
        return {kind: {} for kind in KINDS}
    numbers: Any = msgspec.json.decode(path.read_bytes())
    check(numbers)
    return {kind: dict(numbers[kind]) for kind in KINDS}


def check(numbers: Mapping[str, Mapping[str, int]]) -> None:
    """Raises ValueError unless each kind numbers its names 1, 2, 3 … in the order of the file."""
    for kind in KINDS:
        if list(numbers[kind].values()) != list(range(1, len(numbers[kind]) + 1)):
            raise ValueError(f"{kind} are not numbered 1 to {len(numbers[kind])} in order: numbers must never change")


def append(numbers: Mapping[str, Mapping[str, int]], kind: str, names: Iterable[str]) -> Numbers:
    """The numbers with the next ones given to names that have none; what was numbered keeps its number."""
    check(numbers)
    grown = {each: dict(numbers[each]) for each in KINDS}
    for name in names:
        grown[kind].setdefault(name, len(grown[kind]) + 1)
    return grown


def write(numbers: Numbers, path: Path = FILE) -> None:
    """Save, one name a line. Raises ValueError when a number that the file already gives would change or go."""
    check(numbers)
    for kind, given in read(path).items():
        moved = [name for name, number in given.items() if numbers[kind].get(name) != number]
        if moved:
            raise ValueError(f"{kind} would be renumbered: {', '.join(moved[:5])}")
    path.write_bytes(msgspec.json.format(msgspec.json.encode(numbers), indent=1) + b"\n")

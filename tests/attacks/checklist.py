"""Which attacks of the checklist are tried, and by which tests: found by their names (``test_a04_…``), and in
``checklist.yaml`` where the name says something else. What does not apply yet says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml

TESTS: Final = Path(__file__).parents[1]
_NUMBERED: Final = re.compile(r"^(?:async )?def (test((?:_a_?\d{1,2})+)_\w+)\(", re.MULTILINE)
"""A test of one attack or of several, such as ``test_a05_a06_what_is_wrong_is_told``."""
_NAMED: Final = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Attack:
    """One line of the checklist. ``tests``: as ``file::name``; ``reason``: why it does not apply, "" where it does."""

    number: int
    title: str
    tests: tuple[str, ...]
    reason: str


def _found() -> Iterator[tuple[int, str]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, numbers in _NUMBERED.findall(path.read_text("utf-8")):
            for number in re.findall(r"\d+", numbers):
                yield int(number), f"{path.relative_to(TESTS.parent)}::{name}"


def names_in(file: str) -> frozenset[str]:
    """The tests of a file, given from the folder of the project on."""
    path = TESTS.parent / file
    return frozenset(_NAMED.findall(path.read_text("utf-8"))) if path.is_file() else frozenset()


@cache
def attacks() -> Mapping[int, Attack]:
    """The whole checklist, by number."""
    numbered: dict[int, list[str]] = {}
    for number, test in _found():
        numbered.setdefault(number, []).append(test)
    listed = yaml.load(Path(__file__).with_suffix(".yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {
        number: Attack(
            number,
            row["title"],
            (*numbered.get(number, ()), *row.get("tests", ())),
            row.get("not_applicable", ""),
        )
        for number, row in listed.items()
    }


def summary() -> str:
    """One line: how many are tried, how many do not apply, and why not."""
    every = attacks().values()
    tried = [each for each in every if each.tests]
    apart = [each for each in every if each.reason]
    reasons = "; ".join(f"A-{each.number}: {each.reason}" for each in apart)
    tests = sum(len(each.tests) for each in tried)
    return f"attack checklist: {len(tried)} of {len(every)} tried by {tests} tests, {len(apart)} not applicable" + (
        f" ({reasons})" if reasons else ""
    )

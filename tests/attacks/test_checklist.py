"""Every attack of the checklist is tried by a test that is there, or says why it does not apply."""

from __future__ import annotations

from typing import Final

import pytest

from tests.attacks.checklist import attacks, names_in, summary

ASKED: Final = (*range(1, 18), *range(20, 31), *range(50, 66), *range(80, 85))
"""The numbers that must be tried: A-1…A-17, A-20…A-30, A-50…A-65, A-80…A-84."""


@pytest.mark.parametrize("number", ASKED)
def test_an_attack_is_tried_or_says_why_not(number: int) -> None:
    attack = attacks()[number]
    assert bool(attack.tests) != bool(attack.reason)
    for test in attack.tests:
        file, _, name = test.partition("::")
        assert name in names_in(file), test


def test_the_list_holds_what_was_asked_and_nothing_else() -> None:
    assert tuple(attacks()) == ASKED


def test_the_count_is_printed() -> None:
    tried = sum(1 for each in attacks().values() if each.tests)
    assert summary().startswith(f"attack checklist: {tried} of {len(ASKED)} tried by ")

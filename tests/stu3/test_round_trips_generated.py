"""Made resources of every type that can be translated come back as they were, whatever stands in them."""

from __future__ import annotations

import copy
import random
from typing import Any, Final

import pytest

from app.fhir.stu3 import R4_TYPES, STU3_TYPES
from tests.stu3.examples import R4, STU3, TRANSLATOR, errors
from tests.stu3.generating import Hard

SEEDS: Final = range(6)
STRICTER: Final = frozenset({"ait-2", "app-3", "bdl-3", "bdl-4", "que-4", "que-5", "que-8"})
"""Invariants that only R4 has, or that the validation holds R4 alone against: about contents, not about structure."""


@pytest.mark.parametrize("kind", sorted(R4_TYPES))
def test_a_made_resource_of_stu3_comes_back_as_it_was(kind: str) -> None:
    for seed in SEEDS:
        made = Hard(STU3, f"{kind} {seed}").resource(kind)
        before = copy.deepcopy(made)
        within = TRANSLATOR.to_r4(made)
        assert made == before
        assert TRANSLATOR.to_stu3(within) == made, seed
        if not errors(made, STU3):
            assert [each for each in errors(within, R4) if each[1] not in STRICTER] == [], seed


@pytest.mark.parametrize("kind", sorted(STU3_TYPES))
def test_a_made_resource_of_r4_comes_back_as_it_was(kind: str) -> None:
    for seed in SEEDS:
        made = Hard(R4, f"{kind} {seed}").resource(kind)
        before = copy.deepcopy(made)
        without = TRANSLATOR.to_stu3(made)
        assert made == before
        assert TRANSLATOR.to_r4(without) == made, seed
        if not errors(made, R4):
            assert errors(without, STU3) == [], seed


@pytest.mark.parametrize("kind", sorted(STU3_TYPES))
def test_what_is_changed_inside_goes_out_as_it_is(kind: str) -> None:
    """A member taken away or put in after a resource of STU3 came in: the R4 form is what counts."""
    chance = random.Random(kind)
    for seed in SEEDS:
        stu3 = next(name for name, r4 in R4_TYPES.items() if r4 == kind)
        within = TRANSLATOR.to_r4(Hard(STU3, f"{stu3} {seed}").resource(stu3))
        other = Hard(R4, f"{kind} {seed}").resource(kind)
        taken = {name.removeprefix("_") for name in other if chance.random() < 0.3}
        left = {name.removeprefix("_") for name in within if chance.random() < 0.8} - taken
        changed: dict[str, Any] = {name: each for name, each in within.items() if name.removeprefix("_") in left}
        changed |= {name: each for name, each in other.items() if name.removeprefix("_") in taken}
        changed["resourceType"] = kind
        again = TRANSLATOR.to_r4(TRANSLATOR.to_stu3(changed))
        for name in changed.keys() - {"extension", "modifierExtension", "meta"}:
            assert again.get(name) == changed[name] or _is_marked(changed[name]), (seed, name)


def _is_marked(value: Any) -> bool:
    return "added-in-translation" in str(value)

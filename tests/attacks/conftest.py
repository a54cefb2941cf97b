"""Anna's record with a weight and a laboratory result, and an app that sees the laboratory only."""

from __future__ import annotations

import pytest

from tests.attacks.laboratory import HIDDEN, LABORATORY_ONLY, SHOWN, laboratory
from tests.builders import goal, observation, reference
from tests.server.grants import token_with
from tests.server.service import Caller, Service


@pytest.fixture
async def record(anna: Caller) -> None:
    """What is there: each result with a goal that it is about."""
    await anna.keep(goal(id="goal-hidden"))
    await anna.keep(goal(id="goal-shown"))
    await anna.keep(observation(id=HIDDEN, focus=[reference("Goal/goal-hidden")], note=[{"text": "geheim"}]))
    await anna.keep(laboratory(id=SHOWN, focus=[reference("Goal/goal-shown")]))


@pytest.fixture
async def app(service: Service, record: None) -> Caller:
    return await token_with(service, LABORATORY_ONLY, "anna", purpose="own-use")

"""What a rule derives is the service's own word: where it claims a profile it follows it, or the write is refused,
whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.database import Reader
from app.fhir.resource import Resource
from app.server.rules import ChangeSet, Rule, Verdict
from tests.builders import concept, observation
from tests.intake.profiles import TAG, rules, weighing
from tests.integrity import problems
from tests.server.service import Caller, Service, issues

DERIVING = "derive"


@pytest.fixture
def deriving(service: Service) -> Iterator[dict[str, Resource]]:
    """A rule that derives what the test puts under ``derive``, when an Observation has that tag."""
    derived: dict[str, Resource] = {}

    async def check(_: ChangeSet, _reader: Reader) -> Verdict:
        return Verdict(derived=tuple(derived.values()))

    def concerns(change: object) -> bool:
        return DERIVING in str(change)

    server, before = service.server, service.server.rules
    object.__setattr__(server, "rules", [Rule("deriving", frozenset({"Observation"}), check, concerns)])
    yield derived
    object.__setattr__(server, "rules", before)


def asking() -> Resource:
    return observation(method=concept("urn:x", DERIVING))


async def test_what_follows_its_profile_is_stored_and_cannot_be_flagged_by_itself(
    service: Service, anna: Caller, backend: Caller, deriving: dict[str, Resource]
) -> None:
    deriving["one"] = {**weighing(), "id": "derived", "meta": {**weighing()["meta"], "tag": [TAG]}}
    for caller in (anna, backend):
        assert (await caller.post("/Observation", asking())).status_code == 201
    assert await anna.found("/Observation?_tag=profile-deviation") == []
    assert len(await anna.found("/Observation?_profile=https://profiles.test/StructureDefinition/weighing")) == 1
    assert await problems(service.database, replace(service.server, rules=())) == []


async def test_what_deviates_refuses_the_whole_write(
    anna: Caller, backend: Caller, deriving: dict[str, Resource]
) -> None:
    deriving["one"] = {**weighing(note=None), "id": "derived"}
    for caller in (anna, backend):
        answer = await caller.post("/Observation", asking())
        assert answer.status_code == 422
        assert rules(issues(answer)) == [("error", "min", "Observation.note")]
    assert await anna.found("/Observation") == []

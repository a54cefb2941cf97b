"""How much work a check may be: what somebody sends to keep the service busy is refused before it is begun, and nothing
that grows with its square is done.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from app.server.intake import checking, effort
from tests.builders import observation, posted, reference, transaction
from tests.intake.profiles import UNKNOWN, WEIGHING, weighing
from tests.server.service import Caller, Service, codes, issues

COMPONENT: Final = {"code": {"text": "x"}, "valueInteger": 1}


def large(count: int, **members: Any) -> Resource:
    return weighing(component=[COMPONENT] * count, **members)


def test_values_are_counted_wherever_they_stand() -> None:
    assert effort.values_in({"a": [1, {"b": "c"}], "d": None}) == 6


async def test_what_is_too_large_for_its_profiles_is_refused_before_it_is_looked_at(
    service: Service, anna: Caller, practice: Caller
) -> None:
    beyond = large(effort.MOST_OF_ONE // 4 + 1, note=None)
    for caller in (anna, practice):
        answer = await caller.post("/Observation", beyond)
        assert (answer.status_code, codes(answer)) == (422, ["too-costly"])
    assert codes(await anna.post("/Observation/$validate", beyond)) == ["too-costly"]
    assert codes(await anna.post(f"/Observation/$validate?profile={WEIGHING}", large(20_000, meta=None))) == [
        "too-costly"
    ]
    claims_nothing_held = large(20_000, profile=UNKNOWN)
    assert (await anna.post("/Observation", claims_nothing_held)).status_code == 201


async def test_many_claims_count_each(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "MOST_OF_ONE", 100)
    assert (await anna.post("/Observation", large(5, meta={"profile": [WEIGHING, WEIGHING, UNKNOWN]}))).is_success
    named = large(5, meta={"profile": [WEIGHING, f"{WEIGHING}|", UNKNOWN]})
    assert codes(await anna.post("/Observation", named)) == ["too-costly"]


async def test_what_comes_together_counts_together(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_TOGETHER", 4 * effort.values_in(weighing()) + 1)
    assert (await anna.post("/", transaction(*[posted(weighing())] * 4))).status_code == 200
    answer = await anna.post("/", transaction(*[posted(weighing())] * 5))
    assert (answer.status_code, codes(answer)) == (422, ["too-costly"])


async def test_a_large_check_lets_other_requests_have_their_turn(anna: Caller, bram: Caller) -> None:
    done: list[str] = []

    async def check() -> None:
        answer = await anna.post("/Observation", large(effort.MOST_OF_ONE // 4 - 20))
        assert answer.status_code == 201
        done.append("large")

    async def read() -> None:
        await asyncio.sleep(0.01)
        assert (await bram.get("/Patient/bram")).status_code == 200
        done.append("small")

    await asyncio.gather(check(), read())
    assert sorted(done) == ["large", "small"]


async def test_what_is_referred_to_often_is_looked_at_once(anna: Caller) -> None:
    """Else this would be four million values."""
    inner = {**large(300, note=None), "id": "c"}
    sent = observation(contained=[inner], meta={"profile": [WEIGHING]}, note=[{"text": "x"}])
    began = time.perf_counter()
    answer = await anna.post("/Observation", {**sent, "derivedFrom": [reference("#c")] * 3000})
    took = time.perf_counter() - began
    assert answer.status_code == 422
    assert len(issues(answer)) >= 100
    assert took < 20


async def test_what_is_looked_at_through_references_has_an_end(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.server.intake import held

    monkeypatch.setattr(held, "MOST_RESOLVED", 60)
    names = [decode((await anna.post("/Observation", observation())).content)["id"] for _ in range(4)]
    answer = await anna.post("/Observation", weighing(derivedFrom=[reference(f"Observation/{name}") for name in names]))
    assert answer.status_code == 422
    assert len(issues(answer)) < len(names)


async def test_canonicals_that_nobody_holds_leave_nothing_behind(service: Service, anna: Caller) -> None:
    profiles = await service.server.packages.profiles(service.database)
    await anna.post("/Observation", weighing())
    before = len(profiles._compiled), len(profiles._types), len(profiles._trees)
    for number in range(20):
        await anna.post("/Observation", weighing(profile=f"https://made.up/{number}"))
    core = "http://hl7.org/fhir/StructureDefinition/made-up"
    await anna.post("/Observation", weighing(profile=core))
    assert (len(profiles._compiled), len(profiles._types), len(profiles._trees)) == before

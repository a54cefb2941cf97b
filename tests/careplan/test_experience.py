"""After a plan is agreed, and after a cycle is closed, the person is offered to tell how it went: theirs alone, once,
and declined without a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from app.questionnaires.instruments import shipped
from tests import builders
from tests.careplan.histories import Journey, started
from tests.careplan.test_due import DAY, day, due
from tests.careplan.turning import MOUTH, done, part
from tests.questionnaires.answering import response
from tests.questionnaires.asking import actor, moved, output
from tests.questionnaires.fakes import PAM
from tests.server.service import Caller, Service
from tests.web.browsing import Time

EXPERIENCE: Final = f"{CANONICAL_BASE}/Questionnaire/zelfregie-ervaring"
SECOND: Final = 1_000_000
EVERY: Final = shipped(CANONICAL_BASE)[EXPERIENCE].row["offered_every"]


async def offers(caller: Caller, status: str = "") -> list[Resource]:
    """The offers that somebody sees, the first one first."""
    wanted = f"&status={status}" if status else ""
    bundle = await caller.bundle(f"/Task?code=http://loinc.org|74468-0&_sort=authored-on{wanted}")
    return [each["resource"] for each in bundle.get("entry", ())]


@pytest.fixture
async def journey(anna: Caller) -> Journey:
    return await started(anna, "Wandelen")


@pytest.fixture
def time(service: Service) -> Iterator[Time]:
    """Moves on when the test says so."""
    before = service.server.clock
    made = Time(before())
    object.__setattr__(service.server, "clock", made)
    yield made
    object.__setattr__(service.server, "clock", before)


async def test_the_offer_is_there_when_agree_answers_and_is_the_persons_alone(
    service: Service, anna: Caller, journey: Journey
) -> None:
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    (task,) = await offers(anna)
    assert task["input"] == [{"type": {"text": "Questionnaire"}, "valueCanonical": EXPERIENCE}]
    assert (task["status"], task["intent"], task["owner"]) == ("requested", "order", {"reference": "Patient/anna"})
    assert task["requester"] == {"display": "Zelfregie"}
    assert [each["code"] for each in task["code"]["coding"]] == ["74468-0", "experience"]
    assert task["description"].startswith("Hoe ging het")
    assert "focus" not in task
    for name in ("professional", "system"):
        caller = await actor(service, name)
        assert await offers(caller) == []
        assert (await caller.get(f"/Task/{task['id']}")).status_code == 404
        assert (await caller.get(f"/Task/{task['id']}/_history")).status_code == 404


async def test_it_is_offered_too_when_a_professional_records_the_agreement(
    service: Service, anna: Caller, journey: Journey
) -> None:
    care = await actor(service, "professional")
    await done(care, journey.plan, "agree", nextReview=day(service, 90 * DAY), **MOUTH)
    assert len(await offers(anna)) == 1
    assert await offers(care) == []


async def test_it_is_declined_without_a_reason_and_not_offered_again_in_the_same_cycle(
    service: Service, anna: Caller, journey: Journey
) -> None:
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    (task,) = await offers(anna)
    assert (await moved(anna, task, "rejected")).status_code == 200
    await done(anna, journey.plan, "revise", reason="wish")
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    assert [each["status"] for each in await offers(anna)] == ["rejected"]


async def test_it_is_answered_as_anything_that_is_asked(service: Service, anna: Caller, journey: Journey) -> None:
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    (task,) = await offers(anna)
    assert (await moved(anna, task, "accepted")).status_code == 200
    full_url = "urn:uuid:5d3a8f3e-0000-4000-8000-000000000007"
    body = builders.transaction(
        builders.put({**task, "status": "completed", "output": output(full_url)}),
        builders.posted(response(questionnaire=f"{EXPERIENCE}|0.1.0"), full_url),
    )
    answer = await anna.post("", body)
    assert answer.status_code == 200, answer.text
    care = await actor(service, "professional")
    assert await offers(care) == []
    assert await care.found("/QuestionnaireResponse") == []


async def test_a_closed_cycle_is_no_reason_so_soon_after(service: Service, anna: Caller, journey: Journey) -> None:
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    await looked_back(anna, journey)
    (task,) = await offers(anna)
    assert (await moved(anna, task, "rejected")).status_code == 200
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    assert len(await offers(anna)) == 1


async def test_it_is_offered_once_more_after_a_closed_cycle(
    service: Service, time: Time, anna: Caller, journey: Journey
) -> None:
    def review() -> str:
        return day(service, 90 * DAY)

    await done(anna, journey.plan, "agree", nextReview=review())
    time.move((EVERY - 1) * DAY // SECOND)
    await looked_back(anna, journey)
    time.move(2 * DAY // SECOND)
    await done(anna, journey.plan, "agree", nextReview=review())
    (task,) = await offers(anna)
    assert task["status"] == "requested", "the last one is open, so that there is no other"
    assert (await moved(anna, task, "rejected")).status_code == 200
    await looked_back(anna, journey)
    assert [each["status"] for each in await offers(anna)] == ["rejected", "requested"]
    second = (await offers(anna, "requested"))[0]
    assert (await moved(anna, second, "rejected")).status_code == 200
    time.move((EVERY + 1) * DAY // SECOND)
    await done(anna, journey.plan, "agree", nextReview=review())
    assert len(await offers(anna)) == 2, "this cycle had its offer when the one before was closed"
    await looked_back(anna, journey)
    assert len(await offers(anna)) == 3


async def looked_back(anna: Caller, journey: Journey) -> None:
    """A cycle is closed."""
    await done(anna, journey.plan, "evaluate", evaluation=part(goal=journey.goal, comment="Gaat wel"))
    await done(anna, journey.plan, "decide", decision=part(goal=journey.goal, decision="continue"))


@pytest.mark.parametrize("asked", [PAM, f"{CANONICAL_BASE}/Questionnaire/weg"])
async def test_the_plan_asks_for_nothing_that_cannot_be_filled_in(
    service: Service, anna: Caller, journey: Journey, asked: str
) -> None:
    await named(service, anna, journey, asked)
    assert (await due(service, 12 * DAY)).tasks == 0


async def named(service: Service, anna: Caller, journey: Journey, asked: str) -> None:
    """The plan, agreed, names a questionnaire for each week from ten days on."""
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    plan = await journey.read("CarePlan", journey.plan)
    repeat = {
        "boundsPeriod": {"start": day(service, 10 * DAY)},
        "frequency": 1,
        "period": 1,
        "periodUnit": "wk",
    }
    detail = {
        "status": "scheduled",
        "description": "Elke week",
        "instantiatesCanonical": [asked],
        "scheduledTiming": {"repeat": repeat},
    }
    await journey.put({**plan, "activity": [{"id": "wiel", "detail": detail}]})


async def test_what_a_closed_plan_still_asks_is_cancelled(service: Service, anna: Caller, journey: Journey) -> None:
    wheel = f"{CANONICAL_BASE}/Questionnaire/levenswiel"
    await named(service, anna, journey, wheel)
    assert (await due(service, 12 * DAY)).tasks == 1
    asked = [each for each in await offers(anna) if each["input"][0]["valueCanonical"] == wheel]
    assert [each["status"] for each in asked] == ["requested"]
    refused = await moved(anna, asked[0], "cancelled")
    assert refused.status_code == 422, "the service asked"
    care = await actor(service, "professional")
    assert [each["id"] for each in await offers(care)] == [asked[0]["id"]], "who may see plan and answers sees this"
    await done(anna, journey.plan, "close", status="completed")
    after = decode((await anna.get(f"/Task/{asked[0]['id']}")).content)
    assert after["status"] == "cancelled"


async def test_what_was_declined_since_its_day_is_not_asked_again_until_the_next(
    service: Service, time: Time, anna: Caller, journey: Journey
) -> None:
    await named(service, anna, journey, f"{CANONICAL_BASE}/Questionnaire/levenswiel")
    time.move(12 * DAY // SECOND)
    assert (await due(service)).tasks == 1
    time.move(6 * DAY // SECOND)
    assert (await due(service)).tasks == 0, "that of last week is still open"
    (asked,) = [each for each in await offers(anna) if "focus" in each]
    assert (await moved(anna, asked, "rejected", "Deze week niet")).status_code == 200
    assert (await due(service)).tasks == 0, "she said no to this week's as well"
    time.move(7 * DAY // SECOND)
    assert (await due(service)).tasks == 1

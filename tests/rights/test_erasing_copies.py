"""Answers that are erased are gone in the working copies that corrected them, live or deleted too (MODEL 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from app.auth.recipients import organization
from app.fhir.resource import Resource, decode
from tests.integrity import problems
from tests.questionnaires.answering import given, item, questionnaire, response
from tests.questionnaires.test_amending import by_put, copy_of
from tests.rights.people import erasures, visit
from tests.rights.test_erasing import MARK, erase, token
from tests.server.service import Caller, Service

_ASKED: Final = questionnaire(item("waar"), id="proef")
_SENT: Final = response(given("waar", ("String", MARK)))
_BETTER: Final = [given("waar", ("String", f"{MARK} links"))]


async def finished(anna: Caller, copy: Resource) -> None:
    assert (await by_put(anna, copy)).status_code == 200


async def stopped(anna: Caller, copy: Resource) -> None:
    await anna.keep({**copy, "status": "stopped"})


async def deleted(anna: Caller, copy: Resource) -> None:
    assert (await anna.delete(f"/QuestionnaireResponse/{copy['id']}")).status_code == 204


async def no_copy_any_more(anna: Caller, copy: Resource) -> None:
    plain = {name: value for name, value in copy.items() if name != "extension"}
    await anna.keep(plain)


async def still_open(anna: Caller, copy: Resource) -> None:
    await anna.keep({**copy, "item": _SENT["item"]})


ENDS: Final = (finished, stopped, deleted, no_copy_any_more, still_open)


@pytest.fixture(autouse=True)
async def held(operator: Caller) -> None:
    await operator.keep(_ASKED)


async def is_nowhere(service: Service, anna: Caller, *names: str) -> None:
    """No version of those is served, and no table of resources holds a word of what was answered."""
    for name in names:
        history = await anna.bundle(f"/QuestionnaireResponse/{name}/_history")
        assert {each["request"]["method"] for each in history["entry"]} == {"DELETE"}
        for version in range(1, len(history["entry"]) + 1):
            answer = await anna.get(f"/QuestionnaireResponse/{name}/_history/{version}")
            assert answer.status_code == 410, answer.text
    assert MARK not in (await anna.get("/QuestionnaireResponse/_history")).text
    for table in ("history", "resource"):
        bodies = await service.database.fetch(f"SELECT body FROM {table} WHERE body IS NOT NULL")
        assert not any(MARK.encode() in row[0] for row in bodies)
    assert await problems(service.database, service.server) == []


@pytest.mark.parametrize("end", ENDS)
async def test_answers_are_erased_with_their_working_copies(
    service: Service, anna: Caller, end: Callable[[Caller, Resource], Awaitable[None]]
) -> None:
    sent = await anna.create(_SENT)
    other = await anna.create(response(given("waar", ("String", "heup"))))
    kept = await anna.create(copy_of(other, item=[given("waar", ("String", "enkel"))]))
    copy = await anna.create(copy_of(sent, item=_BETTER))
    await end(anna, copy)
    await erase(service, f"QuestionnaireResponse/{sent['id']}")
    await is_nowhere(service, anna, sent["id"], copy["id"])
    for each in (other, kept):
        assert decode((await anna.get(f"/QuestionnaireResponse/{each['id']}")).content) == each


async def test_a_copy_that_is_erased_leaves_the_answers(service: Service, anna: Caller) -> None:
    sent = await anna.create(response(given("waar", ("String", "knie"))))
    copy = await anna.create(copy_of(sent, item=_BETTER))
    await erase(service, f"QuestionnaireResponse/{copy['id']}")
    await is_nowhere(service, anna, copy["id"])
    assert decode((await anna.get(f"/QuestionnaireResponse/{sent['id']}")).content) == sent


async def test_they_go_with_the_source_of_the_answers_whoever_made_them(service: Service, anna: Caller) -> None:
    practice = await token(service, organization("praktijk"), organization_="De Proef", kind="system")
    sent = await practice.create(_SENT)
    first = await anna.create(copy_of(sent, item=_BETTER))
    await finished(anna, first)
    now_said = decode((await anna.get(f"/QuestionnaireResponse/{sent['id']}")).content)
    others = [await anna.create(copy_of(now_said)) for _ in range(2)]
    found = await visit(service, "anna")
    now = service.server.clock()
    done = await erasures(service).source(found.access, "organization:praktijk", now=now, request="r")
    assert (done.resources, done.versions) == (4, 5)
    await is_nowhere(service, anna, sent["id"], first["id"], *(each["id"] for each in others))


async def test_of_a_whole_record_no_copy_is_left(service: Service, anna: Caller) -> None:
    sent = await anna.create(_SENT)
    await finished(anna, await anna.create(copy_of(sent, item=_BETTER)))
    visitor = await visit(service, "anna")
    await erasures(service).everything(visitor.access, now=service.server.clock())
    bodies = await service.database.fetch("SELECT body FROM history WHERE body IS NOT NULL")
    assert not any(MARK.encode() in row[0] for row in bodies)

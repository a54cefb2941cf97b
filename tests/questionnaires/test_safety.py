"""Help is shown at once when somebody says that they think of harming themselves, and nothing else follows of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from app.questionnaires.instruments import Instrument, Licence
from app.questionnaires.items import form_of
from app.questionnaires.library import Held
from app.questionnaires.safety import RULE, help_places, help_text
from tests import builders
from tests.questionnaires.scoring import ANSWERS, answered, dimension, key, questionnaire
from tests.questionnaires.test_scores_written import keep
from tests.server.service import Caller, Service

LICENCE: Final = Licence(holder="Nephouder", terms="nep")


@pytest.fixture
async def service(seeded_service: Service) -> AsyncIterator[Service]:
    """The service with a questionnaire of which the third question needs a help text."""
    await seeded_service.reset()
    await keep(seeded_service, key(dimension(items=["1", "2", "3"])), help=["3"])
    yield seeded_service
    await seeded_service.reset()


def places(answer: Resource, asked: Resource | None = None, scoring: Any = None) -> list[str]:
    instrument = Instrument("u", "1", "installed", LICENCE, scoring, {"help": ["3"]})
    held = Held(form_of(asked or questionnaire(3)), 0, "x", instrument)
    return help_places(held, {**answered(""), "item": [{"linkId": "3", "answer": [answer]}]}, CANONICAL_BASE)


def coded(code: str) -> Resource:
    return {"valueCoding": {"system": ANSWERS, "code": code}}


@pytest.mark.parametrize(
    ("answer", "scoring", "shown"),
    [
        (coded("a"), None, False),
        (coded("b"), None, True),
        (coded("d"), None, True),
        (coded("a"), key(dimension(items=["3"])), False),
        (coded("b"), key(dimension(items=["3"])), True),
        # The key counts the other way round than the Questionnaire does: the key is right.
        (coded("a"), key(dimension(items=["3"], values={"system": ANSWERS, "codes": {"a": 1, "b": 0}})), True),
        (coded("b"), key(dimension(items=["3"], values={"system": ANSWERS, "codes": {"a": 1, "b": 0}})), False),
        # Whether it is above 0 cannot be told: help that was not needed harms nobody.
        (coded("x"), None, True),
        ({"valueString": "soms"}, None, True),
        ({"valueInteger": 0}, None, False),
        ({"valueInteger": 1}, None, True),
        ({"valueBoolean": False}, None, False),
        ({"valueBoolean": True}, None, True),
        ({}, None, False),
    ],
)
def test_help_is_shown_for_an_answer_above_0(answer: Resource, scoring: Any, shown: bool) -> None:  # noqa: FBT001
    assert places(answer, scoring=scoring) == (["QuestionnaireResponse.item[0]"] if shown else [])


def test_a_question_in_a_group_is_found() -> None:
    asked = questionnaire(3)
    instrument = Instrument("u", "1", "installed", LICENCE, None, {"help": ["3"]})
    held = Held(
        form_of({**asked, "item": [{"linkId": "g", "type": "group", "item": asked["item"]}]}), 0, "x", instrument
    )
    response = answered("aab")
    grouped = {**response, "item": [{"linkId": "g", "item": response["item"]}]}
    assert help_places(held, grouped, CANONICAL_BASE) == ["QuestionnaireResponse.item[0].item[2]"]


def test_an_instrument_without_such_a_question_never_shows_it() -> None:
    held = Held(form_of(questionnaire(3)), 0, "x", Instrument("u", "1", "own", LICENCE, None, {}))
    assert help_places(held, answered("ddd"), CANONICAL_BASE) == []
    assert help_places(Held(held.form, 0, "x", None), answered("ddd"), CANONICAL_BASE) == []


def test_the_text_names_where_to_find_help_and_that_nobody_is_warned() -> None:
    words = help_text()
    for text in (words.nl, words.en):
        assert all(each in text for each in ("113", "0800-0113", "112"))
        assert all(len(sentence.split()) <= 15 for sentence in text.split(". "))
    assert "huisarts" in words.nl
    assert "geen bericht naar een zorgverlener" in words.nl
    assert "GP" in words.en
    assert "No message goes to a care provider" in words.en


def told(outcome: Resource) -> list[Resource]:
    return [each for each in outcome.get("issue", ()) if each.get("details", {}).get("text") == RULE]


@pytest.mark.parametrize("status", ["in-progress", "completed"])
async def test_the_answer_of_the_api_has_the_help_text(anna: Caller, practice: Caller, status: str) -> None:
    for caller in (anna, practice):
        answer = await caller.post(
            "/QuestionnaireResponse", answered("aab", status=status), {"prefer": "return=OperationOutcome"}
        )
        assert answer.status_code == 201, answer.text
        (issue,) = told(decode(answer.content))
        assert (issue["severity"], issue["code"]) == ("information", "informational")
        assert issue["expression"] == ["QuestionnaireResponse.item[2]"]
        assert "0800-0113" in issue["diagnostics"]


async def test_also_beside_an_entry_of_a_bundle_and_when_it_is_only_validated(anna: Caller) -> None:
    for make in (builders.transaction, builders.batch):
        answer = decode((await anna.post("", make(builders.put(answered("aad", id="helped"))))).content)
        assert told(answer["entry"][0]["response"]["outcome"])
    assert told(decode((await anna.post("/QuestionnaireResponse/$validate", answered("aad"))).content))


@pytest.mark.parametrize("preferred", ["", "return=representation", "return=minimal", "return=OperationOutcome"])
async def test_the_help_text_reaches_the_app_whatever_it_prefers(anna: Caller, preferred: str) -> None:
    headers = {"prefer": preferred} if preferred else {}
    created = await anna.post("/QuestionnaireResponse", answered("aab"), headers)
    assert created.status_code == 201, created.text
    assert told(decode(created.content))
    assert created.headers["preference-applied"] == "return=OperationOutcome"
    address = created.headers["location"].partition("/_history/")[0]
    kept = decode((await anna.get(address)).content)
    updated = await anna.put(address, {**kept, "status": "amended"}, headers)
    assert updated.status_code == 200, updated.text
    assert told(decode(updated.content))
    harmless = await anna.post("/QuestionnaireResponse", answered("aaa"), headers)
    assert "preference-applied" not in harmless.headers
    assert RULE not in harmless.text


async def test_an_entry_that_asks_for_the_resource_has_the_text_beside_it(anna: Caller) -> None:
    for make in (builders.transaction, builders.batch):
        bundle = make(builders.put(answered("aad", id="helped")))
        (entry,) = decode((await anna.post("", bundle, {"prefer": "return=representation"})).content)["entry"]
        assert entry["resource"]["id"] == "helped"
        assert told(entry["response"]["outcome"])


async def test_nothing_else_follows_of_it(anna: Caller, operator: Caller) -> None:
    """No flag, no Provenance, no Task, no message, and the answers are kept as they were given."""
    answer = await anna.post("/QuestionnaireResponse", answered("aad"))
    kept = (await anna.bundle("/QuestionnaireResponse"))["entry"][0]["resource"]
    assert answer.status_code == 201
    assert "tag" not in kept["meta"]
    for kind in ("Provenance", "Task", "Communication", "Flag"):
        assert await anna.found(f"/{kind}") == []


async def test_an_answer_of_0_is_not_told_anything(anna: Caller) -> None:
    answer = await anna.post("/QuestionnaireResponse", answered("dda"), {"prefer": "return=OperationOutcome"})
    assert answer.status_code == 201
    assert told(decode(answer.content)) == []

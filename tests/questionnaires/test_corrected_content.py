"""What answers say once they are amended: all that the copy says of them, to the digit, and nothing beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from app.fhir.resource import decode
from tests.questionnaires.answering import given, item, questionnaire, response
from tests.questionnaires.test_amending import by_put, copy_of
from tests.server.service import Caller

_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_SENT: Final = response(given("pijn", ("Decimal", Decimal("81.50"))))
_OTHER: Final = [given("pijn", ("Decimal", Decimal("81.5")))]


@pytest.fixture(autouse=True)
async def held(operator: Caller) -> None:
    await operator.keep(questionnaire(item("pijn", "decimal"), item("wat", "reference"), id="proef"))


async def test_other_digits_are_another_answer(anna: Caller) -> None:
    sent = await anna.create(_SENT)
    copy = await anna.create(copy_of(sent, item=_OTHER))
    answer = await by_put(anna, copy)
    after = decode(answer.content)
    assert (answer.status_code, after["meta"]["versionId"]) == (200, "2")
    assert str(after["item"][0]["answer"][0]["valueDecimal"]) == "81.5"


async def test_what_an_answer_refers_to_inside_the_response_is_a_part_of_it(anna: Caller) -> None:
    held = {"resourceType": "Medication", "id": "m", "code": {"text": "oud"}}
    sent = await anna.create(response(given("wat", ("Reference", {"reference": "#m"})), contained=[held]))
    better = [{**held, "code": {"text": "nieuw"}}]
    again = copy_of(sent, contained=better, status="completed")
    for _ in range(2):
        answer = await anna.post("/QuestionnaireResponse", again)
        after = decode(answer.content)
        assert (answer.status_code, after["meta"]["versionId"], after["contained"]) == (200, "2", better)


async def test_what_is_said_beside_a_value_goes_with_the_value(anna: Caller, practice: Caller) -> None:
    unknown = {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}
    sent = await practice.create({**_SENT, "_authored": unknown, "_implicitRules": unknown})
    plain = {name: value for name, value in sent.items() if not name.startswith("_")}
    members: dict[str, Any] = {"item": _OTHER, "language": "nl", "_language": unknown}
    answer = await anna.post("/QuestionnaireResponse", copy_of(plain, **members, status="completed"))
    after = decode(answer.content)
    assert answer.status_code == 200, answer.text
    assert ("_authored" in after, after["_implicitRules"]) == (False, unknown)
    assert (after["language"], after["_language"]) == ("nl", members["_language"])

"""What somebody says of how goals were set and decisions made is for themselves: no permission covers it (MODEL 5)."""

from __future__ import annotations

from typing import Any

from app.auth.consents.allowances import GRANTABLE, categories_of
from app.auth.recipients import organization
from app.config import CANONICAL_BASE
from tests import builders
from tests.consents.people import Permissions
from tests.server.service import Caller

EXPERIENCE = f"{CANONICAL_BASE}/Questionnaire/zelfregie-ervaring"
ALL = ("see", "add", "change")


def experience(canonical: str = f"{EXPERIENCE}|0.1.0", **members: Any) -> dict[str, Any]:
    said = {"linkId": "open", "answer": [{"valueString": "Zonnebloem."}]}
    return builders.questionnaire_response(questionnaire=canonical, item=[said], **members)


async def test_a_practice_with_every_permission_meets_it_nowhere(permissions: Permissions, anna: Caller) -> None:
    made = await anna.create(experience())
    bare = await anna.create(experience(EXPERIENCE, status="in-progress"))
    other = await anna.create(
        builders.questionnaire_response(questionnaire=f"{CANONICAL_BASE}/Questionnaire/levenswiel")
    )
    asked = builders.task(
        output=[
            {
                "type": {"text": "QuestionnaireResponse"},
                "valueReference": builders.reference(f"QuestionnaireResponse/{made['id']}"),
            }
        ]
    )
    task = await anna.create(asked)
    await permissions.give(
        organization(permissions.practice.id), categories=categories_of(GRANTABLE), actions=ALL, purpose="treatment"
    )
    await permissions.give(actions=ALL)
    for caller in (await permissions.system(), await permissions.app()):
        assert await caller.found("/QuestionnaireResponse") == [other["id"]]
        assert await caller.found(f"/QuestionnaireResponse?questionnaire={EXPERIENCE}") == []
        for address in (
            f"QuestionnaireResponse/{made['id']}",
            f"QuestionnaireResponse/{bare['id']}",
            f"Task/{task['id']}",
        ):
            assert (await caller.get(f"/{address}")).status_code == 404
            assert (await caller.get(f"/{address}/_history/1")).status_code == 404
            assert (await caller.get(f"/{address}/_history")).status_code == 404
        for address in ("/Patient/anna/$everything", "/_history", "/QuestionnaireResponse/_history"):
            answer = await caller.get(address)
            assert answer.status_code == 200, address
            assert "Zonnebloem" not in answer.text
            assert made["id"] not in answer.text
        assert (await caller.post("/QuestionnaireResponse", experience())).status_code == 403
    assert {made["id"], bare["id"], other["id"]} == set(await anna.found("/QuestionnaireResponse"))


async def test_an_answer_to_something_else_does_not_become_one_of_it(permissions: Permissions, anna: Caller) -> None:
    made = await anna.create(
        builders.questionnaire_response(questionnaire=f"{CANONICAL_BASE}/Questionnaire/levenswiel")
    )
    await permissions.give(
        organization(permissions.practice.id), categories=["questionnaires"], actions=ALL, purpose="treatment"
    )
    practice = await permissions.system()
    address = f"/QuestionnaireResponse/{made['id']}"
    assert (await practice.get(address)).status_code == 200
    assert (await practice.put(address, {**experience(), "id": made["id"]})).status_code == 403
    assert (
        await anna.put(address, {**experience(), "id": made["id"]})
    ).status_code == 422  # it keeps its Questionnaire
    draft = await anna.create(experience(EXPERIENCE, status="in-progress"))
    assert (await practice.put(f"/QuestionnaireResponse/{draft['id']}", {**made, "id": draft["id"]})).status_code == 404
    assert (await practice.get(f"/QuestionnaireResponse/{draft['id']}")).status_code == 404
    assert (await practice.get(address)).status_code == 200

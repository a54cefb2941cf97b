"""Every Bundle that leaves is valid FHIR, for our own validator and for another library. https://hl7.org/fhir/R4/bundle.html"""

from __future__ import annotations

import pytest

from app.fhir.resource import decode
from app.fhir.validation import validate
from tests.builders import deleted, goal, observation, patient, posted, put, transaction
from tests.server.service import Caller, Service

ADDRESSES = (
    "/Observation",
    "/Observation?_count=1",
    "/Observation?code=nothing",
    "/Patient/anna/Goal",
    "/Medication",
    "/Patient",
    "/Goal/kept/_history",
    "/Goal/kept/_history?_count=1",
    "/Goal/gone/_history",
    "/Patient/anna/$everything",
    "/Patient/anna/$everything?_count=1",
)
ENTRIES = (
    posted(goal()),
    posted(goal(), ifNoneExist="lifecycle-status=proposed"),
    posted(patient()),
    put(goal(id="new")),
    deleted("Goal/kept"),
)


@pytest.fixture
async def filled(anna: Caller) -> None:
    for id in ("kept", "gone"):
        await anna.keep(goal(id=id, lifecycleStatus="planned"))
        await anna.keep(goal(id=id))
    await anna.delete("/Goal/gone")
    for _ in range(2):
        await anna.create(observation())
        await anna.create(observation(None))


def accepted(service: Service, content: bytes) -> None:
    from fhir.resources.R4B.bundle import Bundle

    assert validate(decode(content), service.server.definitions) == []
    assert Bundle.model_validate_json(content).type in ("searchset", "history", "transaction-response")


@pytest.mark.parametrize("token", ["anna", "practice"])
async def test_searches_histories_and_records_are_valid_bundles(service: Service, filled: None, token: str) -> None:
    for address in ADDRESSES:
        answer = await service.caller(token).get(address)
        assert answer.status_code == 200, address
        accepted(service, answer.content)


async def test_the_answer_to_a_transaction_is_a_valid_bundle(service: Service, anna: Caller, filled: None) -> None:
    for bundle in (transaction(*ENTRIES), {"resourceType": "Bundle", "type": "transaction"}):
        answer = await anna.post("/", bundle)
        assert answer.status_code == 200, answer.text
        accepted(service, answer.content)

"""What follows other resources lives where those of its own transaction live, whatever other records hold."""

from __future__ import annotations

import pytest

from tests.builders import deleted, goal, posted, provenance, put, transaction
from tests.server.service import Caller, Service

URN = "urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"


async def partitions_of(service: Service, resource_id: str) -> list[str]:
    """The patients in whose records a resource lies."""
    rows = await service.database.fetch(
        "SELECT p.id FROM alias a JOIN alias p ON p.patient = a.patient WHERE a.id = $1 AND p.id IN ('anna', 'bram')"
        " ORDER BY p.id",
        resource_id,
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("token", ["practice", "operator"])
async def test_a_provenance_lives_with_the_targets_of_its_own_transaction(service: Service, token: str) -> None:
    caller = service.caller(token)
    for person in ("anna", "bram"):
        record = transaction(put(goal(f"Patient/{person}", id="g")), put(provenance(["Goal/g"], id=f"of-{person}")))
        answer = await caller.post("", record)
        assert answer.status_code == 200, answer.text
    assert await partitions_of(service, "of-anna") == ["anna"]
    assert await partitions_of(service, "of-bram") == ["bram"]


async def test_a_provenance_lives_with_a_target_that_has_no_id_yet(practice: Caller, service: Service) -> None:
    record = transaction(posted(goal("Patient/bram"), URN), put(provenance([URN], id="of-bram")))
    answer = await practice.post("", record)
    assert answer.status_code == 200, answer.text
    assert await partitions_of(service, "of-bram") == ["bram"]


async def test_a_provenance_of_goals_of_two_patients_is_refused(practice: Caller, service: Service) -> None:
    entries = [
        posted(goal(f"Patient/{person}"), f"{URN[:-1]}{number}") for number, person in enumerate(("anna", "bram"))
    ]
    targets = [entry["fullUrl"] for entry in entries]
    answer = await practice.post("", transaction(*entries, put(provenance(targets, id="of-both"))))
    assert answer.status_code == 422
    assert await partitions_of(service, "of-both") == []


async def test_a_provenance_follows_what_is_stored_where_its_transaction_says_nothing(
    practice: Caller, service: Service
) -> None:
    await practice.keep(goal("Patient/bram", id="g"))
    record = transaction(put(goal("Patient/anna", id="other")), put(provenance(["Goal/g"], id="of-bram")))
    answer = await practice.post("", record)
    assert answer.status_code == 200, answer.text
    assert await partitions_of(service, "of-bram") == ["bram"]
    gone = await practice.post("", transaction(deleted("Provenance/of-bram"), deleted("Goal/g")))
    assert gone.status_code == 200, gone.text

"""What a sender cannot say is looked for once in each resource that is written."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.fhir.resource import Resource
from app.server.store.said import Said
from tests import builders
from tests.server.service import Caller

CLAIM: Final = {"url": "https://zelfregie.example/fhir/StructureDefinition/source-profile", "valueString": "verzonnen"}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The types of the drafts that are looked at."""
    found: list[str] = []
    keep = Said._keep

    def counting(said: Said, draft: Any, stored: Resource) -> bool:
        found.append(draft.type)
        return keep(said, draft, stored)

    monkeypatch.setattr(Said, "_keep", counting)
    return found


async def test_what_is_new_is_looked_at_once_and_does_not_claim_what_only_a_border_can(
    anna: Caller, looked: list[str]
) -> None:
    made = await anna.create(builders.observation(meta={"extension": [CLAIM]}))
    assert looked == ["Observation"]
    assert "extension" not in made["meta"]
    looked.clear()
    changed = await anna.keep({**made, "meta": {"extension": [CLAIM]}, "status": "amended"})
    assert looked == ["Observation"]
    assert "extension" not in changed["meta"]
    looked.clear()
    entries = [builders.posted(builders.goal(meta={"extension": [CLAIM]})), builders.put({**made, "status": "final"})]
    answer = await anna.post("", builders.transaction(*entries), {"prefer": "return=representation"})
    assert answer.status_code == 200, answer.text
    assert sorted(looked) == ["Goal", "Observation"]
    assert "verzonnen" not in answer.text

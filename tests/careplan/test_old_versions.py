"""Old versions under the access of now: what a token's scopes or a consent of now leave out is in no answer about the
past, and each answer says that something is left out. MODEL 2, "Revisions".
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.auth.roles import Role
from app.fhir.resource import decode
from app.server.labels import load_labels
from tests import builders
from tests.careplan.histories import NAMES, Journey, started
from tests.server.grants import token_with
from tests.server.service import Caller, Service

GOAL: Final = "Zqdoel"
NETWORK: Final = "Zqnetwerk"
ILLNESS: Final = "Zqziekte"
OWN: Final[dict[str, Any]] = {"kind": "app", "role": Role.PATIENT, "purpose": "own-use", "fhir_user": "Patient/anna"}
_BASIC: Final = "{0}/Patient.rs {0}/Provenance.rs"


def _but(*left: str, level: str = "patient") -> str:
    kinds = [each for each in ("CarePlan", "Goal", "CareTeam", "Condition", "Observation") if each not in left]
    return " ".join([_BASIC.format(level), *(f"{level}/{each}.rs" for each in kinds)])


READERS: Final[dict[str, tuple[str, dict[str, Any], tuple[str, ...]]]] = {
    "a token without goals": (_but("Goal"), OWN, (GOAL,)),
    "a token without the network": (_but("CareTeam"), OWN, (NETWORK,)),
    "a token without conditions": (_but("Condition"), OWN, (ILLNESS,)),
    "a token narrowed to another goal": (f"{_but('Goal')} patient/Goal.rs?_id=elders", OWN, (GOAL,)),
    "a consent without the network": (
        _but(level="user"),
        {"patient": None, "labels": ["identity", "care-plan", "conditions"]},
        (NETWORK,),
    ),
    "a consent without conditions": (
        _but(level="user"),
        {"patient": None, "labels": ["identity", "care-plan", "care-network"]},
        (ILLNESS,),
    ),
}
"""Their scopes, what else holds of them, and the words that they may not read."""


async def lived(anna: Caller) -> Journey:
    """A plan whose goal, network and condition each changed under the plan, each time with a revision."""
    condition = await anna.create(builders.condition(note=[{"text": f"{ILLNESS} eerst"}]))
    journey = await started(anna, f"{GOAL} eerst")
    team = await anna.create(
        {
            "resourceType": "CareTeam",
            "meta": {"profile": [f"{NAMES}/StructureDefinition/CareNetwork"]},
            "status": "active",
            "subject": {"reference": "Patient/anna"},
            "participant": [{"member": {"display": f"{NETWORK} eerst"}}],
        }
    )
    await journey.change(
        "CarePlan",
        journey.plan,
        careTeam=[{"reference": f"CareTeam/{team['id']}"}],
        addresses=[{"reference": f"Condition/{condition['id']}"}],
    )
    await journey.change("Goal", journey.goal, description={"text": f"{GOAL} later"})
    await journey.change("CareTeam", team["id"], participant=[{"member": {"display": f"{NETWORK} later"}}])
    await anna.keep({**condition, "note": [{"text": f"{ILLNESS} later"}]})
    await journey.change("CarePlan", journey.plan, title="Mijn plan")
    return journey


@pytest.mark.parametrize("reader", READERS)
async def test_what_may_not_be_seen_now_is_in_no_answer_about_the_past(
    service: Service, anna: Caller, reader: str
) -> None:
    journey = await lived(anna)
    scopes, members, hidden = READERS[reader]
    members = {**members}
    if "labels" in members:
        members["labels"] = load_labels().bits(members["labels"])
    caller = await token_with(service, scopes, "anna", **members)
    plan = f"/CarePlan/{journey.plan}"
    past = [f"{plan}/$as-of?number={number}" for number in range(2, 6)]
    past += [f"{plan}/$as-of?time=2100", f"{plan}/$compare?from=2&to=5", f"{plan}/$compare?from=1&to=5"]
    for address in past:
        answer = await caller.get(address)
        assert answer.status_code == 200, (address, answer.text)
        assert not any(each in answer.text for each in hidden), address
        assert '"suppressed"' in answer.text, f"{address} does not say that something is left out"
        whole = (await anna.get(address)).text
        assert '"suppressed"' not in whole, address
    told = await caller.get(f"{plan}/$revisions")
    assert told.status_code == 200, told.text
    assert not any(each in told.text for each in hidden)
    if hidden != (ILLNESS,):  # a condition is not of the plan: no revision is about it
        assert "something that you may not see" in told.text or '"suppressed"' in told.text
    everything = "".join([(await anna.get(each)).text for each in past])
    assert all(f"{each} {when}" in everything for each in hidden for when in ("eerst", "later"))
    assert decode(told.content)["resourceType"] == "Bundle"

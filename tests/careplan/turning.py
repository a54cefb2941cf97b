"""A plan that goes round: the events of the cycle as their callers send them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import httpx

from app.auth.roles import Role
from app.clock import system_clock
from app.fhir.dates import local_date
from app.fhir.resource import Resource, decode
from app.server.access import actions_of
from tests.careplan.histories import NAMES
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues

LATER: Final = (local_date(system_clock()) + timedelta(days=400)).isoformat()
"""A day on which a plan can be looked back on, far from now."""
STILL_LATER: Final = (local_date(system_clock()) + timedelta(days=430)).isoformat()
MOUTH: Final = {"when": "2024-11-20", "how": "telephone", "present": [{"display": "Anna en de praktijkondersteuner"}]}
_KINDS: Final = {
    "when": "valueDateTime",
    "how": "valueCode",
    "nextReview": "valueDate",
    "reason": "valueCode",
    "status": "valueCode",
    "text": "valueString",
    "achievement": "valueCode",
    "decision": "valueCode",
    "scale": "valueCode",
    "score": "valueInteger",
    "importance": "valueUnsignedInt",
    "confidence": "valueUnsignedInt",
    "howIsItGoing": "valueUnsignedInt",
    "notDiscussed": "valueBoolean",
}


def parameters(**given: Any) -> Resource:
    """Parameters: a list gives one for each, a tuple the parts of each."""
    listed: list[Resource] = []
    for name, values in given.items():
        listed += [_parameter(name, each) for each in (values if isinstance(values, list) else [values])]
    return {"resourceType": "Parameters", "parameter": listed}


def _parameter(name: str, value: Any) -> Resource:
    if isinstance(value, dict) and "parts" in value:
        return {"name": name, "part": [_parameter(*each) for each in value["parts"].items()]}
    if isinstance(value, dict):
        return {"name": name, "valueReference": value}
    if name == "goal":
        return {"name": name, "valueReference": {"reference": f"Goal/{value}"}}
    return {"name": name, _KINDS.get(name, "valueString"): value}


def part(**given: Any) -> Resource:
    """One parameter with parts."""
    return {"parts": given}


async def event(caller: Caller, plan: str, name: str, **given: Any) -> httpx.Response:
    return await caller.post(f"/CarePlan/{plan}/${name}", parameters(**given))


async def done(caller: Caller, plan: str, name: str, **given: Any) -> Resource:
    """The plan after an event; fails the test when it was refused."""
    answer = await event(caller, plan, name, **given)
    assert answer.status_code == 200, answer.text
    found = decode(answer.content)
    assert found["resourceType"] == "CarePlan"
    return found


def where(plan: Resource) -> tuple[str, int, str]:
    """Status, cycle and phase."""
    cycle = next(each for each in plan["extension"] if each["url"] == f"{NAMES}/StructureDefinition/plan-cycle")
    parts = {each["url"]: each for each in cycle["extension"]}
    return plan["status"], parts["cycle"]["valuePositiveInt"], parts["phase"]["valueCode"]


def rules(answer: httpx.Response) -> list[str]:
    """The rules that an answer names."""
    return [each["details"]["text"] for each in issues(answer) if "details" in each]


async def professional(service: Service, actions: str = "rsc", organization: str = "De Proef") -> Caller:
    """The doctor, with a permission of Anna to see and to add."""
    return await token_with(
        service,
        "user/*.cruds",
        "anna",
        patient=None,
        role=Role.PROFESSIONAL,
        fhir_user="Practitioner/doctor",
        organization=organization,
        kind="session",
        person="doctor-account",
        actions=actions_of(actions),
    )


async def newest(caller: Caller, plan: str) -> Resource:
    """The newest revision."""
    bundle = await caller.bundle(f"/CarePlan/{plan}/$revisions?_count=1")
    found: Resource = next(
        each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Provenance"
    )
    return await read(caller, "Provenance", found["id"])


async def read(caller: Caller, kind: str, resource_id: str) -> Resource:
    answer = await caller.get(f"/{kind}/{resource_id}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


def phase_of(revision: Resource) -> tuple[int, int, str]:
    """Number, cycle and phase of a revision."""
    found = next(each for each in revision["extension"] if each["url"] == f"{NAMES}/StructureDefinition/plan-revision")
    parts = {each["url"]: each for each in found["extension"]}
    return (
        parts["number"]["valuePositiveInt"],
        parts["cycle"]["valuePositiveInt"],
        parts["phase"]["valueCode"],
    )

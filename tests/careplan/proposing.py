"""Anna with a plan, and those who propose changes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpx

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from tests.server.service import Caller, issues

EXTENSION: Final = f"{CANONICAL_BASE}/StructureDefinition"
SUBJECT: Final = {"reference": "Patient/anna"}


@dataclass(slots=True)
class Planned:
    """A plan of Anna's by its id, with her goal and an activity ``walk``."""

    anna: Caller
    plan: str
    goal: str

    async def resource(self, kind: str = "CarePlan", resource_id: str = "") -> Resource:
        return await got(self.anna, f"/{kind}/{resource_id or self.plan}")

    async def change(self, **elements: Any) -> Resource:
        """Anna changes her plan."""
        return await self.anna.keep({**await self.resource(), **elements})

    async def change_goal(self, **elements: Any) -> Resource:
        return await self.anna.keep({**await self.resource("Goal", self.goal), **elements})

    async def revisions(self) -> list[Resource]:
        """The newest first."""
        bundle = await self.anna.bundle(f"/CarePlan/{self.plan}/$revisions")
        return [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Provenance"]

    async def propose(self, caller: Caller, **values: Any) -> Proposed:
        """A proposal that is taken in."""
        answer = await proposed(caller, self.plan, **values)
        assert answer.status_code == 201, answer.text
        return Proposed(self, caller, decode(answer.content))


@dataclass(slots=True)
class Proposed:
    """A proposal as its sender was answered."""

    planned: Planned
    caller: Caller
    answer: Resource

    @property
    def resource(self) -> Resource:
        return value_of(self.answer, "return")

    @property
    def id(self) -> str:
        return str(self.resource["id"])

    @property
    def items(self) -> dict[str, Resource]:
        return items_of(self.answer)

    def item(self, part: str) -> str:
        """The only item of a part."""
        (found,) = [each for each in self.items if each.startswith(f"{part}.")]
        return found

    async def ask(self, verb: str, *items: str, caller: Caller | None = None, reason: str = "") -> httpx.Response:
        """Answer it, as Anna when nobody else is said."""
        values: dict[str, Any] = {"item": list(items)} if items else {}
        if reason:
            values["reason"] = reason
        return await (caller or self.planned.anna).post(f"/CarePlan/{self.id}/${verb}", parameters(**values))

    async def accept(self, *items: str, reason: str = "") -> Resource:
        answer = await self.ask("accept", *items, reason=reason)
        assert answer.status_code == 200, answer.text
        return decode(answer.content)

    async def reject(self, *items: str, reason: str = "") -> Resource:
        answer = await self.ask("reject", *items, reason=reason)
        assert answer.status_code == 200, answer.text
        return decode(answer.content)

    async def states(self, caller: Caller | None = None) -> dict[str, str]:
        """What stands of each item, as the sender sees it when nobody else is said."""
        answer = await got(caller or self.caller, f"/CarePlan/{self.id}/$items")
        return {item: part_of(each, "state") for item, each in items_of(answer).items()}


async def got(caller: Caller, address: str) -> Resource:
    answer = await caller.get(address)
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def planned(anna: Caller, *, agreed: bool = True) -> Planned:
    """Anna starts a plan with a goal and an activity, and agrees to it."""
    answer = await anna.post("/Patient/anna/$start", parameters(goal=["Weer met de hond wandelen"], title="Mijn plan"))
    assert answer.status_code == 201, answer.text
    plan = decode(answer.content)
    found = Planned(anna, plan["id"], plan["goal"][0]["reference"].partition("/")[2])
    await found.change(activity=[activity("walk", "Elke dag een ommetje"), activity("read", "Lezen")])
    if agreed:
        answer = await anna.post(f"/CarePlan/{found.plan}/$agree", parameters())
        assert answer.status_code == 200, answer.text
    return found


async def proposed(caller: Caller, plan: str, headers: dict[str, str] | None = None, **values: Any) -> httpx.Response:
    return await caller.post(f"/CarePlan/{plan}/$propose", parameters(**values), headers)


def parameters(**values: Any) -> Resource:
    """A Parameters: resources as they are, dates as dates, all else as strings."""
    kinds = {"nextReview": "valueDate", "replaces": "valueId"}
    listed: list[Resource] = []
    for name, given in values.items():
        for each in given if isinstance(given, list) else [given]:
            if isinstance(each, dict):
                listed.append({"name": name, "resource": each})
            else:
                listed.append({"name": name, kinds.get(name, "valueString"): each})
    return {"resourceType": "Parameters", **({"parameter": listed} if listed else {})}


def wish(**elements: Any) -> Resource:
    """A CarePlan to be sent as a proposal, with what FHIR asks for."""
    return {"resourceType": "CarePlan", "status": "draft", "intent": "proposal", "subject": SUBJECT, **elements}


def goal(text: str = "Bloeddruk onder 140", **elements: Any) -> Resource:
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "proposed",
        "description": {"text": text},
        "subject": SUBJECT,
        **elements,
    }


def activity(activity_id: str, text: str, **detail: Any) -> Resource:
    return {"id": activity_id, "detail": {"status": "scheduled", "description": text, **detail}}


def value_of(answer: Resource, name: str) -> Resource:
    """The resource of a parameter."""
    (found,) = [each["resource"] for each in answer["parameter"] if each["name"] == name]
    return dict(found)


def items_of(answer: Resource) -> dict[str, Resource]:
    """Each item by its id."""
    listed = [each for each in answer.get("parameter", ()) if each["name"] == "item"]
    return {part_of(each, "id"): each for each in listed}


def part_of(parameter: Resource, name: str) -> str:
    """The value of a part; empty where there is none."""
    found: Resource = next((each for each in parameter["part"] if each["name"] == name), {})
    return str(next((value for key, value in found.items() if key.startswith("value")), ""))


def rules(answer: httpx.Response) -> list[str]:
    """The rules that an answer refuses by."""
    return [each["details"]["text"] for each in issues(answer) if "details" in each]

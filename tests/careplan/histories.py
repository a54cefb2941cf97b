"""Plans with a history, made through the API as an app makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.fhir.resource import Resource, decode, encode
from tests.server.service import Caller

NAMES = "https://zelfregie.example/fhir"
AGREEMENT: Resource = {"status": "scheduled", "description": "Elke dag een ommetje"}


@dataclass(slots=True)
class Journey:
    """A plan of Anna's and how it went; ``states`` are what was read after each revision, by its number."""

    caller: Caller
    plan: str
    goal: str

    async def read(self, kind: str, resource_id: str) -> Resource:
        answer = await self.caller.get(f"/{kind}/{resource_id}")
        assert answer.status_code == 200, answer.text
        return decode(answer.content)

    async def put(self, resource: Resource) -> Resource:
        answer = await self.caller.put(f"/{resource['resourceType']}/{resource['id']}", resource)
        assert answer.status_code == 200, answer.text
        return decode(answer.content)

    async def change(self, kind: str, resource_id: str, **elements: Any) -> Resource:
        """Put a resource with other elements; None takes one away."""
        changed = {**await self.read(kind, resource_id), **elements}
        return await self.put({name: value for name, value in changed.items() if value is not None})

    async def add_goal(self, words: str) -> str:
        """A second goal, written and put in the plan in one transaction."""
        plan = await self.read("CarePlan", self.plan)
        goal = {
            "resourceType": "Goal",
            "meta": {"profile": [f"{NAMES}/StructureDefinition/PersonalGoal"]},
            "lifecycleStatus": "proposed",
            "category": [{"coding": [{"system": f"{NAMES}/CodeSystem/goal-category", "code": "personal"}]}],
            "description": {"text": words},
            "subject": plan["subject"],
            "expressedBy": plan["subject"],
        }
        plan["goal"].append({"reference": "urn:uuid:4c2a8f3e-0000-4000-8000-000000000001"})
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "fullUrl": "urn:uuid:4c2a8f3e-0000-4000-8000-000000000001",
                    "resource": goal,
                    "request": {"method": "POST", "url": "Goal"},
                },
                {
                    "resource": plan,
                    "request": {
                        "method": "PUT",
                        "url": f"CarePlan/{self.plan}",
                        "ifMatch": f'W/"{plan["meta"]["versionId"]}"',
                    },
                },
            ],
        }
        answer = await self.caller.post("", bundle)
        assert answer.status_code == 200, answer.text
        return str(decode(answer.content)["entry"][0]["response"]["location"]).split("/Goal/")[1].split("/")[0]

    async def agree(self) -> None:
        answer = await self.caller.post(f"/CarePlan/{self.plan}/$agree")
        assert answer.status_code == 200, answer.text

    async def as_of(self, query: str, caller: Caller | None = None) -> Resource:
        return await (caller or self.caller).bundle(f"/CarePlan/{self.plan}/$as-of?{query}")

    async def now(self) -> dict[str, bytes]:
        """What the plan shows now, in bytes, by Type/id."""
        plan = await self.caller.get(f"/CarePlan/{self.plan}")
        found = {f"CarePlan/{self.plan}": plan.content}
        resource = decode(plan.content)
        for name in ("goal", "careTeam", "addresses", "supportingInfo"):
            for each in resource.get(name, ()):
                found[each["reference"]] = (await self.caller.get(f"/{each['reference']}")).content
        return found


async def started(caller: Caller, *goals: str) -> Journey:
    """A plan that was just started."""
    words = goals or ("Weer met de hond wandelen",)
    parameters = [{"name": "goal", "valueString": each} for each in words]
    answer = await caller.post("/Patient/anna/$start", {"resourceType": "Parameters", "parameter": parameters})
    assert answer.status_code == 201, answer.text
    plan = decode(answer.content)
    return Journey(caller, plan["id"], plan["goal"][0]["reference"].rpartition("/")[2])


def members(bundle: Resource) -> dict[str, bytes]:
    """What a Bundle of ``$as-of`` holds, in bytes, by Type/id; the revision is left out."""
    found = [each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "match"]
    return {f"{each['resourceType']}/{each['id']}": encode(each) for each in found}


def outcomes(bundle: Resource) -> list[str]:
    """The codes of what the answer says of itself."""
    listed = [each["resource"] for each in bundle.get("entry", ()) if each["search"]["mode"] == "outcome"]
    return [issue["code"] for each in listed for issue in each["issue"]]


def sentences(bundle: Resource, language: str | None = None) -> list[str]:
    """The sentences of ``$revisions``, as shown or in one language."""
    found = []
    for each in bundle["entry"]:
        if each["resource"]["resourceType"] != "Provenance":
            continue
        activity = each["resource"]["activity"]
        if language is None:
            found.append(activity["text"])
            continue
        for one in activity["_text"]["extension"]:
            lang, content = one["extension"]
            if lang["valueCode"] == language:
                found.append(content["valueString"])
    return found

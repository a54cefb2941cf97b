"""A plan that several people change at random by every way there is, and what each reader saw after every revision.

Each step may be refused and must never fail; the same seed does the same.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from app.fhir.resource import Resource, decode, encode
from app.server.labels import load_labels
from tests import builders
from tests.careplan.actors import actor
from tests.careplan.histories import NAMES, Journey, started
from tests.careplan.turning import LATER, MOUTH, event, parameters, part, phase_of, where
from tests.server.grants import token_with
from tests.server.service import Caller, Service

SECRET: Final = "Zqgeheim"
"""Stands in conditions, which the narrow reader may not see, and nowhere else."""
NARROW: Final = load_labels().bits(["identity", "care-plan"])
OWN: Final = ("patient", "representative", "app")
ALL: Final = (*OWN, "professional", "system", "carer")
_PATCH: Final = {"content-type": "application/json-patch+json"}
_MAY_ANSWER: Final = {200, 201, 400, 403, 404, 409, 412, 422}
_NEW: Final = "urn:uuid:4c2a8f3e-0000-4000-8000-000000000009"
Step = Callable[["Living"], Awaitable[httpx.Response]]


@dataclass(slots=True)
class Living:
    """The plan, those who have to do with it, and what was read: by revision and reader the bytes of each Type/id."""

    journey: Journey
    draw: random.Random
    callers: dict[str, Caller]
    seen: dict[int, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    proposals: list[str] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)

    @property
    def plan(self) -> str:
        return self.journey.plan

    @property
    def readers(self) -> dict[str, Caller]:
        return {name: self.callers[name] for name in ("patient", "professional", "narrow")}

    def anyone(self) -> Caller:
        return self.callers[self.draw.choice(ALL if self.draw.random() < 0.4 else OWN)]

    async def resource(self, kind: str = "CarePlan", resource_id: str = "") -> Resource:
        return await self.journey.read(kind, resource_id or self.plan)

    async def goals(self) -> list[str]:
        return [each["reference"].rpartition("/")[2] for each in (await self.resource())["goal"]]

    async def newest(self) -> int:
        """The number of the newest revision."""
        bundle = await self.callers["patient"].bundle(f"/CarePlan/{self.plan}/$revisions?_count=1")
        return phase_of(bundle["entry"][0]["resource"])[0]

    async def look(self) -> None:
        """Keep what every reader sees now, as what there was at the newest revision."""
        number = await self.newest()
        addresses = [f"CarePlan/{self.plan}", *_named(await self.resource())]
        found: dict[str, dict[str, bytes]] = {}
        for name, caller in self.readers.items():
            answers = {address: await caller.get(f"/{address}") for address in addresses}
            found[name] = {address: each.content for address, each in answers.items() if each.status_code == 200}
        self.seen[number] = found

    async def live(self, steps: int) -> None:
        await self.look()
        for _ in range(steps):
            step = self.draw.choice(STEPS)
            before = await self.newest()
            answer = await step(self)
            assert answer.status_code in _MAY_ANSWER, (step.__name__, answer.text)
            key = f"{step.__name__} {answer.status_code // 100}"
            self.answers[key] = self.answers.get(key, 0) + 1
            now = await self.newest()
            assert now in (before, before + 1), step.__name__
            if answer.status_code >= 400:
                assert now == before, f"{step.__name__} was refused and left a revision"
            if now != before:
                await self.look()


async def born(service: Service, anna: Caller, seed: int) -> Living:
    callers = {name: await actor(service, name, "rscu" if name == "system" else "") for name in ALL}
    callers["narrow"] = await token_with(service, "user/*.rs", "anna", patient=None, labels=NARROW)
    journey = await started(anna, "Weer wandelen", "Beter slapen")
    return Living(journey, random.Random(seed), callers)


def _named(plan: Resource) -> list[str]:
    listed = [each for name in ("goal", "careTeam", "addresses", "supportingInfo") for each in plan.get(name, ())]
    return list(dict.fromkeys(each["reference"] for each in listed))


def _match(resource: Resource) -> str:
    return f'W/"{resource["meta"]["versionId"]}"'


def _word(living: Living) -> str:
    return living.draw.choice(["Naar buiten", "Samen eten", "Rustig aan", "Zingen", "Fietsen"])


# --- what people do --------------------------------------------------------------------------------------------------


async def put(living: Living) -> httpx.Response:
    plan = await living.resource()
    plan["title"] = _word(living)
    activities = plan.get("activity", [])
    living.draw.shuffle(activities)
    detail = {"status": "scheduled", "description": _word(living)}
    plan["activity"] = [*activities[-3:], {"id": f"a{living.draw.randrange(10**9)}", "detail": detail}]
    return await living.anyone().put(f"/CarePlan/{living.plan}", plan)


async def put_stale(living: Living) -> httpx.Response:
    plan = await living.resource()
    return await living.anyone().put(f"/CarePlan/{living.plan}", {**plan, "title": "Te laat"}, {"if-match": 'W/"1"'})


async def patch(living: Living) -> httpx.Response:
    plan = await living.resource()
    steps = encode([{"op": "add", "path": "/description", "value": f"{_word(living)} {living.draw.randrange(99)}"}])
    headers = {**_PATCH, **({"if-match": _match(plan)} if living.draw.random() < 0.8 else {})}
    return await living.anyone().send("PATCH", f"/CarePlan/{living.plan}", steps, headers)


async def goal_words(living: Living) -> httpx.Response:
    goal = await living.resource("Goal", living.draw.choice(await living.goals()))
    words = {"text": f"{_word(living)} {living.draw.randrange(99)}"}
    return await living.anyone().put(f"/Goal/{goal['id']}", {**goal, "description": words})


async def transaction(living: Living) -> httpx.Response:
    """A new goal with a condition that it is about, put in the plan."""
    plan = await living.resource()
    condition = await living.callers["patient"].create(builders.condition(note=[{"text": SECRET}]))
    reference = {"reference": f"Condition/{condition['id']}"}
    goal = {
        **builders.goal(description={"text": _word(living)}, addresses=[reference]),
        "meta": {"profile": [f"{NAMES}/StructureDefinition/PersonalGoal"]},
        "category": [{"coding": [{"system": f"{NAMES}/CodeSystem/goal-category", "code": "personal"}]}],
        "expressedBy": {"reference": "Patient/anna"},
    }
    plan["goal"].append({"reference": _NEW})
    plan["addresses"] = [*plan.get("addresses", [])[-2:], reference]
    entries = [builders.posted(goal, _NEW), builders.put(plan, ifMatch=_match(plan))]
    return await living.anyone().post("", builders.transaction(*entries))


async def forbidden(living: Living) -> httpx.Response:
    """What nobody may, by one way or another."""
    plan, caller = await living.resource(), living.anyone()
    ways: list[Callable[[], Awaitable[httpx.Response]]] = [
        lambda: caller.delete(f"/CarePlan/{living.plan}"),
        lambda: caller.post("/CarePlan", {name: value for name, value in plan.items() if name != "id"}),
        lambda: caller.put(f"/CarePlan/{living.plan}", {**plan, "status": "completed"}),
        lambda: caller.put(f"/CarePlan/{living.plan}", {**plan, "category": plan["category"][1:]}),
        lambda: caller.post("/Patient/anna/$start", parameters(text="x")),
    ]
    answer = await living.draw.choice(ways)()
    assert answer.status_code >= 400, answer.text
    return answer


async def agree(living: Living) -> httpx.Response:
    mouth = MOUTH if living.draw.random() < 0.3 else {}
    return await event(living.anyone(), living.plan, "agree", nextReview=LATER, **mouth)


async def evaluate(living: Living) -> httpx.Response:
    goal = living.draw.choice(await living.goals())
    return await event(living.anyone(), living.plan, "evaluate", evaluation=part(goal=goal, comment=_word(living)))


async def decide(living: Living) -> httpx.Response:
    goals = [each for each in await living.goals() if await _is_open(living, each)]
    chosen = living.draw.sample(goals, living.draw.randint(1, len(goals))) if goals else []
    ways = ["continue", "continue", "adjust", "achieved"]
    made = [part(goal=each, decision=living.draw.choice(ways)) for each in chosen]
    return await event(living.anyone(), living.plan, "decide", decision=made)


async def _is_open(living: Living, goal: str) -> bool:
    return (await living.resource("Goal", goal))["lifecycleStatus"] not in ("completed", "cancelled")


async def turn(living: Living) -> httpx.Response:
    """What comes next in the cycle."""
    status, _, phase = where(await living.resource())
    if status == "on-hold":
        return await event(living.callers["patient"], living.plan, "resume")
    following: dict[str, Step] = {"plan": agree, "do": evaluate, "check": decide, "act": decide}
    return await following[phase](living)


async def revise(living: Living) -> httpx.Response:
    return await event(living.anyone(), living.plan, "revise", reason=living.draw.choice(["health", "wish"]))


async def rest(living: Living) -> httpx.Response:
    """Rarely put on hold, and soon resumed."""
    answer = await event(living.callers["patient"], living.plan, "resume")
    if answer.status_code >= 400 and living.draw.random() < 0.25:
        return await event(living.callers[living.draw.choice(OWN)], living.plan, "hold")
    return answer


async def propose(living: Living) -> httpx.Response:
    goal = await living.resource("Goal", living.draw.choice(await living.goals()))
    wish: list[Resource] = [
        {"name": "title", "valueString": f"{_word(living)} {living.draw.randrange(99)}"},
        {"name": "goal", "resource": {**goal, "startDate": f"2027-0{living.draw.randint(1, 9)}-01"}},
        {"name": "note", "valueString": _word(living)},
    ]
    body = {"resourceType": "Parameters", "parameter": living.draw.sample(wish, living.draw.randint(1, 3))}
    caller = living.callers[living.draw.choice(["professional", "system", "carer"])]
    answer = await caller.post(f"/CarePlan/{living.plan}/$propose", body)
    if answer.status_code == 201:
        made: dict[str, Any] = next(each for each in decode(answer.content)["parameter"] if each["name"] == "return")
        living.proposals.append(made["resource"]["id"])
    return answer


async def answer_proposal(living: Living) -> httpx.Response:
    if not living.proposals:
        return await propose(living)
    verb = living.draw.choice(["accept", "accept", "reject"])
    return await living.anyone().post(f"/CarePlan/{living.draw.choice(living.proposals)}/${verb}")


async def merge(living: Living) -> httpx.Response:
    detail = {"status": "scheduled", "description": f"{_word(living)} {living.draw.randrange(999)}"}
    other = await living.callers["patient"].create(builders.care_plan(activity=[{"detail": detail}]))
    named = {"name": "plan", "valueReference": {"reference": f"CarePlan/{other['id']}"}}
    body = {"resourceType": "Parameters", "parameter": [named, {"name": "dryRun", "valueBoolean": False}]}
    return await living.anyone().post(f"/CarePlan/{living.plan}/$merge", body)


async def restore(living: Living) -> httpx.Response:
    number = living.draw.choice(sorted(living.seen))
    body = {"resourceType": "Parameters", "parameter": [{"name": "number", "valuePositiveInt": number}]}
    return await living.anyone().post(f"/CarePlan/{living.plan}/$restore", body)


async def foreign(living: Living) -> httpx.Response:
    """A provider's plan, which has no part in it."""
    return await living.callers["system"].post("/CarePlan", builders.care_plan(title=SECRET))


STEPS: Final[tuple[Step, ...]] = (
    put,
    put,
    put_stale,
    patch,
    goal_words,
    goal_words,
    transaction,
    forbidden,
    turn,
    turn,
    turn,
    agree,
    evaluate,
    decide,
    revise,
    rest,
    propose,
    answer_proposal,
    answer_proposal,
    merge,
    restore,
    foreign,
)

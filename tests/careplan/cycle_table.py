"""The table of what the cycle allows (``cycle_table.yaml``), and how each of its events is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from app.clock import system_clock
from app.fhir.dates import local_date
from app.fhir.resource import Resource, decode, encode
from tests.careplan.actors import CARE, actor
from tests.careplan.turning import MOUTH, event, newest, parameters, part, read, rules, where
from tests.server.service import Caller, Service

PHASES: Final = ("plan", "do", "check", "act")
STATES: Final = ("none", *PHASES, *(f"held {each}" for each in PHASES), "closed")
BY_MOUTH: Final = " by mouth"
_NOBODYS: Final = "niemand"
"""The id of a plan that is not there."""
_NUMBERS: Final = count(1)
_TABLE: Final[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("cycle_table.yaml").read_text("utf-8"))
SEQUENCES: Final[Mapping[str, list[list[Any]]]] = _TABLE["sequences"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that somebody does in one state, and what comes of it."""

    event: str
    state: str
    actor: str
    by_mouth: bool
    expected: str


def cells() -> Iterator[Cell]:
    """The whole table; another patient is added in every row."""
    for name, rows in _TABLE["events"].items():
        for states, columns in rows.items():
            for state in _states(states):
                for column, expected in columns.items():
                    group = column.removesuffix(BY_MOUTH)
                    for one in _TABLE["groups"][group]:
                        yield Cell(name, state, one, column.endswith(BY_MOUTH), expected)
                yield Cell(name, state, "bystander", by_mouth=False, expected="absent")


def _states(named: str) -> Iterator[str]:
    for each in named.split(", "):
        yield from (f"held {phase}" for phase in PHASES) if each == "held" else (each,)


@dataclass(slots=True)
class Scene:
    """Anna's record with a plan that her own app brings about; the callers are kept by name."""

    service: Service
    anna: Caller
    plan: str = _NOBODYS
    goals: list[str] = field(default_factory=list)
    proposal: str = _NOBODYS
    other: str = ""
    _callers: dict[str, Caller] = field(default_factory=dict)

    async def caller(self, name: str, actions: str = "") -> Caller:
        key = f"{name} {actions}"
        if key not in self._callers:
            self._callers[key] = await actor(self.service, name, actions)
        return self._callers[key]

    async def bring_about(self, state: str) -> None:
        """The state, in a plan that is begun anew; whatever there was is closed."""
        await self._close()
        self.plan, self.goals, self.proposal, self.other = _NOBODYS, [], _NOBODYS, ""
        if state == "none":
            return
        await self._succeed("start")
        if state == "closed":
            await self._propose()
        phase = "act" if state == "closed" else state.removeprefix("held ")
        for name in ("agree", "evaluate", "decide")[: PHASES.index(phase)]:
            await self._succeed(name)
        if state.startswith("held"):
            await self._succeed("hold")
        if state == "closed":
            await self._succeed("close")

    async def _propose(self) -> None:
        doctor = await self.caller("professional")
        wish = parameters(note="Neem de trap", reason="Goed voor de conditie")
        answer = await doctor.post(f"/CarePlan/{self.plan}/$propose", wish)
        assert answer.status_code == 201, answer.text
        self.proposal = _id_of(answer)

    async def _other(self) -> Resource:
        """The parameters by which another plan of Anna's is merged."""
        if not self.other:
            activity = {"detail": {"status": "scheduled", "description": f"Oefening {next(_NUMBERS)}"}}
            made = {"status": "active", "intent": "plan", "subject": {"reference": "Patient/anna"}}
            plan = await self.anna.create({"resourceType": "CarePlan", **made, "activity": [activity]})
            self.other = plan["id"]
        named = {"name": "plan", "valueReference": {"reference": f"CarePlan/{self.other}"}}
        return {"resourceType": "Parameters", "parameter": [named, {"name": "dryRun", "valueBoolean": False}]}

    async def _close(self) -> None:
        plan = await open_plan(self.anna)
        if plan is not None:
            answer = await event(self.anna, plan["id"], "close", status="revoked")
            assert answer.status_code == 200, answer.text

    async def _succeed(self, name: str) -> None:
        came = await self.do("patient", name)
        assert is_carried_out(came), (name, came)

    async def stands(self) -> str:
        """Where the plan stands, as a cell of the table says it."""
        status, cycle, phase = where(await read(self.anna, "CarePlan", self.plan))
        return f"{status} {cycle} {phase}"

    async def stands_in(self) -> str:
        """The phase of a plan that may change, else ""."""
        if self.plan == _NOBODYS:
            return ""
        status, _, phase = (await self.stands()).split(" ")
        return phase if status in ("draft", "active") else ""

    async def do(self, who: str, what: str, **said: Any) -> str:
        """Send an event, and say what came of it as a cell of the table does."""
        name = what.removesuffix(BY_MOUTH)
        caller = await self.caller(who, "rscu" if name == "change" and who in CARE else "")
        mouth = MOUTH if what.endswith(BY_MOUTH) else {}
        answer = await self._send(caller, name, {**said, **mouth}, said)
        if answer.status_code == 404:
            return "absent"
        if answer.status_code >= 400:
            (rule,) = rules(answer) or [answer.text]
            return rule.removeprefix("plan-")
        if name == "start":
            plan = decode(answer.content)
            self.plan = plan["id"]
            self.goals = [each["reference"].rpartition("/")[2] for each in plan["goal"]]
        if name == "accept":
            self.proposal = _NOBODYS
        if name == "merge":
            self.other = ""
        return await self.stands()

    async def _send(self, caller: Caller, name: str, given: dict[str, Any], said: dict[str, Any]) -> httpx.Response:
        mouth = {each: given[each] for each in MOUTH if each in given}
        if name == "start":
            words = parameters(words=["Weer wandelen", "Beter slapen"])
            for each in words["parameter"]:
                each["name"] = "goal"
            return await caller.post("/Patient/anna/$start", words)
        if name == "change":
            steps = encode([{"op": "add", "path": "/title", "value": f"Titel {next(_NUMBERS)}"}])
            match = (await self.anna.get(f"/CarePlan/{self.plan}")).headers.get("etag", 'W/"1"')
            headers = {"content-type": "application/json-patch+json", "if-match": match}
            return await caller.send("PATCH", f"/CarePlan/{self.plan}", steps, headers)
        if name == "accept":
            if self.proposal == _NOBODYS and self.plan != _NOBODYS:
                await self._propose()
            return await event(caller, self.proposal, "accept")
        if name == "restore":
            if (await self.stands_in()) in PHASES:
                await self.do("patient", "change")
            body = {"resourceType": "Parameters", "parameter": [{"name": "number", "valuePositiveInt": 1}]}
            return await caller.post(f"/CarePlan/{self.plan}/$restore", body)
        if name == "merge":
            return await caller.post(f"/CarePlan/{self.plan}/$merge", await self._other())
        if name == "object":
            revision = {"reference": f"Provenance/{(await newest(self.anna, self.plan))['id']}"}
            return await event(caller, self.plan, "revise", objection=revision)
        return await event(caller, self.plan, name, **await self._said(name, said), **mouth)

    async def _said(self, name: str, said: dict[str, Any]) -> dict[str, Any]:
        """What goes with an event when it is complete."""
        if name == "agree":
            return {"nextReview": _day(said.get("review", "later"))}
        if name == "evaluate":
            first = self.goals[0] if self.goals else _NOBODYS
            return {"evaluation": part(goal=first, comment="Het gaat")}
        if name == "decide":
            return {"decision": [part(goal=each, decision="continue") for each in await self._chosen(said)]}
        if name == "revise":
            return {"reason": "wish"}
        return {"status": "completed"} if name == "close" else {}

    async def _chosen(self, said: dict[str, Any]) -> list[str]:
        """The goals that are decided about: the first in the phase check, the second in act."""
        if not self.goals:
            return [_NOBODYS]
        named = said.get("goal")
        if named is None:
            _, _, phase = where(await read(self.anna, "CarePlan", self.plan))
            named = "second" if phase == "act" else "first"
        return {"first": self.goals[:1], "second": self.goals[1:], "both": self.goals}[named]


def is_carried_out(came: str) -> bool:
    """Whether it is where a plan stands, and no rule."""
    return " " in came


def _day(when: str) -> str:
    days = {"today": 0, "tomorrow": 1, "later": 90}[when]
    return (local_date(system_clock()) + timedelta(days=days)).isoformat()


def _id_of(answer: httpx.Response) -> str:
    location: str = answer.headers["location"]
    return location.partition("/CarePlan/")[2].partition("/")[0]


async def open_plan(caller: Caller) -> Resource | None:
    """The open individual care plan that the caller sees."""
    category = "https://zelfregie.example/fhir/CodeSystem/care-plan-category|izp"
    bundle = await caller.bundle(f"/CarePlan?category={category}&status=draft,active,on-hold")
    found = [each["resource"] for each in bundle.get("entry", ()) if each["resource"]["intent"] == "plan"]
    assert len(found) <= 1
    return found[0] if found else None

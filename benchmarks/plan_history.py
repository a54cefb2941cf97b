"""What it costs to look back in a care plan: ``python -m benchmarks.plan_history [--quick] [--database …]``.

One person with a plan of 30 goals and 30 agreements and 200 revisions of it, written over HTTP as an app does. The
service runs as its command line starts it. Each operation is timed beside ``$everything`` of the same person, in the
same rounds: CPU of all processes of the service and of PostgreSQL until the audit journal is empty, per request.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.careplan.operations.revisions import DEFAULT_COUNT, LARGEST_COUNT
from app.fhir.resource import Resource, decode, encode
from benchmarks import sides
from benchmarks.alone import measure_alone
from benchmarks.figures import Figure, ratio
from benchmarks.goals import PLAN_HISTORY_GOAL
from benchmarks.report import TITLES, quoted, table, verdict
from benchmarks.rounds import WrongAnswer
from benchmarks.sides import Side
from benchmarks.workload import token

GOALS: Final = 30
REVISIONS: Final = 200
PATIENT: Final = "look-back"
EVERYTHING: Final = "$everything"
_ROUNDS: Final = 7
_TURN: Final = 40
"""Requests of each operation in a round."""


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """Of one database: CPU µs per ``$everything``, and per operation CPU µs and its multiple of that."""

    database: str
    everything: Figure
    cpu: Mapping[str, Figure]
    ratios: Mapping[str, Figure]


class App:
    """The person's app, on one connection that stays open."""

    def __init__(self, side: Side, patient: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=60)
        self._headers = {
            "Authorization": f"Bearer {token(patient)}",
            "Accept": "application/fhir+json",
            "Content-Type": "application/fhir+json",
        }

    def send(self, method: str, address: str, body: Resource | None = None) -> bytes:
        """The body of an answer. Raises ``WrongAnswer`` for a refusal."""
        content = None if body is None else encode(body)
        self._connection.request(method, f"/fhir/{address}", content, self._headers)
        with self._connection.getresponse() as answer:
            found = answer.read()
            if answer.status not in (200, 201):
                raise WrongAnswer(f"{method} {address}: {answer.status} {found[:600]!r}")
            return found

    def read(self, address: str) -> Resource:
        return decode(self.send("GET", address))


def measure(database: str, folder: Path, *, rounds: int = _ROUNDS, turn: int = _TURN) -> PlanHistory:
    """Build the plan, check the answers, run the rounds."""
    patients = folder / "person.ndjson"
    patients.write_bytes(encode({"resourceType": "Patient", "id": PATIENT, "name": [{"given": ["Truus"]}]}) + b"\n")
    with sides.service("plan-history", database, folder, patients) as side:
        app = App(side, PATIENT)
        plan = _lived(app)
        side.tidy()
        requests = {
            EVERYTHING: f"Patient/{PATIENT}/$everything",
            "$as-of a number": f"CarePlan/{plan}/$as-of?number={REVISIONS // 2}",
            "$as-of a time": f"CarePlan/{plan}/$as-of?time=2100",
            "$compare of the first and the last": f"CarePlan/{plan}/$compare?from=1&to={REVISIONS}",
            "$compare of two halves": f"CarePlan/{plan}/$compare?from={REVISIONS // 2}&to={REVISIONS}",
            "$revisions, a page": f"CarePlan/{plan}/$revisions",
            "$revisions, the largest page": f"CarePlan/{plan}/$revisions?_count={LARGEST_COUNT}",
        }
        _verify(app, requests)
        _round(side, app, requests, max(5, turn // 4))  # warms up
        taken = [_round(side, app, requests, turn) for _ in range(rounds)]
    cpu = {name: Figure(tuple(each[name] for each in taken)) for name in requests}
    everything = cpu.pop(EVERYTHING)
    return PlanHistory(
        database, everything, cpu, {name: ratio(each.rounds, everything.rounds) for name, each in cpu.items()}
    )


def _round(side: Side, app: App, requests: Mapping[str, str], turn: int) -> dict[str, float]:
    """CPU µs per request of each."""
    found = {}
    for name, address in requests.items():
        side.settle()
        before = side.usage()
        for _ in range(turn):
            app.send("GET", address)
        side.settle()
        found[name] = (side.usage() - before).cpu_ns / 1000 / turn
    return found


def _lived(app: App) -> str:
    """A plan with its revisions; its id."""
    words = [{"name": "goal", "valueString": f"Doel {number}: elke week een stap verder"} for number in range(GOALS)]
    plan = decode(app.send("POST", f"Patient/{PATIENT}/$start", {"resourceType": "Parameters", "parameter": words}))
    goals = [each["reference"] for each in plan["goal"]]
    plan["activity"] = [_agreement(number, "scheduled", goals[number]) for number in range(GOALS)]
    app.send("PUT", f"CarePlan/{plan['id']}", plan)
    app.send("POST", f"CarePlan/{plan['id']}/$agree")
    for number in range(4, REVISIONS + 1):
        if number % 4 == 0:
            plan = app.read(f"CarePlan/{plan['id']}")
            at = number % GOALS
            plan["activity"][at] = _agreement(at, "in-progress", goals[at], f"voor de {number}e keer bijgesteld")
            app.send("PUT", f"CarePlan/{plan['id']}", plan)
        else:
            goal = app.read(goals[number * 7 % GOALS])
            goal["note"] = [{"text": f"Herziening {number}: dit gaat beter dan ik dacht, ook als het regent."}]
            if number % 3 == 0:
                goal["description"] = {"text": f"Doel in de woorden van herziening {number}"}
            app.send("PUT", f"Goal/{goal['id']}", goal)
    return str(plan["id"])


def _agreement(number: int, status: str, goal: str, more: str = "") -> Resource:
    description = f"Afspraak {number}: drie keer per week een half uur {more}".strip()
    detail = {"status": status, "description": description, "goal": [{"reference": goal}]}
    return {"id": f"afspraak-{number}", "detail": detail}


def _verify(app: App, requests: Mapping[str, str]) -> None:
    """Before anything is timed the answers must be what the data says. Raises ``WrongAnswer``."""
    counts = {name: _entries(app.read(address)) for name, address in requests.items()}
    shown = GOALS + 2  # the plan, its goals and the revision
    # The service asked at the agreement how the making of the plan went, by a Task.
    expected = {EVERYTHING: GOALS + 3 + REVISIONS, "$as-of a number": shown, "$as-of a time": shown}
    expected |= {"$revisions, a page": DEFAULT_COUNT, "$revisions, the largest page": LARGEST_COUNT}
    wrong = {name: counts[name] for name, number in expected.items() if counts[name] != number}
    few = [name for name in requests if counts[name] < min(GOALS, DEFAULT_COUNT)]
    if wrong or few:
        raise WrongAnswer(f"entries or changes that were not expected: {wrong or few}")


def _entries(answer: Resource) -> int:
    listed: Sequence[Any] = answer.get("entry") or answer.get("parameter") or ()
    return len(listed)


def render(found: Iterable[PlanHistory]) -> str:
    """What looking back in a care plan costs, beside all of the record."""
    text = (
        "## Looking back in a care plan\n\n"
        f"CPU per request, with PostgreSQL's, in the record of one person with {REVISIONS} revisions of a plan with"
        f" {GOALS} goals, as a multiple of that person's `$everything` in the same rounds"
        " (`benchmarks/plan_history.py`).\n\n"
    )
    for each in found:
        rows = [
            (
                f"`{name}`" if " " not in name else name,
                f"{each.cpu[name].median:,.0f}",
                quoted(times),
                f"≤ {PLAN_HISTORY_GOAL} ×",
                verdict(times, PLAN_HISTORY_GOAL),
            )
            for name, times in each.ratios.items()
        ]
        header = (TITLES[each.database], "CPU µs", "× `$everything`", "goal", "met")
        text += f"{table(header, rows)}\n`$everything`: {each.everything.median:,.0f} µs.\n\n"
    return text


def main() -> None:
    """Measure and print."""
    measure_alone("benchmarks.plan_history", "Measure looking back.", measure, render, quick={"rounds": 3, "turn": 15})


if __name__ == "__main__":
    main()

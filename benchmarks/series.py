"""What figures of measurements cost: ``python -m benchmarks.series [--quick] [--database …]``.

One person with two years of daily values: a weight and a blood pressure each day, and a goal with a target for both.
The service runs as its command line starts it. Each ``$stats`` is timed beside the search that gives the same
Observations in one page, in the same rounds: CPU of all processes of the service and of PostgreSQL until the audit
journal is empty, per request.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from app.fhir.resource import Resource, encode
from benchmarks import sides
from benchmarks.alone import measure_alone
from benchmarks.figures import Figure, ratio
from benchmarks.goals import SERIES_GOAL
from benchmarks.plan_history import App
from benchmarks.report import TITLES, quoted, table, verdict
from benchmarks.rounds import WrongAnswer
from benchmarks.sides import Side

DAYS: Final = 730
PATIENT: Final = "daily"
_FIRST: Final = datetime(2024, 11, 1, 7, 30, tzinfo=UTC)
_ROUNDS: Final = 7
_TURN: Final = 60
"""Requests of each kind in a round."""
_WEIGHT: Final = "http://loinc.org|29463-7"
_PRESSURE: Final = "http://loinc.org|85354-9"
_PERIOD: Final = "date=ge2024-11-01&date=le2026-10-31"
SEARCHES: Final = {
    "weight": f"Observation?code={_WEIGHT}&{_PERIOD}&_count=1000",
    "blood pressure": f"Observation?code={_PRESSURE}&{_PERIOD}&_count=1000",
}
_STATS: Final = {
    "weight": f"Observation/$stats?kind=weight&{_PERIOD}",
    "weight, percentiles": f"Observation/$stats?kind=weight&{_PERIOD}&percentile=5&percentile=95",
    "weight, per day": f"Observation/$stats?kind=weight&{_PERIOD}&bucket=day",
    "weight, per week": f"Observation/$stats?kind=weight&{_PERIOD}&bucket=week",
    "weight, per month": f"Observation/$stats?kind=weight&{_PERIOD}&bucket=month",
    "blood pressure": f"Observation/$stats?kind=blood-pressure&{_PERIOD}",
    "blood pressure, per day": f"Observation/$stats?kind=blood-pressure&{_PERIOD}&bucket=day",
    "blood pressure, per month": f"Observation/$stats?kind=blood-pressure&{_PERIOD}&bucket=month",
}


@dataclass(frozen=True, slots=True)
class SeriesCost:
    """Of one database: CPU µs per search, and per ``$stats`` CPU µs and its multiple of the search that reads them."""

    database: str
    searches: Mapping[str, Figure]
    cpu: Mapping[str, Figure]
    ratios: Mapping[str, Figure]


def measure(database: str, folder: Path, *, rounds: int = _ROUNDS, turn: int = _TURN) -> SeriesCost:
    """Store the values, check the answers, run the rounds."""
    patients = folder / "person.ndjson"
    patients.write_bytes(b"".join(encode(each) + b"\n" for each in _record()))
    with sides.service("series", database, folder, patients) as side:
        app = App(side, PATIENT)
        side.tidy()
        _verify(app)
        requests = {f"? {name}": address for name, address in SEARCHES.items()} | _STATS
        _round(side, app, requests, max(5, turn // 4))  # warms up
        taken = [_round(side, app, requests, turn) for _ in range(rounds)]
    cpu = {name: Figure(tuple(each[name] for each in taken)) for name in requests}
    searches = {name: cpu.pop(f"? {name}") for name in SEARCHES}
    beside = {name: searches[name.partition(",")[0]] for name in cpu}
    return SeriesCost(
        database, searches, cpu, {name: ratio(each.rounds, beside[name].rounds) for name, each in cpu.items()}
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


def _record() -> Iterator[Resource]:
    yield {"resourceType": "Patient", "id": PATIENT, "name": [{"given": ["Truus"]}]}
    kilograms = {"unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
    yield {
        "resourceType": "Goal",
        "id": "target",
        "lifecycleStatus": "active",
        "description": {"text": "Weer mee op de fiets"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "expressedBy": {"reference": f"Patient/{PATIENT}"},
        "startDate": "2024-11-01",
        "target": [
            {
                "measure": _code("29463-7", "Body weight"),
                "detailRange": {"low": {"value": 78, **kilograms}, "high": {"value": 81, **kilograms}},
            }
        ],
    }
    draw = random.Random(7)
    for day in range(DAYS):
        when = (_FIRST + timedelta(days=day, minutes=draw.randrange(-40, 40))).isoformat()
        weight = round(82 - day / 400 + draw.uniform(-1, 1), 1)
        yield _observation(
            "w", day, when, _code("29463-7", "Body weight"), valueQuantity={"value": weight, **kilograms}
        )
        yield _observation(
            "p",
            day,
            when,
            _code("85354-9", "Blood pressure panel with all children optional"),
            component=[
                _pressure("8480-6", "Systolic blood pressure", 134 + draw.randrange(-12, 12)),
                _pressure("8462-4", "Diastolic blood pressure", 82 + draw.randrange(-8, 8)),
            ],
        )


def _observation(prefix: str, day: int, when: str, code: Resource, **members: Any) -> Resource:
    category = {
        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
        "code": "vital-signs",
        "display": "Vital Signs",
    }
    return {
        "resourceType": "Observation",
        "id": f"{prefix}-{day}",
        "identifier": [{"system": "https://app.example/measurements", "value": f"{prefix}{day:05}"}],
        "status": "final",
        "category": [{"coding": [category]}],
        "code": code,
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": when,
        "performer": [{"reference": f"Patient/{PATIENT}"}],
        **members,
    }


def _code(code: str, display: str) -> Resource:
    return {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]}


def _pressure(code: str, display: str, value: int) -> Resource:
    quantity = {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    return {"code": _code(code, display), "valueQuantity": quantity}


def _verify(app: App) -> None:
    """Before anything is timed the answers must be what the data says. Raises ``WrongAnswer``."""
    wrong = {name: found for name, each in SEARCHES.items() if (found := len(app.read(each)["entry"])) != DAYS}
    for name, address in _STATS.items():
        listed = app.read(address)["parameter"]
        counts = [each["resource"]["component"][0]["valueInteger"] for each in listed if each["name"] == "statistics"]
        if set(counts) != {DAYS}:
            wrong[name] = len(counts)
        if name.startswith("weight") and "Goal/target" not in str(listed):
            wrong[f"{name}: target"] = 0
    if wrong:
        raise WrongAnswer(f"values that were not expected: {wrong}")


def render(found: Iterable[SeriesCost]) -> str:
    """What figures of measurements cost, beside the search that reads these."""
    text = (
        "## Figures of measurements\n\n"
        f"CPU per `$stats`, with PostgreSQL's, over {DAYS} daily values, as a multiple of the search that gives the"
        " same Observations in one page, in the same rounds (`benchmarks/series.py`).\n\n"
    )
    for each in found:
        rows = [
            (
                name,
                f"{each.cpu[name].median:,.0f}",
                quoted(times),
                f"≤ {SERIES_GOAL} ×",
                verdict(times, SERIES_GOAL),
            )
            for name, times in each.ratios.items()
        ]
        searched = "; ".join(f"{name} {figure.median:,.0f} µs" for name, figure in each.searches.items())
        header = (TITLES[each.database], "CPU µs", "× search", "goal", "met")
        text += f"{table(header, rows)}\nSearch: {searched}.\n\n"
    return text


def main() -> None:
    """Measure and print."""
    measure_alone(
        "benchmarks.series", "Measure figures of measurements.", measure, render, quick={"rounds": 3, "turn": 20}
    )


if __name__ == "__main__":
    main()

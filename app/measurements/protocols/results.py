"""The result of a run as an Observation, with a code of its own: no measurement, and never among them (MODEL 3).

https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.fhir.resource import Resource
from app.fhir.ucum import SYSTEM as UCUM
from app.measurements.protocols.allotting import Allotment, Standing, allotted, standing
from app.measurements.protocols.figures import Computed, computed, used
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import COMPUTED, Figure
from app.measurements.protocols.tasks import coding_of, quantity, run_of
from app.measurements.protocols.words import result_words
from app.measurements.statistics.spans import written
from app.measurements.targets import Target
from app.measurements.words import translations

PROFILE: Final = "ProtocolResult"
BASIS: Final = "protocol-basis"
MARK: Final = b"/StructureDefinition/protocol-basis"
"""In the bytes of every result."""
VOID: Final = "entered-in-error"
AMENDED: Final = "amended"
COUNTS: Final[Mapping[str, str]] = {
    "readings-counted": "Readings that count",
    "readings-needed": "Readings that are needed",
    "days-counted": "Days that count",
    "days-needed": "Days that are needed",
    "complete": "Complete",
}
"""Codes of ours for how complete a result is, with their displays."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a result comes from: the run (with its target), the Task, the person, and the Goal of the target."""

    run: Run
    task_id: str
    patient_id: str
    goal: str = ""


def result_of(observations: Iterable[Resource], origin: Origin, *, canonical_base: str, amended: bool) -> Resource:
    """The Observation, without an id. One of which nothing is left is void."""
    allotment = allotted(observations, origin.run, canonical_base)
    return _Result(allotment, standing(allotment), origin, canonical_base).observation(amended=amended)


def basis_of(observation: Resource | None, canonical_base: str) -> Mapping[str, Any] | None:
    """The parts of the extension by name; None for what is no result of a run."""
    url = f"{canonical_base}/StructureDefinition/{BASIS}"
    for each in (observation or {}).get("extension", ()):
        if isinstance(each, dict) and each.get("url") == url:
            parts = each.get("extension", ())
            return {
                part["url"]: next((value for name, value in part.items() if name.startswith("value")), None)
                for part in parts
                if isinstance(part, dict) and "url" in part
            }
    return None


def origin_of(result: Resource, canonical_base: str) -> Origin:
    """Where a stored result came from, but for the target. Raises ``Invalid`` for one that does not say."""
    basis = basis_of(result, canonical_base) or {}
    period = {name: basis.get(part) for name, part in (("start", "firstDay"), ("end", "lastDay"))}
    listed = [(name, basis.get(part)) for name, part in _NUMBERS.items()]
    stub = {
        "code": {"coding": [basis.get("protocol") or {}]},
        "executionPeriod": period,
        "input": [{"type": {"text": name}, "valueQuantity": each} for name, each in listed if each is not None],
    }
    task_id, goal = (_id(basis.get(each)) for each in ("run", "target"))
    return Origin(run_of(stub, canonical_base), task_id, _id(result.get("subject")), goal)


_NUMBERS: Final[Mapping[str, str]] = {"baseline": "baseline", "personal-best": "personalBest"}


def _id(reference: Any) -> str:
    return str(reference["reference"]).rpartition("/")[2] if isinstance(reference, dict) else ""


def same(one: Resource, other: Resource) -> bool:
    """Whether two results say the same; that one was computed again is not looked at."""
    return _said(one) == _said(other)


def _said(result: Resource) -> dict[str, Any]:
    apart = ("id", "meta", "text", "issued", "note", "status")
    return {**{name: value for name, value in result.items() if name not in apart}, VOID: result["status"] == VOID}


class _Result:
    def __init__(self, allotment: Allotment, found: Standing, origin: Origin, canonical_base: str) -> None:
        self._allotment = allotment
        self._standing = found
        self._origin = origin
        self._base = canonical_base
        self._figures = computed(allotment, found)
        measures = origin.run.protocol.measures
        readings = {each.reading.id: each.reading for one in measures for each in used(allotment, found.days, one)}
        self._readings = sorted(readings.values(), key=lambda each: (each.at, each.id))

    def observation(self, *, amended: bool) -> Resource:
        run, base = self._origin.run, self._base
        protocol = run.protocol
        system, code, display = protocol.code
        status = (AMENDED if amended else "final") if self._readings else VOID
        words = result_words(self._allotment, self._standing, self._figures, amended=amended)
        category = {"system": f"{base}/CodeSystem/observation-category", "code": COMPUTED, "display": "Computed"}
        coding = {"system": self._system(system), "code": code, "display": display}
        made: Resource = {
            "resourceType": "Observation",
            "meta": {"profile": [f"{base}/StructureDefinition/{PROFILE}"]},
            "extension": [{"url": f"{base}/StructureDefinition/{BASIS}", "extension": [*self._basis()]}],
            "status": status,
            "category": [{"coding": [category]}],
            "code": {"coding": [coding], "text": protocol.words["nl"]},
            "subject": {"reference": f"Patient/{self._origin.patient_id}"},
            "effectivePeriod": self._period(),
            "note": [{"text": words["nl"], "_text": translations(words)}],
            "method": {"coding": [coding_of(protocol, base)], "text": protocol.words["nl"]},
            "component": [*self._components()],
        }
        if self._readings:
            made["derivedFrom"] = [{"reference": f"Observation/{each.id}"} for each in self._readings]
        return made

    def _system(self, system: str) -> str:
        return f"{self._base}/CodeSystem/{COMPUTED}" if system == COMPUTED else system

    def _period(self) -> Resource:
        if not self._readings:
            run = self._origin.run
            return {"start": run.first.isoformat(), "end": run.last.isoformat()}
        return {"start": written(self._readings[0].at), "end": written(self._readings[-1].at)}

    def _basis(self) -> Iterator[Resource]:
        run = self._origin.run
        yield {"url": "protocol", "valueCoding": coding_of(run.protocol, self._base)}
        yield {"url": "run", "valueReference": {"reference": f"Task/{self._origin.task_id}"}}
        yield {"url": "firstDay", "valueDate": run.first.isoformat()}
        yield {"url": "lastDay", "valueDate": run.last.isoformat()}
        yield {"url": "complete", "valueBoolean": self._standing.complete}
        if self._standing.dropped is not None:
            yield {"url": "droppedDay", "valueDate": run.date(self._standing.dropped).isoformat()}
        if self._origin.goal and run.target is not None:
            yield {"url": "target", "valueReference": {"reference": f"Goal/{self._origin.goal}"}}
        for name, amount in run.numbers.items():
            yield {"url": _NUMBERS[name], "valueQuantity": quantity(run.protocol, amount)}

    def _components(self) -> Iterator[Resource]:
        for each in self._figures:
            yield {"code": self._figure_code(each.figure), **self._value(each)}
        found = self._standing
        counted = sum(len(one) for (day, _), one in self._allotment.counted.items() if day in found.days)
        numbers: dict[str, Any] = {
            "readings-counted": counted,
            "readings-needed": found.needed,
            "days-counted": len(found.days),
            "days-needed": found.needed_days,
        }
        for name, number in numbers.items():
            yield {"code": self._own(name, COUNTS[name]), "valueInteger": number}
        yield {"code": self._own("complete", COUNTS["complete"]), "valueBoolean": found.complete}

    def _figure_code(self, figure: Figure) -> Resource:
        if figure.loinc is None:
            return self._own(figure.name, figure_display(figure))
        code, display = figure.loinc
        return {"coding": [{"system": self._system("http://loinc.org"), "code": code, "display": display}]}

    def _own(self, code: str, display: str) -> Resource:
        return {"coding": [{"system": self._system(COMPUTED), "code": code, "display": display}]}

    def _value(self, found: Computed) -> Resource:
        if found.count is not None:
            return {"valueRatio": {"numerator": {"value": found.count}, "denominator": {"value": found.of}}}
        if found.low is not None and found.high is not None:
            low, high = (self._quantity(found, each) for each in (found.low, found.high))
            return {"valueRange": {"low": low, "high": high}}
        assert found.number is not None
        return {"valueQuantity": self._quantity(found, found.number)}

    @staticmethod
    def _quantity(found: Computed, amount: Any) -> Resource:
        value = found.figure.of.value
        unit, code = ("%", "%") if found.figure.how == "share" else (value.unit_nl, value.unit)
        return {"value": found.shown(amount), "unit": unit, "system": UCUM, "code": code}


def figure_display(figure: Figure) -> str:
    """The display of a figure of ours: its code in words."""
    return figure.name.replace("-", " ").capitalize()


def with_target(origin: Origin, target: Target | None) -> Origin:
    """The same with a personal target, and the Goal that it stands in."""
    return replace(origin, run=replace(origin.run, target=target), goal="" if target is None else target.goal)

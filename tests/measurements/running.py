"""Runs of protocols, and what is measured in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.dates import LOCAL
from app.fhir.resource import Resource, decode
from app.measurements.kinds import kinds
from app.measurements.writing import Measured, observation_of
from tests.measurements.measuring import PATIENT
from tests.server.service import Caller

ONE: Final = timedelta(days=1)
PROTOCOL: Final = f"{CANONICAL_BASE}/CodeSystem/protocol"
COMPUTED: Final = f"{CANONICAL_BASE}/CodeSystem/computed"


def moment(day: date, clock: str) -> str:
    """A FHIR dateTime on the Dutch clock."""
    return datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), LOCAL).isoformat()  # noqa: DTZ007


def pressure(day: date, clock: str, systolic: int, diastolic: int, **members: Any) -> Resource:
    """A blood pressure, measured by Anna."""
    values = {"systolic": Decimal(systolic), "diastolic": Decimal(diastolic)}
    return _made("blood-pressure", values, moment(day, clock), **members)


def value(kind: str, day: date, clock: str, number: str, of_day: str | None = None, **members: Any) -> Resource:
    """A measurement of one value."""
    measured = Measured(kinds()[kind], {kind: Decimal(number)}, moment(day, clock), moment=of_day)
    return observation_of(measured, CANONICAL_BASE, PATIENT) | members


def _made(kind: str, values: Mapping[str, Decimal], at: str, **members: Any) -> Resource:
    return observation_of(Measured(kinds()[kind], values, at), CANONICAL_BASE, PATIENT) | members


def week(first: date, days: int, *, high: int = 130, low: int = 80) -> Iterator[Resource]:
    """Two blood pressures in the morning and two in the evening, each a bit different."""
    for day in range(days):
        for number, clock in enumerate(("07:00", "07:02", "19:00", "19:02")):
            yield pressure(first + ONE * day, clock, high + day + number, low + day + number)


def parameters(**values: Any) -> Resource:
    """For an operation: ``protocol`` is a code, ``start`` a date, the rest as its type says."""
    named = {"protocol": "valueCode", "start": "valueDate", "days": "valuePositiveInt"}
    listed = [{"name": name, named.get(name, "valueQuantity"): each} for name, each in values.items()]
    return {"resourceType": "Parameters", "parameter": listed}


async def started(caller: Caller, protocol: str, **values: Any) -> Resource:
    """The Task of a run that is begun, or asked for."""
    answer = await caller.post("/Patient/anna/$start-protocol", parameters(protocol=protocol, **values))
    assert answer.status_code == 201, answer.text
    return decode(answer.content)


async def measured(caller: Caller, *observations: Resource) -> list[Resource]:
    """What is stored, in the order in which it was sent."""
    return [await caller.create(each, {"prefer": "return=representation"}) for each in observations]


async def finished(caller: Caller, task: Resource) -> Resource:
    """The result."""
    answer = await caller.post(f"/Task/{task['id']}/$finish-protocol")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def progressed(caller: Caller, task: Resource) -> Mapping[str, Any]:
    """What ``$protocol-progress`` tells: by name the last value of each, and under ``all`` everything."""
    answer = await caller.get(f"/Task/{task['id']}/$protocol-progress")
    assert answer.status_code == 200, answer.text
    listed = decode(answer.content)["parameter"]
    return {**{each["name"]: inner(each) for each in listed}, "all": listed}


def inner(parameter: Resource) -> Any:
    """The value of one parameter, or its parts."""
    return next((each for name, each in parameter.items() if name not in ("name", "_valueString")), None)


def figures(result: Resource) -> dict[str, Any]:
    """The components by their code: a number, a pair, or what there is."""
    found: dict[str, Any] = {}
    for each in result["component"]:
        code = each["code"]["coding"][0]["code"]
        if "valueQuantity" in each:
            found[code] = each["valueQuantity"]["value"]
        elif "valueRange" in each:
            found[code] = each["valueRange"]["low"]["value"], each["valueRange"]["high"]["value"]
        elif "valueRatio" in each:
            found[code] = each["valueRatio"]["numerator"]["value"], each["valueRatio"]["denominator"]["value"]
        else:
            found[code] = each.get("valueInteger", each.get("valueBoolean"))
    return found


def basis(result: Resource) -> dict[str, Any]:
    """The parts of the extension that says what a result rests on."""
    (found,) = (each for each in result["extension"] if each["url"].endswith("/protocol-basis"))
    return {each["url"]: next(part for name, part in each.items() if name != "url") for each in found["extension"]}

"""Series of measurements to count, and the answer of ``$stats`` taken apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from app.fhir.dates import LOCAL
from app.fhir.resource import Resource, decode
from tests.builders import LOINC, UCUM, concept, goal, observation
from tests.server.service import Caller

WEIGHT: Final = "29463-7"
PANEL: Final = "85354-9"
SYSTOLIC: Final = "8480-6"
DIASTOLIC: Final = "8462-4"
JANUARY: Final = "date=ge2026-01-01&date=le2026-01-31"
HOME: Final = [{"reference": "Patient/anna", "display": "Anna"}]
CARE: Final = [{"reference": "Practitioner/doctor", "display": "Dokter De Wit"}]


def day(number: int, hour: int = 8) -> str:
    """A moment in January 2026 (from its first day on) in Dutch local time."""
    return (datetime(2026, 1, 1, hour, tzinfo=LOCAL) + timedelta(days=number - 1)).isoformat()


def quantity(value: Any, unit: str = "kg", **members: Any) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **members}


def weight(id: str, when: str, value: Any, unit: str = "kg", **members: Any) -> Resource:
    return observation(
        id=id, effectiveDateTime=when, **{"valueQuantity": quantity(value, unit), "performer": HOME, **members}
    )


def pressure(id: str, when: str, systolic: int, diastolic: int, **members: Any) -> Resource:
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": quantity(value, "mm[Hg]")}
        for code, value in ((SYSTOLIC, systolic), (DIASTOLIC, diastolic))
    ]
    return observation(
        id=id,
        code=concept(LOINC, PANEL),
        effectiveDateTime=when,
        valueQuantity=None,
        component=parts,
        **{"performer": HOME, **members},
    )


def target(id: str, date: str, code: str = WEIGHT, **members: Any) -> Resource:
    """An active goal with a target."""
    detail = {"detailRange": {"low": quantity(78), "high": quantity(81)}}
    listed = [{"measure": concept(LOINC, code), **(members or detail)}]
    return goal(id=id, lifecycleStatus="active", startDate=date, expressedBy=HOME[0], target=listed)


async def stats(caller: Caller, query: str) -> Resource:
    """The Parameters that a call answers."""
    answer = await caller.get(f"/Observation/$stats?{query}")
    assert answer.status_code == 200, answer.text
    found = decode(answer.content)
    assert found["resourceType"] == "Parameters"
    return found


def all_of(part: Resource, name: str) -> list[Resource]:
    """The parameters, or parts, of a name."""
    return [each for each in [*part.get("parameter", ()), *part.get("part", ())] if each["name"] == name]


def one(part: Resource, name: str) -> Resource:
    (found,) = all_of(part, name)
    return found


def said(part: Resource, name: str) -> Any:
    """The value of the parameter or part of a name."""
    found = one(part, name)
    return next(value for key, value in found.items() if key.startswith("value"))


def figures(observed: Resource) -> dict[str, Any]:
    """HL7's code and the number of each component of an Observation with statistics."""
    found = {}
    for each in observed["component"]:
        number = each["valueInteger"] if "valueInteger" in each else float(each["valueQuantity"]["value"])
        found[each["code"]["coding"][0]["code"]] = number
    return found


def counted(found: Resource, place: int = 0) -> dict[str, Any]:
    """The figures of one value of the answer."""
    return figures(all_of(found, "statistics")[place]["resource"])

"""No search with the R4 form of a request of service 48 (BgZ) or 52 (measurements) gives a computed value (MODEL 3)."""

from __future__ import annotations

import json
from typing import Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.measurements.kinds import kinds_by_code, parts_by_code
from app.measurements.protocols.table import protocols
from app.measurements.statistics.spans import local
from tests.builders import LOINC, OBSERVATION_CATEGORY, SNOMED, UCUM, concept, observation
from tests.measurements.measuring import PATIENT, measured, usual
from tests.measurements.running import ONE, finished, pressure, started, value
from tests.measurements.running import measured as measured_by
from tests.postgresql import CHECKOUT
from tests.server.service import Caller, Service

MEAN: Final = "96607-7"
PARTS: Final = {"96608-5": 131, "96609-3": 79}
"""LOINC's own codes for a mean blood pressure."""
GLUCOSE: Final = f"{LOINC}|14760-3,{LOINC}|14743-9,{LOINC}|14770-2"
SERVICE_52: Final = (
    f"?code={LOINC}|85354-9",
    f"?code={GLUCOSE}",
    f"?code={LOINC}|8867-4",
    f"?code={LOINC}|29463-7&date=ge2026-11-01&date=le2026-11-30",
    f"?code={GLUCOSE}&date=ge2026-11-01&date=le2026-11-30",
    f"?category={OBSERVATION_CATEGORY}|vital-signs",
    "?category=vital-signs",
    *(
        f"/$lastn?code={code}"
        for code in (
            *(f"{LOINC}|{each}" for each in ("29463-7", "59408-5", "8302-2", "8310-5", "85354-9", "8867-4", "8893-0")),
            f"{SNOMED}|422834003",
            f"{LOINC}|14760-3,{LOINC}|14770-2",
        )
    ),
)
SERVICE_48: Final = (
    f"/$lastn?category={SNOMED}|118228005,{SNOMED}|384821006",
    f"/$lastn?code={SNOMED}|365508006",
    f"?code={SNOMED}|228366006",
    f"?code={SNOMED}|228273003",
    f"?code={SNOMED}|365980008",
    f"/$lastn?code={LOINC}|85354-9",
    f"/$lastn?code={LOINC}|29463-7",
    f"/$lastn?code={LOINC}|8302-2,{LOINC}|8306-3,{LOINC}|8308-9",
    f"/$lastn?category={SNOMED}|275711006",
    f"/$lastn?category={OBSERVATION_CATEGORY}|laboratory",
)
"""Those that ask for Observations."""


def own(system: str) -> list[tuple[str, str]]:
    """Every code of a code system of ours."""
    path = CHECKOUT / "medmij_profiles" / "codesystems" / f"CodeSystem-{system}.json"
    return [
        (f"{CANONICAL_BASE}/CodeSystem/{system}", each["code"]) for each in json.loads(path.read_bytes())["concept"]
    ]


def computed() -> list[Resource]:
    """A value of every computed code, as the service gives it, newer than every measurement."""
    listed = [(LOINC, MEAN), *((LOINC, each) for each in PARTS), *own("computed"), *own("score")]
    quantity = {"value": 80, "system": UCUM, "code": "1"}
    return [
        observation(
            id=f"computed-{place}",
            code=concept(*each),
            category=[concept(OBSERVATION_CATEGORY, "survey")] if each in own("score") else None,
            effectiveDateTime="2026-11-21T08:00:00+01:00",
            derivedFrom=[{"reference": "Observation/of-weight"}],
            valueQuantity=quantity,
        )
        for place, each in enumerate(listed)
    ]


def test_no_computed_code_is_recognised_as_a_measurement() -> None:
    codes = {(LOINC, MEAN), *((LOINC, each) for each in PARTS), *own("computed"), *own("score")}
    assert codes.isdisjoint({*kinds_by_code(), *parts_by_code()})


@pytest.fixture
async def record(anna: Caller, practice: Caller) -> Caller:
    """One of every kind, and one of every computed value, as a system may deliver even those that we do not store."""
    for kind in {each.name: each for each in kinds_by_code().values()}.values():
        await anna.keep(measured(kind) | {"id": f"of-{kind.name}", "subject": PATIENT})
    for each in computed():
        await practice.keep(each)
    return anna


async def test_no_request_of_a_service_gives_a_computed_value(record: Caller) -> None:
    given: set[str] = set()
    for request in (*SERVICE_52, *SERVICE_48):
        found = await record.found(f"/Observation{request}")
        assert not [each for each in found if each.startswith("computed")], request
        given.update(found)
    assert {"of-blood-pressure", "of-weight", "of-heart-rate", "of-blood-glucose", "of-oxygen-saturation"} <= given
    assert {"of-alcohol", "of-tobacco", "of-height", "of-temperature", "of-pulse-rate"} <= given


async def test_all_of_them_are_found_by_their_own_codes(record: Caller) -> None:
    for each in computed():
        coding = each["code"]["coding"][0]
        assert each["id"] in await record.found(f"/Observation?code={coding['system']}|{coding['code']}")


async def test_no_request_of_a_service_gives_the_result_of_a_protocol(anna: Caller, service: Service) -> None:
    day = local(service.server.clock()).date() - ONE
    clock = {"glucose-4": "23:00", "glucose-7": "23:00"}
    results = set()
    for name, protocol in protocols().items():
        task = await started(anna, name, start=day.isoformat(), days=max(2, protocol.days[0]))
        at = clock.get(name, "07:00")
        if name == "home-blood-pressure":
            await measured_by(anna, pressure(day, at, 130, 80))
        elif protocol.kind.value is not None and name != "glucose-7":
            await measured_by(anna, value(protocol.kind.name, day, at, str(usual(protocol.kind.value))))
        result = await finished(anna, task)
        results.add(result["id"])
        coding = result["code"]["coding"][0]
        assert result["id"] in await anna.found(f"/Observation?code={coding['system']}|{coding['code']}")
    assert len(results) == len(protocols())
    for request in (*SERVICE_52, *SERVICE_48):
        assert results.isdisjoint(await anna.found(f"/Observation{request}")), request

"""Special parameters: where a Location is. https://hl7.org/fhir/R4/location.html#positional"""

from __future__ import annotations

import math
from random import Random

import pytest

from app.fhir.resource import Resource
from app.server.search.near import EARTH
from tests.server.service import Caller


def location(id: str, latitude: float | None, longitude: float = 0) -> Resource:
    position = {} if latitude is None else {"position": {"latitude": latitude, "longitude": longitude}}
    return {"resourceType": "Location", "id": id, "name": id, **position}


PLACES = {
    "amsterdam": (52.3676, 4.9041),
    "utrecht": (52.0907, 5.1214),
    "groningen": (53.2194, 6.5665),
    "suva": (-18.1416, 178.4419),
    "taveuni": (-16.8500, -179.9700),
    "pole": (90.0, 12.0),
    "antipode": (-52.3676, -175.0959),
}


@pytest.fixture
async def filled(operator: Caller) -> Caller:
    for id, (latitude, longitude) in PLACES.items():
        await operator.keep(location(id, latitude, longitude))
    await operator.keep(location("nowhere", None))
    return operator


QUERIES = {
    "near=52.3676|4.9041": {"amsterdam"},
    "near=52.3676|4.9041|30": {"amsterdam"},
    "near=52.3676|4.9041|35": {"amsterdam", "utrecht"},
    "near=52.3676|4.9041|35|km": {"amsterdam", "utrecht"},
    "near=52.3676|4.9041|35000|m": {"amsterdam", "utrecht"},
    "near=52.3676|4.9041|21|[mi_us]": {"amsterdam"},
    "near=52.3676|4.9041|22|[mi_us]": {"amsterdam", "utrecht"},
    "near=52.3676|4.9041|19|[nmi_i]": {"amsterdam", "utrecht"},
    "near=52.3676|4.9041|0": {"amsterdam"},
    "near=52.3676|4.9041||m": {"amsterdam"},
    "near=52.3676|4.9042|0": set(),
    "near=52.3676|4.9042|10|m": {"amsterdam"},
    "near=52.36761|4.9041|1|m": set(),
    "near=-17.5|179.5|200": {"suva", "taveuni"},
    "near=90|-100|1": {"pole"},
    "near=89.99|0|2": {"pole"},
    "near=52.3676|4.9041|30000": set(PLACES),
    "near=52.3676|4.9041|20000": set(PLACES) - {"antipode"},
    "near=52.3676|4.9041|1,53.2194|6.5665|1": {"amsterdam", "groningen"},
    "near=52.3676|4.9041|200&near=53.2194|6.5665|200": {"amsterdam", "utrecht", "groningen"},
    "near=0|0|1": set(),
    "near:missing=true": {"nowhere"},
    "near:missing=false": set(PLACES),
}


async def test_near_finds_what_lies_within_the_distance(filled: Caller, anna: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await filled.found(f"/Location?{query}")) - {"seeded"} == expected, query
        assert set(await anna.found(f"/Location?{query}")) == expected, query


async def test_near_agrees_with_the_haversine_formula(operator: Caller) -> None:
    random = Random(7)
    places = {f"p{n}": (random.uniform(-90, 90), random.uniform(-180, 180)) for n in range(60)}
    for id, (latitude, longitude) in places.items():
        await operator.keep(location(id, round(latitude, 6), round(longitude, 6)))
    for _ in range(40):
        north, east = round(random.uniform(-90, 90), 3), round(random.uniform(-180, 180), 3)
        reach = random.choice((500, 3000, 9000))
        expected = {id for id, place in places.items() if haversine((north, east), place) <= reach * 1000}
        assert set(await operator.found(f"/Location?near={north}|{east}|{reach}&_count=100")) == expected


def haversine(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two positions in degrees."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(math.radians, each)) for each in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(half)))


@pytest.mark.parametrize(
    "value",
    ["52.4", "52.4|", "91|0", "0|181", "x|y", "0|0|x", "0|0|1|g", "0|0|1|miles", "0|0|-1", "0|0|1|km|x", "gt1|0", ""],
)
async def test_what_is_no_place_is_refused(operator: Caller, value: str) -> None:
    assert (await operator.get(f"/Location?near={value}")).status_code == 400


@pytest.mark.parametrize("name", ["_filter", "_query", "_text", "_content"])
async def test_searches_in_other_languages_are_refused_by_name(anna: Caller, name: str) -> None:
    answer = await anna.get(f"/Observation?{name}=x")
    assert answer.status_code == 400
    assert f"'{name}' is not supported here" in answer.text
    assert (await anna.get(f"/Observation?{name}=x", {"Prefer": "handling=lenient"})).status_code == 200

"""Quantity parameters. https://hl7.org/fhir/R4/search.html#quantity"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource
from tests.builders import LOINC, UCUM, concept, condition, counted
from tests.server.service import Caller, issues


def amount(value: Any, unit: str | None = None, code: str | None = None, **members: Any) -> Resource:
    """A Quantity; with a ``code`` in UCUM."""
    coded = {"system": UCUM, "code": code} if code else {}
    return {"value": value, **({"unit": unit} if unit else {}), **coded, **members}


OBSERVATIONS: dict[str, Resource] = {
    "grams": {"valueQuantity": amount(5.4, "g", "g")},
    "milligrams": {"valueQuantity": amount(5400, "milligram", "mg")},
    "below": {"valueQuantity": amount(5.4, "g", "g", comparator="<")},
    "above": {"valueQuantity": amount(6, "g", "g", comparator=">=")},
    "words": {"valueQuantity": amount(5.4, "tabletten")},
    "bare": {"valueQuantity": amount(5.4)},
    "own": {"valueQuantity": {"value": 5.4, "unit": "stuks", "system": "urn:units", "code": "g"}},
    "hot": {"valueQuantity": amount(98.6, "F", "[degF]")},
    "acid": {"valueQuantity": amount(7.4, "pH", "[pH]")},
    "sampled": {
        "valueSampledData": {
            "origin": amount(2, "g", "g"),
            "period": 10,
            "factor": 0.5,
            "dimensions": 1,
            "data": "0 -2 E 6.4 L",
            "lowerLimit": -3,
            "upperLimit": 9,
        }
    },
    "none": {},
}
GRAMS = "http://unitsofmeasure.org|g"
QUERIES: dict[str, set[str]] = {
    # whatever the unit
    "value-quantity=5.4": {"grams", "words", "bare", "own"},
    "value-quantity=5400": {"milligrams"},
    "value-quantity=5.40": {"grams", "words", "bare", "own"},
    "value-quantity=5": {"grams", "words", "bare", "own"},
    "value-quantity=5.0": set(),
    "value-quantity=5.45": set(),
    # of a unit, converted
    f"value-quantity=5.4|{GRAMS}": {"grams", "milligrams"},
    "value-quantity=5400|http://unitsofmeasure.org|mg": {"grams", "milligrams"},
    "value-quantity=0.0054|http://unitsofmeasure.org|kg": {"grams", "milligrams"},
    "value-quantity=5.4e3|http://unitsofmeasure.org|mg": {"grams", "milligrams"},
    f"value-quantity=5.40000|{GRAMS}": {"grams", "milligrams"},
    f"value-quantity=5.4001|{GRAMS}": set(),
    "value-quantity=37.0|http://unitsofmeasure.org|Cel": {"hot"},
    "value-quantity=310.15|http://unitsofmeasure.org|K": {"hot"},
    "value-quantity=36|http://unitsofmeasure.org|Cel": set(),
    # of a unit that cannot be converted, or of another system
    "value-quantity=7.4|http://unitsofmeasure.org|[pH]": {"acid"},
    "value-quantity=5.4|urn:units|g": {"own"},
    "value-quantity=5.4|urn:other|g": set(),
    # of a code or unit, whatever the system
    "value-quantity=5.4||g": {"grams", "own"},
    "value-quantity=5.4||tabletten": {"words"},
    "value-quantity=5400||mg": {"milligrams"},
    "value-quantity=5400||milligram": {"milligrams"},
    "value-quantity=5.4||stuks": {"own"},
    "value-quantity=5.4||mg": set(),
    # prefixes
    f"value-quantity=gt5.4|{GRAMS}": {"above"},
    f"value-quantity=ge5.4|{GRAMS}": {"grams", "milligrams", "above"},
    f"value-quantity=lt5.4|{GRAMS}": {"below", "sampled"},
    f"value-quantity=le5.4|{GRAMS}": {"grams", "milligrams", "below", "sampled"},
    f"value-quantity=lt5400|{GRAMS}": {"grams", "milligrams", "below", "above", "sampled"},
    f"value-quantity=ne5.4|{GRAMS}": {"below", "above", "sampled"},
    f"value-quantity=sa5.4|{GRAMS}": {"above"},
    f"value-quantity=sa5.3|{GRAMS}": {"grams", "milligrams", "above"},
    f"value-quantity=eb5.5|{GRAMS}": {"grams", "milligrams", "below", "sampled"},
    f"value-quantity=eb5.4|{GRAMS}": {"below", "sampled"},
    f"value-quantity=ap5|{GRAMS}": {"grams", "milligrams", "below", "sampled"},
    f"value-quantity=ap5.0|{GRAMS}": {"grams", "milligrams", "below", "sampled"},
    f"value-quantity=ap100|{GRAMS}": {"above"},
    "value-quantity=gt-1&value-quantity=lt7": {"grams", "words", "bare", "own", "above", "below", "sampled"},
    # the samples: 2 + 0.5 * (-3 … 6.4)
    f"value-quantity=ge5.2|{GRAMS}&value-quantity=le0.5|{GRAMS}": {"sampled", "below"},
    f"value-quantity=gt5.2|{GRAMS}&value-quantity=lt0.6|{GRAMS}": {"below"},
    # alternatives, and what is not there
    f"value-quantity=5.4|{GRAMS},7.4": {"grams", "milligrams", "acid"},
    "value-quantity:missing=true": {"none"},
    "value-quantity:missing=false": set(OBSERVATIONS) - {"none"},
    "combo-value-quantity=5400": {"milligrams"},
    "combo-value-quantity:missing=true": {"none"},
    "component-value-quantity:missing=true": set(OBSERVATIONS),
}


@pytest.fixture
async def filled(anna: Caller) -> Caller:
    for id, members in OBSERVATIONS.items():
        await anna.keep(counted(id=id, **{"valueQuantity": None, **members}))
    return anna


async def test_quantities_find_what_fhir_says(filled: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await filled.found(f"/Observation?{query}")) == expected, query


async def test_quantities_find_the_same_among_several_patients(filled: Caller, practice: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await practice.found(f"/Observation?{query}")) == expected, query


async def test_quantities_sort_by_what_they_measure(anna: Caller) -> None:
    for id, value in {
        "b": amount(200, "mg", "mg"),
        "a": amount(0.1, "g", "g"),
        "c": amount(0.0003, "kg", "kg"),
        "none": None,
    }.items():
        await anna.keep(counted(id=id, valueQuantity=value))
    assert await anna.found("/Observation?_sort=value-quantity") == ["none", "a", "b", "c"]
    assert await anna.found("/Observation?_sort=-value-quantity") == ["c", "b", "a", "none"]
    pages = await anna.pages("/Observation?_sort=combo-value-quantity&_count=1")
    assert [page["entry"][0]["resource"]["id"] for page in pages] == ["none", "a", "b", "c"]


async def test_components_are_found_by_their_own_quantities(anna: Caller) -> None:
    parts = [
        {"code": concept(LOINC, code), "valueQuantity": amount(value, "mmHg", "mm[Hg]")}
        for code, value in (("8480-6", 140), ("8462-4", 90))
    ]
    await anna.keep(counted(id="pressure", valueQuantity=None, component=parts))
    await anna.keep(counted(id="single", valueQuantity=amount(140, "mmHg", "mm[Hg]")))
    for query, expected in {
        "component-value-quantity=140": {"pressure"},
        "value-quantity=140": {"single"},
        "combo-value-quantity=140": {"pressure", "single"},
        "combo-value-quantity=90||mmHg": {"pressure"},
        "combo-value-quantity=12.0|http://unitsofmeasure.org|kPa": {"pressure"},
        "combo-value-quantity=12|http://unitsofmeasure.org|kPa,140": {"pressure", "single"},
        "combo-value-quantity=gt200": set(),
        "combo-code=8480-6": {"pressure"},
        "combo-code=counted": {"pressure", "single"},
        "combo-code:not=8480-6": {"single"},
    }.items():
        assert set(await anna.found(f"/Observation?{query}")) == expected, query


async def test_ages_ranges_and_money_are_quantities(anna: Caller) -> None:
    await anna.keep(condition(id="aged", onsetAge=amount(40, "jaar", "a")))
    await anna.keep(
        condition(id="between", onsetRange={"low": amount(3, "jaar", "a"), "high": amount(50, "jaar", "a")})
    )
    await anna.keep(condition(id="until", onsetRange={"high": amount(600, "maanden", "mo")}))
    years = "http://unitsofmeasure.org|a"
    for query, expected in {
        f"onset-age=40|{years}": {"aged"},
        f"onset-age=gt40|{years}": {"between", "until"},
        f"onset-age=lt40|{years}": {"between", "until"},
        f"onset-age=sa2|{years}": {"aged", "between"},
        f"onset-age=eb51|{years}": {"aged", "between", "until"},
        f"onset-age=ge50.1|{years}": set(),
        "onset-age=ge50": {"between", "until"},
        "onset-age=600||maanden": set(),
        "onset-age=le600||maanden": {"until"},
    }.items():
        assert set(await anna.found(f"/Condition?{query}")) == expected, query
    invoice = {"resourceType": "Invoice", "id": "i", "status": "issued", "subject": {"reference": "Patient/anna"}}
    await anna.keep({**invoice, "totalNet": {"value": 12.5, "currency": "EUR"}})
    for text in ("12.5", "12.5||EUR", "12.5|urn:iso:std:iso:4217|EUR"):
        assert await anna.found(f"/Invoice?totalnet={text}") == ["i"], text
    assert await anna.found("/Invoice?totalnet=12.5||USD") == []


@pytest.mark.parametrize(
    "text", ["x", "5|g", "5|a|b|c", "xx5", "5|http://unitsofmeasure.org|", "1e9999", "", "5,4|", "--5", "NaN", "gt"]
)
async def test_what_is_no_quantity_is_refused_by_name(anna: Caller, text: str) -> None:
    answer = await anna.get(f"/Observation?value-quantity={text}")
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == ["http.value-quantity"]


async def test_quantities_beyond_what_a_double_holds_are_no_fault(anna: Caller) -> None:
    await anna.keep(counted(id="huge", valueQuantity=amount(1, "g", "g")))
    for text in ("1e308", "gt1e999", "lt-1e999", "ap1e999", "1e-999", f"{'9' * 90}|{GRAMS}", f"1e300|{GRAMS}"):
        assert (await anna.get(f"/Observation?value-quantity={text}")).status_code == 200, text
    assert await anna.found("/Observation?value-quantity=lt1e999") == ["huge"]

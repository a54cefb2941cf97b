"""Number parameters. https://hl7.org/fhir/R4/search.html#number"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource
from app.server.search.spans import read_amount
from tests.builders import UCUM, reference
from tests.server.service import Caller


def risk(id: str, *probabilities: Any) -> Resource:
    """A RiskAssessment with a prediction per probability: a decimal or a Range."""
    percent = {"unit": "%", "system": UCUM, "code": "%"}
    predictions = [
        {"probabilityRange": {name: {"value": end, **percent} for name, end in each.items()}}
        if isinstance(each, dict)
        else {"probabilityDecimal": each}
        for each in probabilities
    ]
    return {
        "resourceType": "RiskAssessment",
        "id": id,
        "status": "final",
        "subject": reference("Patient/anna"),
        **({"prediction": predictions} if predictions else {}),
    }


RISKS = {
    "half": (0.5,),
    "fine": (0.512,),
    "two": (0.1, 0.9),
    "range": ({"low": 0.2, "high": 0.5},),
    "upto": ({"high": 0.3},),
    "none": (),
}
QUERIES = {
    "probability=0.5": {"half", "fine"},
    "probability=0.50": {"half"},
    "probability=0.51": {"fine"},
    "probability=5e-1": {"half"},
    "probability=5.0e-1": {"half"},
    "probability=0.1,0.512": {"fine", "two"},
    "probability=0.1&probability=0.9": {"two"},
    "probability=ne0.5": {"two", "range", "upto"},
    "probability=gt0.5": {"fine", "two"},
    "probability=ge0.5": {"half", "fine", "two", "range"},
    "probability=lt0.5": {"two", "range", "upto"},
    "probability=le0.5": {"half", "two", "range", "upto"},
    "probability=sa0.5": {"fine", "two"},
    "probability=eb0.5": {"two", "upto"},
    "probability=eb0.2": {"two"},
    "probability=ap0.5": {"half", "fine", "range"},
    "probability=ap1": {"half", "fine", "two", "range"},
    "probability=ap1.0": {"two"},
    "probability=1e0": set(),
    "probability:missing=true": {"none"},
    "probability:missing=false": {"half", "fine", "two", "range", "upto"},
}


@pytest.fixture
async def filled(anna: Caller) -> Caller:
    for id, probabilities in RISKS.items():
        await anna.keep(risk(id, *probabilities))
    return anna


async def test_numbers_find_what_fhir_says(filled: Caller, practice: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await filled.found(f"/RiskAssessment?{query}")) == expected, query
        assert set(await practice.found(f"/RiskAssessment?{query}")) == expected, query


async def test_numbers_sort(filled: Caller) -> None:
    assert await filled.found("/RiskAssessment?_sort=probability&probability:missing=false") == [
        "upto",
        "two",
        "range",
        "half",
        "fine",
    ]
    assert (await filled.found("/RiskAssessment?_sort=-probability"))[:2] == ["two", "fine"]


async def test_whole_numbers_are_found_exactly(anna: Caller) -> None:
    sequence = {"resourceType": "MolecularSequence", "coordinateSystem": 0, "patient": reference("Patient/anna")}
    for id, start in {"at": 100, "next": 101}.items():
        variant = [{"start": start, "end": start + 5}]
        await anna.keep({**sequence, "id": id, "variant": variant})
    for query, expected in {
        "variant-start=100": {"at"},
        "variant-start=100.00": {"at"},
        "variant-start=1e2": {"at", "next"},
        "variant-start=gt100": {"next"},
        "variant-end=le105": {"at"},
    }.items():
        assert set(await anna.found(f"/MolecularSequence?{query}")) == expected, query


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "95", "105"),
        ("1.0e2", "95", "105"),
        ("5.40e-3", "0.005395", "0.005405"),
        ("-5", "-5.5", "-4.5"),
        ("0", "-0.5", "0.5"),
        ("+5.4", "5.35", "5.45"),
        ("ap100", "90", "110"),
        ("ap-100", "-110", "-90"),
        ("ap0", "-0.5", "0.5"),
    ],
)
def test_a_number_stands_for_all_that_is_written_so(text: str, first: str, end: str) -> None:
    amount = read_amount(text)
    assert (f"{amount.first:f}".rstrip("0").rstrip("."), f"{amount.end:f}".rstrip("0").rstrip(".")) == (first, end)


@pytest.mark.parametrize("text", ["", "half", "0.5|g", "xx5", "gt", "1e1000", "0x10", "5.", "é"])
async def test_what_is_no_number_is_refused(anna: Caller, text: str) -> None:
    assert (await anna.get(f"/RiskAssessment?probability={text}")).status_code == 400

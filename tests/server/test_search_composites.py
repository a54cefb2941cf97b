"""Composite parameters. https://hl7.org/fhir/R4/search.html#combining"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource
from tests.builders import LOINC, SNOMED, UCUM, concept, observation, questionnaire, reference
from tests.server.service import Caller


def component(code: str, value: Any) -> Resource:
    """A number of mmHg, or the code of a concept."""
    given = (
        {"valueCodeableConcept": concept(SNOMED, value)}
        if isinstance(value, str)
        else {"valueQuantity": {"value": value, "unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}}
    )
    return {"code": concept(LOINC, code), **given}


OBSERVATIONS: dict[str, Resource] = {
    "high": {"component": [component("8480-6", 160), component("8462-4", 80)]},
    "wide": {"component": [component("8480-6", 120), component("8462-4", 95)]},
    "coded": {"component": [component("8480-6", "high"), component("8462-4", "normal")]},
    "single": {"code": concept(LOINC, "8480-6"), "valueQuantity": component("x", 160)["valueQuantity"]},
    "concept": {"code": concept(LOINC, "8480-6"), "valueCodeableConcept": concept(SNOMED, "high")},
    "words": {"code": concept(LOINC, "8480-6"), "valueString": "Twee, $ en meer"},
    "moment": {"code": concept(LOINC, "8480-6"), "valueDateTime": "2024-05-01"},
    "sampled": {
        "code": concept(LOINC, "8480-6"),
        "valueSampledData": {
            "origin": component("x", 160)["valueQuantity"],
            "period": 1,
            "dimensions": 1,
            "data": "0",
        },
    },
    "named": {"code": concept(LOINC, "8480-6"), "valueCodeableConcept": {"text": "Twee"}},
    "alone": {"code": concept(LOINC, "8480-6")},
    "two": {
        "code": {"coding": [{"code": "own"}, {"system": LOINC, "code": "8462-4"}]},
        "valueQuantity": {"value": 80, "unit": "slagen"},
    },
}
MM = "http://unitsofmeasure.org|mm[Hg]"
QUERIES: dict[str, set[str]] = {
    # both in one component
    f"component-code-value-quantity={LOINC}|8480-6$160|{MM}": {"high"},
    f"component-code-value-quantity={LOINC}|8480-6$gt100|{MM}": {"high", "wide"},
    f"component-code-value-quantity={LOINC}|8480-6$80|{MM}": set(),
    f"component-code-value-quantity={LOINC}|8462-4$80": {"high"},
    "component-code-value-quantity=8462-4$ge80": {"high", "wide"},
    "component-code-value-quantity=8462-4$95||mmHg": {"wide"},
    "component-code-value-quantity=8462-4$12.7|http://unitsofmeasure.org|kPa": {"wide"},
    "component-code-value-quantity=|8462-4$95": set(),
    f"component-code-value-quantity={LOINC}|$95": {"wide"},
    "component-code-value-quantity=8480-6$160,8462-4$95": {"high", "wide"},
    "component-code-value-quantity=8480-6$160&component-code-value-quantity=8462-4$80": {"high"},
    "component-code-value-quantity=8480-6$160&component-code-value-quantity=8462-4$95": set(),
    f"component-code-value-concept=8480-6${SNOMED}|high": {"coded"},
    "component-code-value-concept=8480-6$high": {"coded"},
    "component-code-value-concept=8480-6$normal": set(),
    "component-code-value-concept:missing=false": {"coded"},
    "component-code-value-quantity:missing=false": {"high", "wide"},
    # both in the observation
    f"code-value-quantity={LOINC}|8480-6$160|{MM}": {"single"},
    "code-value-quantity=8480-6$lt160": set(),
    "code=8480-6&value-quantity=160": {"single", "sampled"},
    "code=8480-6&value-string=twee": {"words", "named"},
    "value-quantity:missing=false": {"single", "two", "sampled"},
    "code-value-quantity=own$80": {"two"},
    "code-value-quantity=|own$80||slagen": {"two"},
    "code-value-quantity=8462-4$80,8480-6$160": {"single", "two"},
    "code-value-quantity:missing=false": {"single", "two"},
    "code-value-concept=8480-6$high": {"concept"},
    "code-value-concept=8480-6$normal": set(),
    "code-value-string=8480-6$twee%5C, %5C$": {"words"},
    "code-value-string=8480-6$drie": set(),
    "code-value-date=8480-6$2024": {"moment"},
    "code-value-date=8480-6$gt2024-05-01": set(),
    "code-value-date=8480-6$ge2024-05-01,8480-6$lt2020": {"moment"},
    # in either
    f"combo-code-value-quantity={LOINC}|8480-6$160|{MM}": {"high", "single"},
    "combo-code-value-quantity=8462-4$80": {"high", "two"},
    "combo-code-value-quantity=8462-4$80,8480-6$160": {"high", "two", "single"},
    "combo-code-value-concept=8480-6$high": {"coded", "concept"},
    "combo-code-value-quantity:missing=true": {
        "coded",
        "concept",
        "words",
        "moment",
        "alone",
        "sampled",
        "named",
    },
    "combo-code-value-concept:missing=false": {"coded", "concept", "named"},
    "combo-code-value-quantity=8480-6$160&status=final": {"high", "single"},
}


@pytest.fixture
async def filled(anna: Caller, practice: Caller) -> Caller:
    """Anna, of whom a system delivered what no person would measure."""
    for id, members in OBSERVATIONS.items():
        await practice.keep(observation(id=id, **{"valueQuantity": None, **members}))
    return anna


async def test_composites_find_what_fhir_says(filled: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await filled.found(f"/Observation?{query}")) == expected, query


async def test_composites_find_the_same_among_several_patients(filled: Caller, practice: Caller) -> None:
    await practice.keep(observation("Patient/bram", id="brams", component=[component("8480-6", 1)]))
    for query, expected in QUERIES.items():
        assert set(await practice.found(f"/Observation?{query}")) - {"brams"} == expected, query


async def test_composites_can_be_chained(filled: Caller) -> None:
    await filled.keep(observation(id="sum", hasMember=[reference("Observation/high"), reference("Observation/single")]))
    for composite in ("component-code-value-quantity", "code-value-quantity", "combo-code-value-quantity"):
        assert await filled.found(f"/Observation?has-member.{composite}=8480-6$160") == ["sum"], composite
        assert await filled.found(f"/Observation?has-member.{composite}=8480-6$1") == [], composite
    assert await filled.found(
        "/Observation?_has:Observation:has-member:code=29463-7&code-value-quantity=8480-6$160"
    ) == ["single"]


@pytest.mark.parametrize("value", ["8480-6", "8480-6$", "$160", "8480-6$160$1", "8480-6$x", "8480-6$160|g", "|$160"])
async def test_a_composite_that_is_not_whole_is_refused(anna: Caller, value: str) -> None:
    for name in ("component-code-value-quantity", "code-value-quantity", "combo-code-value-quantity"):
        assert (await anna.get(f"/Observation?{name}={value}")).status_code == 400, name
        assert (await anna.get(f"/Observation?{name}:not=8480-6$160")).status_code == 400


async def test_composites_of_other_types_find_what_stands_together(operator: Caller, anna: Caller) -> None:
    document = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"url": "urn:x"}}]}
    related = [
        {"code": "replaces", "target": reference("DocumentReference/a")},
        {"code": "appends", "target": reference("DocumentReference/b")},
    ]
    await anna.keep({**document, "id": "d", "subject": reference("Patient/anna"), "relatesTo": related})
    for query, expected in {
        "relationship=replaces$DocumentReference/a": ["d"],
        "relationship=appends$b": ["d"],
        "relationship=replaces$DocumentReference/b": [],
        "relationship=signs$a,appends$DocumentReference/b": ["d"],
    }.items():
        assert await anna.found(f"/DocumentReference?{query}") == expected, query

    contexts = [
        {"code": {"system": "urn:kinds", "code": "focus"}, "valueCodeableConcept": concept(SNOMED, "44054006")},
        {
            "code": {"system": "urn:kinds", "code": "age"},
            "valueRange": {"low": {"value": 18, "system": UCUM, "code": "a"}},
        },
    ]
    await operator.keep(questionnaire(id="q", useContext=contexts))
    for query, found in {
        f"context-type-value=urn:kinds|focus${SNOMED}|44054006": ["q"],
        "context-type-value=age$44054006": [],
        "context-type-quantity=age$gt20|http://unitsofmeasure.org|a": ["q"],
        "context-type-quantity=age$ge216|http://unitsofmeasure.org|mo": ["q"],
        "context-type-quantity=age$eb18|http://unitsofmeasure.org|a": [],
        "context-type-quantity=focus$gt20": [],
        "context-type-value=focus$44054006&context-quantity=gt20": ["q"],
    }.items():
        assert await operator.found(f"/Questionnaire?{query}") == found, query

    traits = [
        {
            "code": concept("urn:traits", "gender"),
            "valueCodeableConcept": concept("urn:sex", "female"),
            "exclude": False,
        },
        {"code": concept("urn:traits", "smokes"), "valueBoolean": True, "exclude": False},
    ]
    await anna.keep({"resourceType": "Group", "id": "g", "type": "person", "actual": False, "characteristic": traits})
    for query, found in {
        "characteristic-value=gender$female": ["g"],
        "characteristic-value=urn:traits|smokes$true": ["g"],
        "characteristic-value=gender$true": [],
    }.items():
        assert await anna.found(f"/Group?{query}") == found, query


async def test_composites_of_three_find_what_stands_together(anna: Caller) -> None:
    sequences: dict[str, Resource] = {
        "m": {"genomeBuild": "GRCh 38", "chromosome": concept("urn:chromosomes", "7")},
        "n": {"referenceSeqId": concept("urn:sequences", "NC_8")},
    }
    for id, named in sequences.items():
        await anna.keep(
            {
                "resourceType": "MolecularSequence",
                "id": id,
                "patient": reference("Patient/anna"),
                "coordinateSystem": 0,
                "referenceSeq": {**named, "windowStart": 10, "windowEnd": 90, "strand": "watson"},
                "variant": [{"start": 20, "end": 30}, {"start": 50, "end": 60}, {"start": 70}],
            }
        )
    for query, expected in {
        "chromosome-variant-coordinate=7$20$30": ["m"],
        "chromosome-variant-coordinate=urn:chromosomes|7$ge50$le60": ["m"],
        "chromosome-variant-coordinate=7$20$60": [],
        "chromosome-variant-coordinate=8$20$30": [],
        "chromosome-variant-coordinate=7$gt60$lt100": [],
        "referenceseqid-variant-coordinate=NC_8$lt21$gt29": ["n"],
        "referenceseqid-variant-coordinate=NC_8$lt20$gt29": [],
        "chromosome-window-coordinate=7$10$90": ["m"],
        "chromosome-window-coordinate=7$gt10$90": [],
        "referenceseqid-window-coordinate=NC_8$le10$ge90": ["n"],
        "referenceseqid-window-coordinate=7$le10$ge90": [],
    }.items():
        assert await anna.found(f"/MolecularSequence?{query}") == expected, query

"""Token parameters. https://hl7.org/fhir/R4/search.html#token"""

from __future__ import annotations

import pytest

from tests.builders import (
    CONDITION_CLINICAL,
    HEART_RATE,
    LOINC,
    SNOMED,
    WEIGHT,
    concept,
    condition,
    goal,
    observation,
    patient,
)
from tests.server.service import Caller

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
OWN = "https://zelfregie.example/codes"


@pytest.fixture
async def filled(anna: Caller, practice: Caller) -> Caller:
    """Anna, with observations whose codes differ in system and code, as a system delivered them."""
    for id, coding in {
        "weight": [{"system": LOINC, "code": WEIGHT}],
        "pulse": [{"system": LOINC, "code": HEART_RATE}],
        "both": [{"system": LOINC, "code": WEIGHT}, {"system": SNOMED, "code": "27113001"}],
        "own": [{"system": OWN, "code": WEIGHT}],
        "bare": [{"code": WEIGHT}],
        "text": [],
    }.items():
        code = {"text": "x", "coding": coding} if coding else {"text": "x"}
        await practice.keep(observation(id=id, code=code, **({} if coding else {"category": None})))
    return anna


QUERIES = {
    f"code={LOINC}|{WEIGHT}": {"weight", "both"},
    f"code={WEIGHT}": {"weight", "both", "own", "bare"},
    f"code=|{WEIGHT}": {"bare"},
    f"code={LOINC}|": {"weight", "pulse", "both"},
    f"code={OWN}|": {"own"},
    f"code={SNOMED}|{WEIGHT}": set(),
    f"code={LOINC}|{WEIGHT},{LOINC}|{HEART_RATE}": {"weight", "pulse", "both"},
    f"code={LOINC}|{HEART_RATE},{OWN}|": {"pulse", "own"},
    f"code={HEART_RATE},|{WEIGHT}": {"pulse", "bare"},
    f"code={LOINC}|{WEIGHT}&code={SNOMED}|27113001": {"both"},
    f"code={WEIGHT}&code={SNOMED}|": {"both"},
    f"code={LOINC}|{WEIGHT}&code={LOINC}|{HEART_RATE}": set(),
    f"code:not={LOINC}|{WEIGHT}": {"pulse", "own", "bare", "text"},
    f"code:not={WEIGHT}": {"pulse", "text"},
    f"code:not={LOINC}|": {"own", "bare", "text"},
    f"code:not={LOINC}|{WEIGHT},{LOINC}|{HEART_RATE}": {"own", "bare", "text"},
    f"code={WEIGHT}&code:not={LOINC}|{WEIGHT}": {"own", "bare"},
    "code:missing=true": set(),
    "category:missing=true": {"text"},
    "category:missing=false": {"weight", "pulse", "both", "own", "bare"},
    "code=unknown": set(),
    "code:not=unknown": {"weight", "pulse", "both", "own", "bare", "text"},
    f"code={WEIGHT.lower()}-x": set(),
    "status=final": {"weight", "pulse", "both", "own", "bare", "text"},
    "status=|final": {"weight", "pulse", "both", "own", "bare", "text"},
    "status=http://hl7.org/fhir/observation-status|final": {"weight", "pulse", "both", "own", "bare", "text"},
    "status=amended,final": {"weight", "pulse", "both", "own", "bare", "text"},
    f"status={LOINC}|final": set(),
    "status:not=final": set(),
    "status:missing=true": set(),
}


async def test_tokens_find_what_fhir_says(filled: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await filled.found(f"/Observation?{query}")) == expected, query


async def test_tokens_find_the_same_among_several_patients(filled: Caller, practice: Caller) -> None:
    await practice.keep(observation("Patient/bram", id="brams", code=concept(LOINC, HEART_RATE), status="amended"))
    for query, expected in QUERIES.items():
        found = set(await practice.found(f"/Observation?{query}"))
        assert found - {"brams"} == expected, query
    assert "brams" in await practice.found(f"/Observation?code={LOINC}|{HEART_RATE}")
    assert "brams" in await practice.found("/Observation?status:not=final")


async def test_conditions_on_different_parameters_are_all_to_hold(filled: Caller) -> None:
    await filled.keep(observation(id="older", status="amended"))
    query = f"code={LOINC}|{WEIGHT}&status=amended&category=vital-signs"
    assert await filled.found(f"/Observation?{query}") == ["older"]


async def test_identifiers_booleans_contact_points_and_codes_are_tokens(anna: Caller) -> None:
    telecom = [
        {"system": "email", "value": "anna@example.org", "use": "home"},
        {"system": "phone", "value": "0612345678"},
    ]
    identifier = [{"system": "urn:practice", "value": "p-1"}, {"value": "bare"}]
    await anna.keep(patient("anna", active=True, gender="female", telecom=telecom, identifier=identifier))
    for query in (
        "active=true",
        "gender=female",
        "email=anna@example.org",
        "phone=0612345678",
        "telecom=0612345678",
        "identifier=urn:practice|p-1",
        "identifier=p-1",
        "identifier=|bare",
        "identifier=urn:practice|",
    ):
        assert await anna.found(f"/Patient?{query}") == ["anna"], query
    for query in ("active=false", "gender=male", "email=0612345678", "identifier=|p-1", "identifier=urn:other|p-1"):
        assert await anna.found(f"/Patient?{query}") == [], query


async def test_codes_are_compared_letter_by_letter(anna: Caller) -> None:
    await anna.keep(goal(id="g", identifier=[{"system": "urn:a", "value": "AbC"}]))
    assert await anna.found("/Goal?identifier=urn:a|AbC") == ["g"]
    assert await anna.found("/Goal?identifier=urn:a|abc") == []
    assert await anna.found("/Goal?identifier=urn:a|Ab") == []


@pytest.mark.parametrize("value", ["a,b", "a|b", "a$b", "a\\b", "a b", "a+b", "é", "100%", "'; --", '"', "a&b"])
async def test_values_with_signs_of_their_own_can_be_escaped(anna: Caller, value: str) -> None:
    await anna.keep(goal(id="g", identifier=[{"system": "urn:a", "value": value}]))
    escaped = "".join(f"\\{letter}" if letter in "\\,|$" else letter for letter in value)
    quoted = "".join(f"%{byte:02X}" for byte in escaped.encode())
    assert await anna.found(f"/Goal?identifier=urn:a|{quoted}") == ["g"]
    assert await anna.found(f"/Goal?identifier={quoted}") == ["g"]
    assert await anna.found(f"/Goal?identifier={quoted},other") == ["g"]


@pytest.mark.parametrize("query", ["code=", "code=|", "code=,", "code:missing=perhaps", "code:missing="])
async def test_a_token_that_says_nothing_is_refused(anna: Caller, query: str) -> None:
    answer = await anna.get(f"/Observation?{query}")
    assert answer.status_code == 400


@pytest.mark.parametrize("modifier", ["of-type", "exact", "contains", "identifier", "Patient", "nonsense"])
async def test_modifiers_that_are_not_there_are_refused_by_name(anna: Caller, modifier: str) -> None:
    answer = await anna.get(f"/Observation?code:{modifier}=x")
    assert answer.status_code == 400
    assert f"code:{modifier}" in answer.text


async def test_two_tokens_of_one_type_are_found_whatever_leads(anna: Caller) -> None:
    active = await anna.create(condition(verificationStatus=concept(VERIFICATION, "confirmed")))
    await anna.create(
        condition(
            clinicalStatus=concept(CONDITION_CLINICAL, "resolved"),
            verificationStatus=concept(VERIFICATION, "confirmed"),
        )
    )
    for query in (
        "clinical-status=active&verification-status=confirmed",
        "verification-status=confirmed&clinical-status=active",
    ):
        assert await anna.found(f"/Condition?{query}") == [active["id"]]


# --- modifiers --------------------------------------------------------------------------------------------------------

KINDS = "https://zelfregie.example/fhir/CodeSystem/dieren"
ANIMALS = "https://zelfregie.example/fhir/ValueSet/huisdieren"


@pytest.fixture
async def worded(anna: Caller) -> Caller:
    """Anna, with observations whose codes have texts."""
    for id, code in {
        "display": {"coding": [{"system": LOINC, "code": WEIGHT, "display": "Body weight"}]},
        "text": {"text": "Gewicht thuis"},
        "both": {"coding": [{"system": LOINC, "code": WEIGHT, "display": "BODY  Wéight"}], "text": "Gewicht"},
        "long": {"text": "Gewicht " + "x" * 4000},
        "none": {"coding": [{"system": LOINC, "code": WEIGHT}]},
    }.items():
        await anna.keep(observation(id=id, code=code, category=None))
    return anna


async def test_texts_that_belong_to_a_code_find_it(worded: Caller, practice: Caller) -> None:
    for query, expected in {
        "code:text=body weight": {"display", "both"},
        "code:text=BODY": {"display", "both"},
        "code:text=weight": set(),
        "code:text=gewicht": {"text", "both", "long"},
        "code:text=Gewicht t": {"text"},
        "code:text=gewicht,body": {"text", "both", "long", "display"},
        f"code:text=gewicht {'x' * 100}": {"long"},
        f"code:text={WEIGHT}": set(),
        "code:text=gewicht&code:text=body": {"both"},
        "combo-code:text=body": {"display", "both"},
        "code=gewicht": set(),
    }.items():
        assert set(await worded.found(f"/Observation?{query}")) == expected, query
        assert set(await practice.found(f"/Observation?{query}")) == expected, query


async def test_identifiers_are_found_by_their_type(anna: Caller) -> None:
    v2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
    kind = {"coding": [{"system": v2, "code": "MR"}], "text": "Patiëntnummer"}
    for id, identifier in {
        "typed": {"type": kind, "system": "urn:a", "value": "12|3"},
        "other": {"type": {"coding": [{"system": v2, "code": "VN"}]}, "value": "12|3"},
        "bare": {"system": "urn:a", "value": "12|3"},
    }.items():
        await anna.keep(goal(id=id, identifier=[identifier]))
    for query, expected in {
        f"identifier:of-type={v2}|MR|12%5C|3": {"typed"},
        f"identifier:of-type={v2}|VN|12%5C|3": {"other"},
        f"identifier:of-type={v2}|MR|12": set(),
        "identifier:of-type=urn:a|MR|12%5C|3": set(),
        f"identifier:of-type={v2}|MR|12%5C|3,{v2}|VN|12%5C|3": {"typed", "other"},
        "identifier:text=patientn": {"typed"},
        "identifier=12%5C|3": {"typed", "other", "bare"},
        "identifier:not=urn:a|12%5C|3": {"other"},
    }.items():
        assert set(await anna.found(f"/Goal?{query}")) == expected, query


@pytest.mark.parametrize("value", ["MR|1", "a|MR|1|2", "a||1", "a|MR|", "1"])
async def test_a_type_without_code_or_value_is_refused(anna: Caller, value: str) -> None:
    assert (await anna.get(f"/Goal?identifier:of-type={value}")).status_code == 400


@pytest.fixture
async def animals(anna: Caller, operator: Caller) -> Caller:
    """Anna, with observations of animals, of which the operator has a code system and a value set."""
    concepts = [
        {
            "code": "dier",
            "concept": [
                {"code": "zoogdier", "concept": [{"code": "hond"}, {"code": "kat"}]},
                {"code": "vogel", "concept": [{"code": "mus"}]},
            ],
        }
    ]
    system = {"resourceType": "CodeSystem", "id": "dieren", "url": KINDS, "status": "active", "content": "complete"}
    await operator.keep({**system, "hierarchyMeaning": "is-a", "concept": concepts})
    include = [{"system": KINDS, "concept": [{"code": "hond"}, {"code": "kat"}]}]
    value_set = {"resourceType": "ValueSet", "id": "huisdieren", "url": ANIMALS, "status": "active"}
    await operator.keep({**value_set, "compose": {"include": include}})
    for code in ("dier", "zoogdier", "hond", "kat", "mus"):
        await anna.keep(observation(id=code, code=concept(KINDS, code), category=None))
    await anna.keep(observation(id="elders", code=concept("urn:elders", "hond"), category=None))
    await anna.keep(observation(id="geheel", hasMember=[{"reference": "Observation/kat"}]))
    return anna


MEANINGS = {
    f"code:in={ANIMALS}": {"hond", "kat"},
    "code:in=ValueSet/huisdieren": {"hond", "kat"},
    f"code:not-in={ANIMALS}": {"dier", "zoogdier", "mus", "elders", "geheel"},
    f"code:below={KINDS}|zoogdier": {"zoogdier", "hond", "kat"},
    f"code:below={KINDS}|mus": {"mus"},
    f"code:below={KINDS}|hond,{KINDS}|vogel": {"hond", "mus"},
    f"code:above={KINDS}|kat": {"dier", "zoogdier", "kat"},
    f"code:above={KINDS}|dier": {"dier"},
    f"combo-code:in={ANIMALS}": {"hond", "kat"},
    f"has-member.code:in={ANIMALS}": {"geheel"},
    f"has-member.code:below={KINDS}|vogel": set(),
    f"_has:Observation:has-member:code:below={LOINC}-none|x": None,
    f"code:in={ANIMALS}&status=final": {"hond", "kat"},
    f"code:in={ANIMALS}&code:below={KINDS}|hond": {"hond"},
}


async def test_codes_are_found_by_what_they_mean(animals: Caller, practice: Caller) -> None:
    for query, expected in MEANINGS.items():
        for caller in (animals, practice):
            if expected is None:
                assert (await caller.get(f"/Observation?{query}")).status_code == 400, query
            else:
                assert set(await caller.found(f"/Observation?{query}")) == expected, query


async def test_codes_of_an_element_are_found_by_what_they_mean(animals: Caller) -> None:
    found = await animals.found("/Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender")
    assert found == []
    await animals.keep(patient("anna", gender="female"))
    found = await animals.found("/Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender")
    assert found == ["anna"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("code:in=http://elders.example/ValueSet/x", "http://elders.example/ValueSet/x"),
        ("code:in=ValueSet/nergens", "ValueSet/nergens"),
        ("code:below=http://elders.example/CodeSystem/x|1", "http://elders.example/CodeSystem/x"),
        ("code:below=hond", "system|code"),
        ("code:above=|hond", "system|code"),
        ("status:text=final", "status:text"),
    ],
)
async def test_what_is_not_held_or_not_said_is_refused_by_name(anna: Caller, query: str, named: str) -> None:
    answer = await anna.get(f"/Observation?{query}")
    assert answer.status_code == 400
    assert named in answer.text


async def test_codes_of_any_length_are_found(anna: Caller) -> None:
    long = "".join(chr(97 + place * place % 26) for place in range(5000))
    await anna.keep(goal(id="one", identifier=[{"system": "urn:a", "value": long}]))
    await anna.keep(goal(id="other", identifier=[{"system": "urn:a", "value": f"{long}x"}]))
    assert await anna.found(f"/Goal?identifier=urn:a|{long}") == ["one"]
    assert await anna.found(f"/Goal?identifier={long}") == ["one"]
    assert await anna.found(f"/Goal?identifier={long}x") == ["other"]


async def test_what_an_extension_holds_is_a_token(anna: Caller) -> None:
    gene = "http://hl7.org/fhir/StructureDefinition/observation-geneticsGene"
    await anna.keep(observation(id="g", extension=[{"url": gene, "valueCodeableConcept": concept("urn:genes", "1")}]))
    assert await anna.found("/Observation?gene-identifier=urn:genes|1") == ["g"]
    assert await anna.found("/Observation?gene-identifier=1") == ["g"]
    assert await anna.found("/Observation?gene-identifier:missing=false") == ["g"]

"""Uri parameters. https://hl7.org/fhir/R4/search.html#uri"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from app.config import CANONICAL_BASE
from app.server.packages.built_in import resources as published
from tests.builders import observation, questionnaire
from tests.server.service import Caller

URLS = {
    "root": "http://acme.example/fhir",
    "slash": "http://acme.example/fhir/",
    "set": "http://acme.example/fhir/ValueSet/123",
    "version": "http://acme.example/fhir/ValueSet/123/_history/5",
    "sister": "http://acme.example/fhirs/ValueSet/123",
    "case": "http://acme.example/FHIR/ValueSet/123",
    "oid": "urn:oid:1.2.3.4",
}
OURS = {each["id"]: each["url"] for _, each in published(CANONICAL_BASE) if each["resourceType"] == "Questionnaire"}
"""Those that the service publishes itself."""
QUERIES = {
    "url=http://acme.example/fhir/ValueSet/123": {"set"},
    "url=http://acme.example/fhir": {"root"},
    "url=http://acme.example/FHIR/ValueSet/123": {"case"},
    "url=http://acme.example/fhir/ValueSet/12": set(),
    "url=urn:oid:1.2.3.4": {"oid"},
    "url=urn:oid:1.2.3": set(),
    "url=urn:oid:1.2.3.4,http://acme.example/fhir": {"oid", "root"},
    "url:below=http://acme.example/fhir/": {"slash", "set", "version"},
    "url:below=http://acme.example/fhir": {"root", "slash", "set", "version", "sister"},
    "url:below=http://acme.example/fhir/ValueSet/123": {"set", "version"},
    "url:below=http://acme.example/fhir/,http://acme.example/FHIR/": {"slash", "set", "version", "case"},
    "url:below=https://": set(OURS),
    "url:above=http://acme.example/fhir/ValueSet/123/_history/5": {"root", "slash", "set", "version"},
    "url:above=http://acme.example/fhir/ValueSet/1234": {"root", "slash"},
    "url:above=http://acme.example/fhirs": set(),
    "url:missing=true": {"none", "mood"},
    "url:missing=false": {*URLS, *OURS},
}


@pytest.fixture
async def filled(operator: Caller) -> Caller:
    for id, url in URLS.items():
        await operator.keep(questionnaire(id=id, url=url))
    await operator.keep(questionnaire(id="none"))
    return operator


async def test_addresses_find_what_fhir_says(filled: Caller, anna: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await filled.found(f"/Questionnaire?{query}")) == expected, query
        assert set(await anna.found(f"/Questionnaire?{query}")) == expected, query


async def test_addresses_sort_letter_by_letter(filled: Caller) -> None:
    found = await filled.found("/Questionnaire?_sort=url&url:missing=false")
    every = URLS | OURS
    assert found == sorted(every, key=lambda id: every[id])


@pytest.mark.parametrize("modifier", ["below", "above"])
async def test_a_urn_is_not_above_or_below_another(operator: Caller, modifier: str) -> None:
    assert (await operator.get(f"/Questionnaire?url:{modifier}=urn:oid:1.2.3")).status_code == 400


@pytest.mark.parametrize("modifier", ["text", "contains", "exact", "in", "not"])
async def test_what_is_no_modifier_of_addresses_is_refused(operator: Caller, modifier: str) -> None:
    assert (await operator.get(f"/Questionnaire?url:{modifier}=http://x")).status_code == 400


async def test_profiles_and_sources_are_found(anna: Caller) -> None:
    profile = "http://nictiz.nl/fhir/StructureDefinition/nl-core-BodyWeight"
    await anna.keep(observation(id="with", meta={"profile": [f"{profile}|2.0"], "source": "urn:apps:weegschaal"}))
    await anna.keep(observation(id="bare", meta={"profile": [profile]}))
    await anna.keep(observation(id="none"))
    for query, expected in {
        f"_profile={profile}": {"with", "bare"},
        f"_profile={quote(profile + '|2.0')}": {"with"},
        f"_profile={quote(profile + '|3.0')}": set(),
        "_profile:below=http://nictiz.nl/fhir/": {"with", "bare"},
        "_profile:missing=true": {"none"},
        "_source=urn:apps:weegschaal": {"with"},
        "_source:missing=false": {"with"},
        f"_profile={profile}&_source=urn:apps:weegschaal": {"with"},
    }.items():
        assert set(await anna.found(f"/Observation?{query}")) == expected, query


async def test_an_address_with_signs_of_its_own_can_be_escaped(operator: Caller) -> None:
    await operator.keep(questionnaire(id="odd", url="http://acme.example/a,b$c?x=1&y=2"))
    asked = quote("http://acme.example/a\\,b\\$c?x=1&y=2", safe="")
    assert await operator.found(f"/Questionnaire?url={asked}") == ["odd"]
    assert await operator.found(f"/Questionnaire?url:below={asked}") == ["odd"]


async def test_addresses_of_any_length_are_found(operator: Caller) -> None:
    long = "http://acme.example/" + "".join(chr(97 + place * place % 26) for place in range(5000))
    await operator.keep(questionnaire(id="one", url=long))
    await operator.keep(questionnaire(id="other", url=f"{long}x"))
    assert await operator.found(f"/Questionnaire?url={long}") == ["one"]
    assert set(await operator.found(f"/Questionnaire?url:below={long[:300]}")) == {"one", "other"}
    assert (await operator.get(f"/Questionnaire?url:above={long}")).status_code == 400

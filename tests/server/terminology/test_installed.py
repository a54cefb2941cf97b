"""Terminology of installed packages through the API, on both databases: both of Nictiz's, and a subset of one's own.

https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.fhir.packages.reading import read
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.server.packages.keeping import install, remove
from tests.builders import SNOMED
from tests.packages import made
from tests.server.service import Caller, Service, codes, running_service
from tests.server.terminology.test_expand import code_system, listed, value_set
from tests.server.terminology.test_translate import matches
from tests.server.terminology.test_validate_code import told
from tests.terminology.official import R4, STU3, packages, second_opinion

NOW = 1_760_000_000_000_000
ALERTNESS = "http://decor.nictiz.nl/fhir/ValueSet/2.16.840.1.113883.2.4.3.11.60.40.2.12.12.1--20200901000000"

CLOTHING = "http://decor.nictiz.nl/fhir/ValueSet/2.16.840.1.113883.2.4.3.11.60.40.2.12.1.1--20200901000000"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def installed_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A database of its own on each engine: what is installed stays."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('installed') / 'zelfregie.db'}"
        return
    databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="module")
async def installed(
    installed_url: str, tmp_path_factory: pytest.TempPathFactory, fhir_definitions: Path
) -> AsyncIterator[Service]:
    async with running_service(installed_url, tmp_path_factory.mktemp("installed")) as service:
        both = [*packages(fhir_definitions, R4), *packages(fhir_definitions, STU3)]
        await install(service.database, both, now=NOW)
        yield service


@pytest.fixture
def reader(installed: Service) -> Caller:
    return installed.caller("anna-reader")


async def test_every_value_set_is_expanded_or_says_which_system_is_not_held(
    reader: Caller, fhir_definitions: Path
) -> None:
    expanded = refused = 0
    for version in (R4, STU3):
        opinion = second_opinion(fhir_definitions, version)
        for url in opinion.value_sets:
            wanted, lacking = opinion.of_value_set(url)
            answer = await reader.get(f"/ValueSet/$expand?url={quote(url)}")
            if answer.status_code == 200:
                found = decode(answer.content)["expansion"]
                assert {(each["system"], each["code"]) for each in found.get("contains", ())} >= wanted, url
                assert found["total"] == len(found.get("contains", ()))
                # A code system of the one package can be what a value set of the other needs.
                assert version == STU3 or not lacking, url
                expanded += 1
            else:
                assert (answer.status_code, codes(answer)) == (422, ["not-found"]), url
                assert lacking, url
                named = {each for each in lacking if each in answer.text}
                assert named, url
                assert version == STU3 or named == lacking, url
                refused += 1
    assert (expanded, refused) == (373, 160)


def versioned(root: Any) -> str:
    """The canonical of a concept map as it is in one package; six of them are in both."""
    version = root.find("{http://hl7.org/fhir}version")
    url = root.find("{http://hl7.org/fhir}url").get("value")
    return url if version is None else f"{url}|{version.get('value')}"


async def test_every_concept_map_translates_there_and_back(reader: Caller, fhir_definitions: Path) -> None:
    for version in (R4, STU3):
        opinion = second_opinion(fhir_definitions, version)
        for row in {(each.map, each.source, each.code, each.to): each for each in opinion.rows()}.values():
            url = versioned(opinion.concept_maps[row.map])
            query = f"url={quote(url)}&system={quote(row.source)}&code={quote(row.code)}"
            found = matches(await reader.get(f"/ConceptMap/$translate?{query}"))
            said = {(each["equivalence"], each.get("concept", {}).get("code", "")) for each in found}
            assert (row.equivalence, row.to) in said, row
            assert {each["source"] for each in found} == {url}
            if row.to and row.equivalence not in ("unmatched", "disjoint"):
                back = f"url={quote(url)}&system={quote(row.target)}&code={quote(row.to)}&reverse=true"
                returned = matches(await reader.get(f"/ConceptMap/$translate?{back}"))
                assert row.code in {each["concept"]["code"] for each in returned}, row


async def test_of_a_concept_map_that_both_packages_have_the_one_of_r4_is_meant(reader: Caller) -> None:
    url = "http://nictiz.nl/fhir/ConceptMap/ErnstCodelijst-to-AllergyIntoleranceSeverity"
    for named, source in ((url, f"{url}|0.0.1"), (f"{url}|2.0.4", f"{url}|2.0.4")):
        found = matches(await reader.get(f"/ConceptMap/$translate?url={named}&system={SNOMED}&code=255604002"))
        assert [(each["source"], each["concept"]["code"]) for each in found] == [(source, "mild")]


async def test_words_in_dutch_and_english(installed: Service, reader: Caller) -> None:
    spoken = {}
    for language in ("nl", "en"):
        answer = await reader.get(
            f"/ValueSet/$expand?url={CLOTHING}&displayLanguage={language}&includeDesignations=true"
        )
        assert answer.status_code == 200, answer.text
        body = decode(answer.content)
        assert [each for each in validate(body, installed.server.definitions) if each.severity == "error"] == []
        spoken[language] = [each["display"] for each in body["expansion"]["contains"]]
    assert (spoken["nl"][-1], spoken["en"][-1]) == ("Luier", "Diaper")
    assert len(spoken["nl"]) == len(spoken["en"]) == 4


async def test_a_code_of_an_installed_system_is_looked_up_and_checked(reader: Caller) -> None:
    system = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.20.1"
    answer = await reader.get(f"/CodeSystem/$lookup?system={system}&code=Alert1")
    assert answer.status_code == 200, answer.text
    assert told(await reader.get(f"/CodeSystem/$validate-code?url={system}&code=Alert1"))["result"] is True
    assert told(await reader.get(f"/CodeSystem/$validate-code?url={system}&code=never"))["result"] is False
    agb = "urn:oid:2.16.840.1.113883.2.4.6.7"
    found = told(await reader.get(f"/CodeSystem/$validate-code?url={agb}&code=0100"))
    assert found == {
        "result": False,
        "message": f"The code system {agb} is not held wholly here. Nothing of it is held, so it cannot be told.",
    }


async def test_a_version_chooses_and_the_catalogue_comes_first(installed: Service, reader: Caller) -> None:
    operator = installed.caller("operator")
    own = value_set("own", {"system": "urn:mine", "concept": [{"code": "x"}]}, url=ALERTNESS, version="mine")
    await operator.keep(own)
    try:
        assert listed(decode((await reader.get(f"/ValueSet/$expand?url={ALERTNESS}")).content)) == ["x"]
        official = f"{ALERTNESS}|2020-09-01T00:00:00"
        assert len(listed(decode((await reader.get(f"/ValueSet/$expand?url={official}")).content))) == 5
    finally:
        await operator.delete("/ValueSet/own")
    assert len(listed(decode((await reader.get(f"/ValueSet/$expand?url={ALERTNESS}")).content))) == 5


def subset() -> tuple[Resource, Resource, Resource]:
    """A part of SNOMED CT with its hierarchy, more words for it, and a value set that needs it."""
    concepts = [
        {"code": "1", "display": "One"},
        {"code": "2", "display": "Two", "property": [{"code": "parent", "valueCode": "1"}]},
    ]
    part = code_system(url=SNOMED, content="fragment", language="en", version="2026", concept=concepts)
    dutch = {"code": "2", "display": "Twee"}
    words = code_system(
        url="urn:nl", content="supplement", supplements=SNOMED, language="nl", version="1", concept=[dutch]
    )
    needs = value_set("needs", {"system": SNOMED, "concept": [{"code": "2"}]}, version="1", name="Needs")
    return tuple({name: value for name, value in each.items() if name != "id"} for each in (part, words, needs))  # type: ignore[return-value]


async def test_a_subset_of_snomed_ct_is_used_as_far_as_it_goes(
    installed: Service, reader: Caller, tmp_path: Path
) -> None:
    assert told(await reader.get(f"/CodeSystem/$validate-code?url={SNOMED}&code=2"))["result"] is False
    await install(installed.database, read(made.folder(tmp_path, made.files_of(*subset()))), now=NOW)
    try:
        checked = told(await reader.get(f"/CodeSystem/$validate-code?url={SNOMED}&code=2&displayLanguage=nl"))
        assert checked == {"result": True, "display": "Twee"}
        other = told(await reader.get(f"/CodeSystem/$validate-code?url={SNOMED}&code=3"))
        assert "not held wholly here" in other["message"]
        assert told(await reader.get(f"/CodeSystem/$subsumes?system={SNOMED}&codeA=1&codeB=2")) == {
            "outcome": "subsumes"
        }
        expanded = decode((await reader.get("/ValueSet/$expand?url=urn:vs:needs", {"accept-language": "nl"})).content)
        assert [each["display"] for each in expanded["expansion"]["contains"]] == ["Twee"]
        found = await reader.found(f"/Condition?code:below={SNOMED}|1")
        assert found == []
    finally:
        await remove(installed.database, f"{made.NAME}#1.0.0")
    gone = await reader.get("/ValueSet/$expand?url=urn:vs:needs")
    assert (gone.status_code, codes(gone)) == (404, ["not-found"])


async def test_nothing_is_made_twice_of_the_definitions_that_are_served(service: Service) -> None:
    profiles = await service.server.packages.profiles(service.database)
    terminology = await service.server.packages.terminology(service.database)
    assert profiles.definitions is service.server.definitions
    assert terminology is await service.server.packages.terminology(service.database)

"""``Patient/$bgz``: the 28 requests in one call."""

from __future__ import annotations

import pytest

from app.bgz.parts import bgz_sections
from app.fhir.resource import decode
from app.fhir.xml import from_xml
from tests import builders
from tests.bgz.records import addresses, keep_one_of_each, laboratory, pressure
from tests.medmij_profiles.package import definitions
from tests.server.grants import token_with
from tests.server.service import Caller, Service, codes, link

PATH = "/Patient/anna/$bgz"


def test_the_table_has_every_request_of_the_standard() -> None:
    assert len(bgz_sections()) == 28
    assert len({each.request for each in bgz_sections().values()}) == 28


async def test_every_section_has_what_its_request_finds_and_nothing_else(anna: Caller) -> None:
    kept = await keep_one_of_each(anna)
    kept["patient"] = {"Patient/anna"}
    for section in bgz_sections():
        bundle = await anna.bundle(f"{PATH}?section={section}")
        assert set(addresses(bundle)) == kept[section], section
    everything = {address for section, listed in kept.items() if section for address in listed}
    found = addresses(await anna.bundle(PATH))
    assert set(found) == everything
    assert len(found) == len(everything)


async def test_what_is_referred_to_comes_with_it(anna: Caller, practice: Caller) -> None:
    await keep_one_of_each(anna)
    bundle = await anna.bundle(f"{PATH}?section=medication-agreement")
    assert addresses(bundle, "include") == ["Medication/metformin"]


async def test_of_what_is_measured_often_only_the_newest_comes_and_never_an_error(anna: Caller) -> None:
    for day in (3, 9, 6):
        await anna.create(pressure(130 + day, effectiveDateTime=f"2026-10-0{day}T08:00:00Z"))
        await anna.create(laboratory(effectiveDateTime=f"2026-10-0{day}T08:00:00Z"))
    wrong = await anna.create(pressure(180, effectiveDateTime="2026-10-20T08:00:00Z"))
    await anna.put(f"/Observation/{wrong['id']}", {**wrong, "status": "entered-in-error"})
    bundle = await anna.bundle(f"{PATH}?section=blood-pressure,laboratory")
    assert [each["resource"]["effectiveDateTime"][:10] for each in bundle["entry"]] == ["2026-10-09", "2026-10-09"]


@pytest.mark.parametrize("section", ["blood-pressure", "body-weight", "body-height", "laboratory", "problems"])
async def test_a_section_is_what_a_search_finds(anna: Caller, section: str) -> None:
    await keep_one_of_each(anna)
    for day in range(1, 8):
        await anna.create(builders.observation(effectiveDateTime=f"2026-09-0{day}T08:00:00Z"))
        await anna.create(laboratory(code={"text": f"Bepaling {day % 3}"}))
    lab = "http://snomed.info/sct|275711006,http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
    searches = {
        "blood-pressure": "/Observation/$lastn?code=http://loinc.org|85354-9",
        "body-weight": "/Observation/$lastn?code=http://loinc.org|29463-7",
        "body-height": "/Observation/$lastn?code=http://loinc.org|8302-2",
        "laboratory": f"/Observation/$lastn?category={lab}",
        "problems": "/Condition",
    }
    searched = await anna.bundle(searches[section])
    assert sorted(addresses(await anna.bundle(f"{PATH}?section={section}"))) == sorted(addresses(searched))


async def test_pages_have_everything_once_with_a_writer_in_between(anna: Caller) -> None:
    stored = [await anna.create(builders.condition()) for _ in range(10)]
    first = await anna.bundle(f"{PATH}?_count=4")
    changed = stored[8]
    await anna.put(f"/Condition/{changed['id']}", {**changed, "note": [{"text": "later"}]})
    await anna.delete(f"/Condition/{stored[9]['id']}")
    born = await anna.create(builders.condition())
    pages = [first]
    while (following := link(pages[-1], "next")) is not None:
        pages.append(await anna.bundle(following))
    found = [each for page in pages for each in addresses(page)]
    expected = ["Patient/anna", *(f"Condition/{each['id']}" for each in (*stored[:8], changed))]
    assert found == expected
    assert f"Condition/{born['id']}" not in found
    assert pages[-1]["entry"][-1]["resource"]["note"] == [{"text": "later"}]


async def test_a_page_link_is_of_this_call_only(anna: Caller, bram: Caller) -> None:
    for _ in range(3):
        await anna.create(builders.condition())
    following = link(await anna.bundle(f"{PATH}?_count=2"), "next")
    assert following is not None
    assert codes(await anna.get(following.replace("_count=2", "_count=3"))) == ["value"]
    assert (await bram.get(following)).status_code == 404


async def test_since_leaves_out_what_did_not_change(anna: Caller) -> None:
    before = await anna.create(builders.condition())
    after = await anna.create(builders.condition())
    bundle = await anna.bundle(f"{PATH}?_since={after['meta']['lastUpdated']}")
    assert addresses(bundle) == [f"Condition/{after['id']}"]
    assert before["meta"]["lastUpdated"] < after["meta"]["lastUpdated"]


async def test_what_may_not_be_seen_is_absent_and_nothing_tells(service: Service, anna: Caller) -> None:
    await keep_one_of_each(anna)
    answer = await service.caller("anna-measurements").get(PATH)
    bundle = decode(answer.content)
    types = {each["resource"]["resourceType"] for each in bundle["entry"]}
    assert types == {"Patient", "Observation"}
    assert "OperationOutcome" not in answer.text
    assert "metformin" not in answer.text.casefold()


async def test_scopes_are_kept_to(service: Service, anna: Caller) -> None:
    await keep_one_of_each(anna)
    narrow = await token_with(service, "patient/Patient.rs patient/Condition.rs", "anna")
    found = addresses(await narrow.bundle(PATH))
    assert {each.partition("/")[0] for each in found} == {"Patient", "Condition"}
    code = "http://loinc.org|29463-7"
    weight = await token_with(service, f"patient/Patient.rs patient/Observation.rs?code={code}", "anna")
    found = addresses(await weight.bundle(PATH))
    assert [each.partition("/")[0] for each in found] == ["Patient", "Observation"]


async def test_it_is_one_patients_only(anna: Caller, bram: Caller, practice: Caller) -> None:
    await keep_one_of_each(anna)
    assert (await bram.get(PATH)).status_code == 404
    assert addresses(await bram.bundle("/$bgz")) == ["Patient/bram"]
    assert codes(await practice.get("/$bgz")) == ["too-costly"]
    assert len(addresses(await practice.bundle(PATH))) > 20


async def test_an_empty_record_and_wrong_questions(anna: Caller) -> None:
    assert addresses(await anna.bundle("/$bgz")) == ["Patient/anna"]
    assert "entry" not in await anna.bundle(f"{PATH}?section=problems")
    assert codes(await anna.get(f"{PATH}?section=diagnoses")) == ["value"]
    assert codes(await anna.get(f"{PATH}?patient=anna")) == ["not-supported"]


async def test_it_is_given_in_xml_and_by_post_too(anna: Caller) -> None:
    await anna.create(builders.condition())
    answer = await anna.get(PATH, {"accept": "application/fhir+xml"})
    assert len(from_xml(answer.content, definitions())["entry"]) == 2
    body = {"resourceType": "Parameters", "parameter": [{"name": "section", "valueCode": "problems"}]}
    assert len(decode((await anna.post(PATH, body)).content)["entry"]) == 1

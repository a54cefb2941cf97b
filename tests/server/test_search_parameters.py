"""Which parameters are taken, and whose data a search is about. https://hl7.org/fhir/R4/search.html#errors"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.builders import appointment, consent, goal, observation, provenance, task
from tests.server.service import BASE, Caller, codes, issues, link


async def test_an_unknown_parameter_is_an_error_that_names_it(anna: Caller) -> None:
    answer = await anna.get("/Observation?nonsense=1&code=x&another=2")
    assert answer.status_code == 400
    assert codes(answer) == ["not-supported", "not-supported"]
    assert [issue["expression"] for issue in issues(answer)] == [["http.nonsense"], ["http.another"]]
    assert "'nonsense'" in issues(answer)[0]["diagnostics"]


async def test_an_unknown_parameter_is_passed_over_on_request(anna: Caller) -> None:
    made = await anna.create(observation())
    answer = await anna.get("/Observation?nonsense=1&code=29463-7", {"Prefer": "handling=lenient"})
    assert answer.status_code == 200
    assert made["id"] in answer.text
    assert f'"{BASE}/Observation?code=29463-7"' in answer.text


async def test_lenience_does_not_extend_to_values_that_cannot_be_read(anna: Caller) -> None:
    answer = await anna.get("/Observation?date=yesterday", {"Prefer": "handling=lenient"})
    assert answer.status_code == 400


async def test_a_search_that_would_keep_the_database_busy_is_refused(anna: Caller) -> None:
    for query, most in ((f"code={','.join(f'c{number}' for number in range(101))}", "100"), ("code=x&" * 21, "20")):
        answer = await anna.get(f"/Observation?{query}")
        assert answer.status_code == 400
        assert codes(answer) == ["too-costly"]
        assert most in issues(answer)[0]["diagnostics"]
    assert await anna.found(f"/Observation?{'code=x&' * 20}") == []
    assert await anna.found(f"/Observation?code={','.join(f'c{number}' for number in range(100))}") == []


async def test_strictness_can_be_asked_for(anna: Caller) -> None:
    answer = await anna.get("/Observation?nonsense=1", {"Prefer": "handling=strict"})
    assert answer.status_code == 400


async def test_all_wrong_parameters_are_named_at_once(anna: Caller) -> None:
    answer = await anna.get("/Observation?date=x&code=&_count=y&_sort=z&foo=1")
    assert answer.status_code == 400
    assert {issue["expression"][0] for issue in issues(answer)} == {
        "http.date",
        "http.code",
        "http._count",
        "http._sort",
        "http.foo",
    }


@pytest.mark.parametrize("name", ["_text", "_content", "_filter", "_query"])
async def test_what_is_not_offered_is_refused_by_name(anna: Caller, name: str) -> None:
    answer = await anna.get(f"/Observation?{name}=x")
    assert answer.status_code == 400
    assert codes(answer) == ["not-supported"]
    assert f"'{name}' is not supported" in issues(answer)[0]["diagnostics"]


@pytest.mark.parametrize(
    "value", ["anna", "Patient/anna", f"{BASE}/Patient/anna", "https://elders.example/fhir/Patient/anna"]
)
@pytest.mark.parametrize("name", ["patient", "subject", "subject:Patient", "patient:Patient"])
async def test_owner_parameters_name_the_patient(anna: Caller, practice: Caller, name: str, value: str) -> None:
    own = await anna.create(observation())
    await anna.create(observation(None))
    await practice.create(observation("Patient/bram"))
    expected = [] if "elders" in value else [own["id"]]
    for caller in (anna, practice):
        answer = await caller.get(f"/Observation?{name}={quote(value)}")
        if ":" in name and value.startswith("https://elders"):
            assert answer.status_code in (200, 400)
        else:
            assert await caller.found(f"/Observation?{name}={quote(value)}") == expected


async def test_an_owner_who_is_not_the_callers_finds_nothing(anna: Caller, practice: Caller) -> None:
    await anna.create(observation())
    for query in (
        "patient=bram",
        "patient=nobody",
        "subject=Patient/bram",
        "subject=Group/1",
        "subject:Group=1",
        "patient=anna&subject=Patient/bram",
    ):
        assert await anna.found(f"/Observation?{query}") == [], query
    assert await practice.found("/Observation?patient=nobody") == []
    assert await practice.found("/Observation?patient=anna&subject=Patient/bram") == []


async def test_several_owners_in_one_search_are_refused(practice: Caller) -> None:
    assert (await practice.get("/Observation?patient=anna,bram")).status_code == 400


async def test_who_is_the_subject_can_be_missing(anna: Caller) -> None:
    named, unnamed = await anna.create(observation()), await anna.create(observation(None))
    assert await anna.found("/Observation?subject:missing=true") == [unnamed["id"]]
    assert await anna.found("/Observation?subject:missing=false") == [named["id"]]
    assert await anna.found("/Observation?patient:missing=true") == [unnamed["id"]]
    assert sorted(await anna.found("/Observation")) == sorted([named["id"], unnamed["id"]])


async def test_every_way_to_name_an_owner_works(anna: Caller) -> None:
    aim = await anna.create(goal())
    job = await anna.create(task())
    wish = await anna.create(consent())
    visit = await anna.create(appointment(["Patient/anna", "Practitioner/doctor"]))
    source = await anna.create(provenance(["Patient/anna", f"Goal/{aim['id']}"]))
    assert await anna.found("/Goal?patient=anna") == await anna.found("/Goal?subject=Patient/anna") == [aim["id"]]
    assert await anna.found("/Task?patient=anna") == await anna.found("/Task?subject=anna") == [job["id"]]
    assert await anna.found("/Consent?patient=Patient/anna") == [wish["id"]]
    for query in (
        "patient=anna",
        "patient=Patient/anna",
        "actor=Patient/anna",
        "actor=Practitioner/doctor",
        "practitioner=doctor",
    ):
        assert await anna.found(f"/Appointment?{query}") == [visit["id"]], query
    for query in ("patient=anna", "target=Patient/anna", f"target=Goal/{aim['id']}"):
        assert await anna.found(f"/Provenance?{query}") == [source["id"]], query


async def test_a_patient_finds_themself_only(anna: Caller, practice: Caller, operator: Caller) -> None:
    assert await anna.found("/Patient") == ["anna"]
    assert await anna.found("/Patient?name=van") == []
    assert await anna.found("/Patient?_id=bram") == []
    assert sorted(await practice.found("/Patient")) == ["anna", "bram"]
    assert await practice.found("/Patient?name=van testen") == ["bram"]
    assert await practice.found("/Patient?_id=bram") == ["bram"]
    assert sorted(await operator.found("/Patient?birthdate=lt1960")) == ["anna", "bram"]


async def test_identifiers_are_found_across_patients(practice: Caller, operator: Caller, anna: Caller) -> None:
    identifier = [{"system": "urn:lab", "value": "7"}]
    for name in ("anna", "bram"):
        await practice.keep(observation(f"Patient/{name}", id=f"of-{name}", identifier=identifier))
    for caller in (practice, operator):
        assert sorted(await caller.found("/Observation?identifier=urn:lab|7")) == ["of-anna", "of-bram"]
        assert sorted(await caller.found("/Observation?identifier=7")) == ["of-anna", "of-bram"]
        assert sorted(await caller.found("/Observation?identifier=urn:lab|7,urn:lab|8")) == ["of-anna", "of-bram"]
        assert await caller.found("/Observation?identifier=urn:lab|7&patient=bram") == ["of-bram"]
        assert await caller.found("/Observation?identifier=urn:lab|8") == []
    assert await anna.found("/Observation?identifier=urn:lab|7") == ["of-anna"]


async def test_a_search_keeps_its_patient_on_every_page(practice: Caller) -> None:
    for name in ("anna", "bram") * 3:
        await practice.create(observation(f"Patient/{name}"))
    pages = await practice.pages("/Observation?patient=Patient/anna&_count=1")
    assert len(pages) == 3
    assert all("patient=Patient/anna" in (link(page, "self") or "") for page in pages)
    assert all(entry["resource"]["subject"]["reference"] == "Patient/anna" for page in pages for entry in page["entry"])

"""``_summary`` and ``_elements`` on every answer. https://hl7.org/fhir/R4/search.html#summary"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.subset import SUBSETTED
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from tests.builders import concept, observation
from tests.server.service import BASE, Caller, Service, codes, issues

RICH: Final = observation(
    id="rich",
    text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">81,5 kg</div>'},
    valueQuantity={"value": Decimal("81.50"), "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    note=[{"text": "na het ontbijt"}],
    component=[{"code": concept("http://loinc.org", "8480-6"), "valueString": "x"}],
)
READS: Final = ("/Observation/rich", "/Observation/rich/_history/1", "/Patient/anna/Observation/rich")
BUNDLES: Final = ("/Observation?_id=rich", "/Patient/anna/Observation?_id=rich", "/Observation/rich/_history")


@pytest.fixture
async def rich(anna: Caller) -> Resource:
    return await anna.keep(RICH)


def tagged(resource: Resource) -> bool:
    return dict(SUBSETTED) in resource["meta"].get("tag", [])


async def given(caller: Caller, address: str, parameters: str) -> Resource:
    """The Observation that is answered, or the only one in the Bundle."""
    answer = await caller.get(f"{address}{'&' if '?' in address else '?'}{parameters}")
    assert answer.status_code == 200, answer.text
    found = decode(answer.content)
    if found["resourceType"] == "Bundle":
        assert not tagged({"meta": {}, **found})
        (entry,) = found["entry"]
        found = entry["resource"]
    assert found["resourceType"] == "Observation"
    return found


@pytest.mark.parametrize("address", [*READS, *BUNDLES])
async def test_a_summary_is_what_was_asked_for_and_says_so(anna: Caller, rich: Resource, address: str) -> None:
    summary = await given(anna, address, "_summary=true")
    assert not {"text", "note"} & summary.keys()
    assert {"code", "subject", "valueQuantity"} <= summary.keys()
    text = await given(anna, address, "_summary=text")
    assert {"text", "status", "code"} <= text.keys() <= {"resourceType", "id", "meta", "text", "status", "code"}
    data = await given(anna, address, "_summary=data")
    assert data.keys() == rich.keys() - {"text"}
    assert all(map(tagged, (summary, text, data)))
    whole = await given(anna, address, "_summary=false")
    assert whole == rich
    assert not tagged(whole)


@pytest.mark.parametrize("address", [*READS, *BUNDLES])
async def test_elements_are_given_with_what_cannot_be_missed(anna: Caller, rich: Resource, address: str) -> None:
    for names in ("note", "Observation.note", "id,note"):
        found = await given(anna, address, f"_elements={names}")
        assert found.keys() == {"resourceType", "id", "meta", "status", "code", "note"}, names
        assert tagged(found)


async def test_elements_of_another_type_say_nothing_of_this_one(anna: Caller, rich: Resource) -> None:
    found = await given(anna, "/Observation/rich", "_elements=note,Patient.name")
    assert found.keys() == {"resourceType", "id", "meta", "status", "code", "note"}
    assert await given(anna, "/Observation/rich", "_elements=Patient.name") == rich


async def test_values_keep_their_digits(anna: Caller, rich: Resource) -> None:
    answer = await anna.get("/Observation/rich?_summary=true")
    assert b'"value":81.50' in answer.content


async def test_a_subset_comes_in_xml_and_laid_out_too(service: Service, anna: Caller, rich: Resource) -> None:
    in_json = decode((await anna.get("/Observation/rich?_summary=true")).content)
    in_xml = await anna.get("/Observation/rich?_summary=true&_format=xml")
    assert from_xml(in_xml.content, service.server.definitions) == in_json
    pretty = await anna.get("/Observation/rich?_summary=true&_pretty=true")
    assert pretty.content.count(b"\n") > 5
    assert decode(pretty.content) == in_json
    assert validate(in_json, service.server.definitions) == []


async def test_links_of_pages_keep_what_was_asked(anna: Caller) -> None:
    for _ in range(3):
        await anna.create(observation(note=[{"text": "x"}]))
    pages = await anna.pages("/Observation?_summary=true&_count=2")
    found = [entry["resource"] for page in pages for entry in page["entry"]]
    assert len(found) == 3
    assert all(tagged(each) and "note" not in each for each in found)


async def test_the_record_is_given_in_summary(anna: Caller, rich: Resource) -> None:
    for parameters in ("_summary=true", "_elements=status"):
        bundle = await anna.bundle(f"/Patient/anna/$everything?{parameters}")
        assert len(bundle["entry"]) >= 2
        assert all(tagged(entry["resource"]) for entry in bundle["entry"])


async def test_a_search_by_post_is_summarised_as_its_form_asks(anna: Caller, rich: Resource) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body in (b"_id=rich&_summary=true&_format=xml", b"_id=rich&_elements=status&_format=application%2Ffhir%2Bxml"):
        answer = await anna.post("/Observation/_search", body, form)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/fhir+xml")
        assert b"SUBSETTED" in answer.content
        assert b"<note>" not in answer.content


async def test_a_count_is_a_bundle_with_the_total_alone(anna: Caller, rich: Resource) -> None:
    bundle = await anna.bundle("/Observation?_summary=count")
    assert bundle["total"] == 1
    assert "entry" not in bundle


async def test_only_a_search_can_be_counted(anna: Caller, rich: Resource) -> None:
    for method, address in (
        ("GET", "/Observation/rich"),
        ("GET", "/Observation/rich/_history/1"),
        ("GET", "/Observation/rich/_history"),
        ("GET", "/Patient/anna/$everything"),
        ("GET", "/metadata"),
        ("PUT", "/Observation/rich"),
    ):
        answer = await anna.send(
            method, f"{address}?_summary=count", {**RICH, "status": "amended"} if method == "PUT" else None
        )
        assert answer.status_code == 400, address
    assert (await anna.get("/Observation/rich")).json()["status"] == RICH["status"]


@pytest.mark.parametrize("address", ["/Observation/rich", "/Observation?_id=rich", "/metadata", "/Observation/absent"])
async def test_a_value_that_is_not_known_is_answered_with_those_that_are(
    anna: Caller, rich: Resource, address: str
) -> None:
    for parameters, named in {
        "_summary=short": ("true", "text", "data", "count", "false"),
        "_summary=TRUE": ("true",),
        "_pretty=1": ("true", "false"),
    }.items():
        answer = await anna.get(f"{address}{'&' if '?' in address else '?'}{parameters}")
        assert (answer.status_code, codes(answer)) == (400, ["value"]), parameters
        (issue,) = issues(answer)
        assert all(each in issue["diagnostics"] for each in named)
        assert issue["expression"] == [f"http.{parameters.partition('=')[0]}"]


async def test_summary_and_elements_are_not_combined(anna: Caller, rich: Resource) -> None:
    answer = await anna.get("/Observation/rich?_summary=true&_elements=note")
    assert (answer.status_code, codes(answer)) == (400, ["invalid"])
    assert (await given(anna, "/Observation/rich", "_summary=false&_elements=note")).keys() >= {"note"}


async def test_a_read_takes_no_parameters_that_it_does_not_know_unless_it_is_asked_lightly(
    anna: Caller, rich: Resource
) -> None:
    for address in READS[:2]:
        refused = await anna.get(f"{address}?nonsense=1&_count=2")
        assert (refused.status_code, codes(refused)) == (400, ["not-supported", "not-supported"])
        assert "nonsense" in issues(refused)[0]["diagnostics"]
        assert (await anna.get(f"{address}?nonsense=1", {"prefer": "handling=strict"})).status_code == 400
        answer = await anna.get(f"{address}?nonsense=1", {"prefer": "handling=lenient"})
        assert (answer.status_code, decode(answer.content)) == (200, rich)


async def test_a_write_with_parameters_that_are_not_known_writes_nothing(anna: Caller, rich: Resource) -> None:
    changed = {**RICH, "status": "amended"}
    for method, address in (("PUT", "/Observation/rich"), ("DELETE", "/Observation/rich"), ("POST", "/Observation")):
        answer = await anna.send(method, f"{address}?nonsense=1", None if method == "DELETE" else changed)
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"]), method
    assert await anna.found("/Observation") == ["rich"]
    assert decode((await anna.get("/Observation/rich")).content) == rich


async def test_what_is_refused_is_not_cut(anna: Caller) -> None:
    answer = await anna.get("/Observation/absent?_elements=id")
    assert (answer.status_code, codes(answer)) == (404, ["not-found"])
    assert issues(answer)[0]["diagnostics"]


async def test_who_may_not_see_it_sees_no_part_of_it(service: Service, anna: Caller, rich: Resource) -> None:
    for token, status in (("", 401), ("bram", 404), ("anna-patient-and-goals", 403)):
        answer = await service.caller(token).get("/Observation/rich?_summary=true")
        absent = await service.caller(token).get("/Observation/never?_summary=true")
        assert answer.status_code == absent.status_code == status
        assert answer.text.replace("rich", "never") == absent.text


async def test_a_stored_bundle_is_cut_as_a_resource(anna: Caller) -> None:
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": f"{BASE}/Observation/rich", "resource": RICH}],
    }
    made = await anna.create(bundle)
    found = decode((await anna.get(f"/Bundle/{made['id']}?_summary=data")).content)
    assert tagged(found)
    assert found["entry"][0]["resource"]["note"] == RICH["note"]


async def test_the_statement_is_given_in_summary(anonymous: Caller) -> None:
    answer = await anonymous.get("/metadata?_summary=true")
    assert answer.status_code == 200
    assert tagged(decode(answer.content))
    assert len(answer.content) < len((await anonymous.get("/metadata")).content)

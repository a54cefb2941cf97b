"""Every request of every data service, in JSON and XML, held against the payload rules."""

from __future__ import annotations

import re
from typing import Final

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.medmij.payload import absent
from app.medmij.services import Row, load_services
from tests.medmij.bases import At, headers, read, root
from tests.medmij.checker import VERSIONS, problems
from tests.server.service import Service, codes
from tests.stu3.test_parsed_elsewhere import parse

ROWS: Final = [
    pytest.param(service.id, row, id=f"{service.id}-{row.section}")
    for service in load_services().values()
    for row in service.rows
]
EMPTY: Final = frozenset({"Task"})
"""What the record has none of: it is asked in tests of its own."""


def asked(row: Row) -> str:
    """The query as a client sends it, dates filled in."""
    query = row.written.partition("?")[2]
    for name in ("{from when}", "{from}", "{from 14 months ago}"):
        query = query.replace(name, "ge2020-01-01")
    return query.replace("{until}", "le2027-12-31").replace("{from today}", "ge2026-11-30")


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(("service", "row"), ROWS)
async def test_a_request_is_answered_by_the_rules(at: At, service: str, row: Row, form: str) -> None:
    operation = f"/${row.operation}" if row.operation else ""
    query = asked(row)
    address = f"/{row.type}{operation}" + (f"?{query}" if query else "")
    answer = await at.get(service, address, headers(form))
    assert answer.status_code == 200, answer.text
    assert f"fhir+{form}" in answer.headers["content-type"]
    bundle, version = read(answer, service), load_services()[service].fhir
    assert problems(bundle, version, asked=query) == []
    entries = bundle.get("entry", [])
    kinds = {each["resource"]["resourceType"] for each in entries}
    assert row.type in kinds or row.type in EMPTY
    assert all(each["fullUrl"].startswith(f"{root(service)}/") for each in entries)
    definitions = load(VERSIONS[version])
    for each in entries:
        wrong = [issue for issue in validate(each["resource"], definitions) if issue.severity in ("error", "fatal")]
        assert wrong == []
        parse(each["resource"], definitions)
        assert re.search(r"\bbram\b", str(each["resource"])) is None


async def test_each_include_of_a_request_brings_what_it_names(at: At) -> None:
    for service, row, kinds in (
        ("48", "2", {"Coverage", "Organization"}),
        ("48", "10-2", {"MedicationRequest", "Medication"}),
        ("48", "11", {"DeviceUseStatement", "Device"}),
        ("48", "14", {"Observation", "Specimen"}),
        ("46", "1", {"DiagnosticReport", "Observation"}),
    ):
        rows = {each.section: each for each in load_services()[service].rows}
        found = await at.found(service, f"/{rows[row].written}".replace("&date={from when}", ""))
        assert kinds <= {each["resourceType"] for each in found}


async def test_a_reference_to_what_the_caller_may_not_see_says_why_it_has_no_display(at: At) -> None:
    for token, said in (("anna-medmij", {"display": "Hb"}), ("reports-medmij", {"_display": absent("unknown")})):
        answer = await at.get("46", "/DiagnosticReport?_id=anna-lab", token=token)
        bundle = read(answer, "46")
        assert problems(bundle, "3.0") == []
        (report,) = (each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "match")
        assert report["result"] == [{"reference": "Observation/anna-hb", **said}]


async def test_the_devices_that_a_goal_asks_for_come_in_its_bundle(at: At) -> None:
    answer = await at.get("900000103", "/Goal?_count=1000")
    bundle = read(answer, "900000103")
    modes = {
        (each["resource"]["resourceType"], each["resource"]["id"]): each["search"]["mode"] for each in bundle["entry"]
    }
    assert modes["Goal", "anna-walk"] == "match"
    assert modes["DeviceUseStatement", "anna-uses"] == modes["Device", "anna-frame"] == "include"
    assert {name for name, mode in modes.items() if mode == "include"} == {
        ("DeviceUseStatement", "anna-uses"),
        ("Device", "anna-frame"),
    }
    read_one = await at.get("900000103", "/Goal/anna-walk")
    assert read_one.status_code == 200


async def test_pages_of_a_request_follow_each_other_at_its_base(filled: Service, at: At) -> None:
    whole = await at.found("52", "/Observation?category=vital-signs")
    address: str | None = f"{root('52')}/Observation?category=vital-signs&_count=3"
    ids: list[str] = []
    while address is not None:
        answer = await filled.caller("anna-medmij").get(address, headers())
        assert answer.status_code == 200, answer.text
        bundle = read(answer, "52")
        assert problems(bundle, "3.0") == []
        ids += [each["resource"]["id"] for each in bundle.get("entry", [])]
        address = next((each["url"] for each in bundle["link"] if each["relation"] == "next"), None)
    assert sorted(ids) == sorted(each["id"] for each in whole)
    assert len(ids) > 3


@pytest.mark.parametrize("service", sorted(load_services()))
async def test_the_capability_of_a_base_is_that_of_its_service(at: At, service: str) -> None:
    statement = read(await at.get(service, "/metadata", headers("xml")), service)
    assert read(await at.get(service, "/metadata"), service) == statement
    own = load_services()[service]
    assert [each for each in validate(statement, load(VERSIONS[own.fhir])) if each.severity == "error"] == []
    assert statement["url"].endswith(f"/CapabilityStatement/medmij-{service}")
    assert "No qualification is claimed" in statement["description"]
    (rest,) = statement["rest"]
    assert {each["type"] for each in rest["resource"]} == own.types
    assert [each["code"] for each in rest.get("interaction", ())] == list(own.bundles)
    for each in rest["resource"]:
        await _does_what_it_says(at, service, each)


async def _does_what_it_says(at: At, service: str, said: Resource) -> None:
    """One type of a statement: what is listed is answered, and what is not listed is not."""
    kind = said["type"]
    does = {each["code"] for each in said["interaction"] if "documentation" not in each}
    rows = [each for each in load_services()[service].rows if each.type == kind]
    assert ("search-type" in does) is bool(rows), kind
    assert {each["name"] for each in said.get("searchParam", ())} == {
        name for each in rows for name in (*each.fixed, *each.free)
    }
    assert set(said.get("searchInclude", ())) == {value for each in rows for _, value in each.includes}
    one = await at.get(service, f"/{kind}/none")
    assert (one.status_code, codes(one)) == (404, ["not-found" if "read" in does else "not-supported"]), kind
    for method, code in (("POST", "create"), ("PUT", "update")):
        address = f"/{kind}" if method == "POST" else f"/{kind}/none"
        answer = await at.send(method, service, address, {"resourceType": kind, "id": "none"})
        assert (answer.status_code == 405) is (code not in does), (kind, method, answer.text)


async def test_a_care_provider_in_a_role_comes_with_the_practitioner_that_is_referred_to(fresh: Service) -> None:
    operator, anna = fresh.caller("operator"), fresh.caller("anna")
    gp = {"resourceType": "Practitioner", "id": "gp", "name": [{"family": "Oefenkamp"}]}
    role = {"resourceType": "PractitionerRole", "id": "gp-role", "practitioner": {"reference": "Practitioner/gp"}}
    for each in (gp, role):
        assert (await operator.put(f"/{each['resourceType']}/{each['id']}", each)).status_code == 201
    person = {**decode((await anna.get("/Patient/anna")).content)}
    person["generalPractitioner"] = [{"reference": "PractitionerRole/gp-role"}]
    assert (await anna.put("/Patient/anna", person)).status_code == 200
    for service in ("48", "49", "50", "61"):
        bundle = decode((await At(fresh).get(service, "/Patient?_include=Patient:general-practitioner")).content)
        assert problems(bundle, "3.0") == []
        urls = {each["fullUrl"].removeprefix(f"{root(service)}/") for each in bundle["entry"]}
        (seen,) = (each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient")
        assert [each["reference"] for each in seen["generalPractitioner"]] == ["Practitioner/gp"]
        assert urls == {"Patient/anna", "PractitionerRole/gp-role", "Practitioner/gp"}

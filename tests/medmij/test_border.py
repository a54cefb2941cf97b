"""The door of a data service: headers, tokens, and what is not its business."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Final

import pytest

from app.fhir.resource import decode
from tests.medmij.bases import At, headers, root
from tests.medmij.conftest import TOKENS
from tests.medmij.record import LOINC
from tests.server.service import Service, codes, issues, link, running_service

HEART: Final = f"/Observation?code={LOINC}|8867-4"


async def test_the_ids_of_request_and_session_are_echoed_in_every_answer(at: At) -> None:
    for address, status in ((HEART, 200), ("/Condition", 404), ("/Observation/none", 404), ("/metadata", 200)):
        given = headers()
        answer = await at.get("52", address, given)
        assert answer.status_code == status
        for name in ("medmij-request-id", "x-correlation-id"):
            assert answer.headers[name] == given[name]


@pytest.mark.parametrize(
    "value", [None, "", "1", "not-a-uuid-not-a-uuid-not-a-uuid-not", "{6f0fc7de-bb55-4084-a200-cbcae54803ac}"]
)
async def test_a_request_without_a_right_id_is_refused(at: At, value: str | None) -> None:
    given = headers()
    del given["medmij-request-id"]
    if value is not None:
        given["medmij-request-id"] = value
    answer = await at.get("52", HEART, given)
    assert answer.status_code == 400
    assert codes(answer) == ["required" if value is None else "value"]
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]
    assert "medmij-request-id" not in answer.headers


async def test_the_id_of_a_session_is_made_where_it_is_absent_and_checked_where_it_is_not(at: At) -> None:
    given = headers()
    del given["x-correlation-id"]
    answer = await at.get("52", HEART, given)
    assert answer.status_code == 200
    assert str(uuid.UUID(answer.headers["x-correlation-id"])) == answer.headers["x-correlation-id"]
    refused = await at.get("52", HEART, {**given, "x-correlation-id": "mine"})
    assert (refused.status_code, codes(refused)) == (400, ["value"])


async def test_the_id_of_a_session_is_required_where_the_setting_says_so(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'zelfregie.db'}"
    async with running_service(database, tmp_path, tokens=TOKENS, strict_correlation=True) as service:
        given = headers()
        assert (await At(service).get("52", HEART, given)).status_code == 200
        del given["x-correlation-id"]
        answer = await At(service).get("52", HEART, given)
        assert (answer.status_code, codes(answer)) == (400, ["required"])


@pytest.mark.parametrize(
    ("service", "version", "status"),
    [("52", "3.0", 200), ("52", "4.0", 400), ("900000103", "4.0", 200), ("900000103", "3.0", 400)],
)
async def test_another_version_of_fhir_is_refused_as_medmij_has_it(
    at: At, service: str, version: str, status: int
) -> None:
    address = HEART if service == "52" else "/Goal"
    answer = await at.get(service, address, headers(accept=f"application/fhir+json; fhirVersion={version}"))
    assert answer.status_code == status
    if status == 400:
        assert codes(answer) == ["not-supported"]
        assert 'error="invalid_request"' in answer.headers["www-authenticate"]


async def test_a_body_of_another_version_is_refused_so_too_and_another_format_as_http_has_it(at: At) -> None:
    caller, address = at.service.caller("anna-medmij"), f"{root('53')}/"
    for content_type, status in (
        ("application/fhir+json; fhirVersion=4.0", 400),
        ("application/fhir+xml; fhirVersion=4.0", 400),
        ("text/csv", 415),
    ):
        answer = await caller.send("POST", address, b"{}", headers(content_type=content_type))
        assert (answer.status_code, codes(answer)) == (status, ["not-supported"])
        assert ("www-authenticate" in answer.headers) is (status == 400)
    for accept in ("text/csv", "application/pdf"):
        answer = await at.get("52", HEART, headers(accept=accept))
        assert (answer.status_code, codes(answer)) == (406, ["not-supported"])


async def test_a_version_that_is_not_given_is_that_of_the_base(at: At) -> None:
    for accept in ("application/fhir+json", "*/*"):
        assert (await at.get("52", HEART, headers(accept=accept))).status_code == 200


@pytest.mark.parametrize(
    "name", ["patient", "subject", "owner", "subject:Patient", "patient.identifier", "subject:missing"]
)
async def test_a_parameter_that_names_the_patient_is_refused(at: At, name: str) -> None:
    answer = await at.get("52", f"{HEART}&{name}=anna")
    assert answer.status_code == 400
    assert [each["expression"] for each in issues(answer)] == [[f"http.{name}"]]


@pytest.mark.parametrize("query", ["identifier=urn:oid:1.2|3", "family=Proefstra", "birthdate=1950-02-28"])
async def test_a_person_is_not_asked_for_by_what_identifies_them(at: At, query: str) -> None:
    assert (await at.get("48", f"/Patient?{query}")).status_code == 400


@pytest.mark.parametrize(
    "identifier",
    [
        "http://fhir.nl/fhir/NamingSystem/bsn|999999990",
        "urn:x|1,http://fhir.nl/fhir/NamingSystem/bsn|999999990",
        "urn:oid:2.16.840.1.113883.2.4.6.3|999999990,urn:x|1",
        "HTTPS://fhir.nl/fhir/NamingSystem/BSN/|999999990",
    ],
)
async def test_a_bsn_is_never_in_an_address(at: At, identifier: str) -> None:
    answer = await at.get("52", f"{HEART}&identifier={identifier}")
    assert answer.status_code == 400
    assert "999999990" not in answer.text


@pytest.mark.parametrize(
    "address", ["/Condition", "/Goal/anna-walk", "/AuditEvent", "/Bundle", "/Nothing", "/CarePlan/$lastn"]
)
async def test_a_type_that_is_not_the_services_is_not_found_and_not_supported(at: At, address: str) -> None:
    answer = await at.get("52", address)
    assert answer.status_code == 404
    assert [(each["severity"], each["code"]) for each in issues(answer)] == [("error", "not-supported")]
    assert issues(answer)[0]["diagnostics"]


@pytest.mark.parametrize(
    "address",
    [
        "/Observation",
        f"/Observation?code={LOINC}|718-7",
        f"/Observation?code={LOINC}|8867-4,{LOINC}|718-7",
        "/Observation?code=8867-4,718-7",
        "/Observation?code:not=8867-4",
        f"/Observation?code={LOINC}|",
        f"/Observation?category={LOINC}|vital-signs",
        "/Observation?category=survey",
        "/Observation?_id=anna-hb",
        "/Observation/$lastn?category=vital-signs",
    ],
)
async def test_a_request_that_is_none_of_the_services_is_refused_and_told_which_are(at: At, address: str) -> None:
    answer = await at.get("52", address)
    assert answer.status_code == 400
    assert "Observation?code=" in issues(answer)[0]["diagnostics"]


async def test_more_parameters_narrow_a_request_and_unknown_ones_are_passed_over(at: At) -> None:
    asked = f"{HEART}&date=ge2026-11-01&_count=10&colour=red&device.type=x&_has:Provenance:target:agent=x"
    answer = await at.get("52", asked)
    assert answer.status_code == 200, answer.text
    own = link(decode(answer.content), "self")
    assert own is not None
    for name in ("colour", "device.type", "_has"):
        assert name not in own
    assert "date=" in own
    assert len(decode(answer.content)["entry"]) == 1
    assert await at.found("52", f"{HEART}&date=ge2027-06-01") == []


async def test_includes_of_another_request_are_passed_over(at: At) -> None:
    found = await at.found("52", f"{HEART}&_include=Observation:subject&_include=*&_revinclude=Provenance:target")
    assert {each["resourceType"] for each in found} == {"Observation"}


async def test_a_search_by_post_is_the_same_request(filled: Service) -> None:
    form = "application/x-www-form-urlencoded"
    caller = filled.caller("anna-medmij")
    address = f"{root('52')}/Observation/_search"
    found = await caller.send("POST", address, b"code=8867-4", headers(content_type=form))
    assert found.status_code == 200, found.text
    assert len(decode(found.content)["entry"]) == 1
    refused = await caller.send("POST", address, b"code=718-7", headers(content_type=form))
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("POST", "/Observation", 405),
        ("PUT", "/Observation/anna-heart", 405),
        ("DELETE", "/Observation/anna-heart", 405),
        ("PATCH", "/Observation/anna-heart", 405),
        ("GET", "/Observation/anna-heart/_history", 404),
        ("GET", "/Observation/anna-heart/_history/1", 404),
        ("GET", "/Patient/anna/Observation", 404),
        ("GET", "/Patient/anna/$everything", 404),
        ("GET", "", 405),
        ("POST", "", 400),
        ("GET", "/_history", 404),
        ("GET", "/Observation/$validate", 404),
    ],
)
async def test_what_the_service_does_not_do_is_refused(filled: Service, method: str, address: str, status: int) -> None:
    body = {"resourceType": "Observation"} if method in ("POST", "PUT") else None
    answer = await filled.caller("anna-medmij").send(method, f"{root('52')}{address}", body, headers())
    assert answer.status_code == status, answer.text
    assert issues(answer)


async def test_two_patients_are_strangers_to_each_other(at: At) -> None:
    for base, address in (("52", "/Observation?category=vital-signs"), ("48", "/Condition"), ("48", "/Patient")):
        own = await at.found(base, address)
        answer = await at.get(base, address, token="bram-medmij")
        others = [each["resource"] for each in decode(answer.content)["entry"]]
        assert own
        assert others
        assert "Patient/bram" not in str(own)
        assert "Patient/anna" not in str(others)
    for name in ("Observation/bram-heart", "Patient/bram"):
        stranger, nobody = await at.get("52", f"/{name}"), await at.get("52", f"/{name.partition('/')[0]}/nobody")
        assert stranger.status_code == nobody.status_code == 404
        assert codes(stranger) == codes(nobody)


async def test_a_token_about_several_patients_is_refused(at: At) -> None:
    answer = await at.get("52", HEART, token="both-medmij")
    assert (answer.status_code, codes(answer)) == (403, ["forbidden"])
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("token", "base", "status"),
    [
        ("only-52", "52", 200), ("only-52", "53", 401), ("only-52", "900000403", 401), ("anna", "52", 401),
        ("operator", "52", 401), ("practice", "52", 401), ("nobody", "52", 401), ("", "52", 401),
        ("narrow-medmij", "52", 200),
    ],
)  # fmt: skip
async def test_a_base_takes_the_tokens_of_its_service(at: At, token: str, base: str, status: int) -> None:
    address = HEART if base == "52" else "/Observation?code=29463-7"
    answer = await at.get(base, address, token=token)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("base", ["/fhir", "/fhir/stu3"])
async def test_a_medmij_token_holds_under_no_other_base(filled: Service, base: str) -> None:
    answer = await filled.caller("anna-medmij").get(f"http://zelfregie.test{base}/Observation")
    assert answer.status_code == 401


async def test_scopes_hold_at_the_base_of_a_service_too(at: At) -> None:
    assert (await at.get("48", "/Condition", token="narrow-medmij")).status_code == 403


@pytest.mark.parametrize("address", ["/medmij/999/fhir/Patient", "/medmij/52", "/medmij/52/other", "/medmij//fhir"])
async def test_there_is_nothing_beside_the_bases(filled: Service, address: str) -> None:
    answer = await filled.caller("anna-medmij").get(f"http://zelfregie.test{address}", headers())
    assert answer.status_code == 404


async def test_a_line_of_the_access_log_says_which_service(at: At, filled: Service) -> None:
    given = headers()
    answer = await at.get("52", HEART, given)
    lines = [
        each
        for each in filled.journal_lines()
        if each.get("event", each).get("request") == answer.headers["x-request-id"]
    ]
    text = str(lines)
    assert len(lines) == 1
    assert "'service': '52'" in text
    assert given["medmij-request-id"] not in text


async def test_options_tell_what_an_address_takes(filled: Service) -> None:
    caller = filled.caller("")
    for base, address, allow in (
        ("52", "/Observation", "GET, HEAD, OPTIONS"),
        ("53", "/Observation", "POST, OPTIONS"),
        ("53", "/", "POST, OPTIONS"),
        ("59", "/Task/x", "GET, HEAD, PUT, OPTIONS"),
    ):
        answer = await caller.send("OPTIONS", f"{root(base)}{address}", headers={"origin": "https://a.example"})
        if address != "/":
            assert answer.headers["allow"] == allow
    assert (await caller.send("OPTIONS", f"{root('52')}/Condition")).status_code == 404

"""A batch of the requests of a service: each answered as it would be on its own, in JSON and XML."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import to_xml
from tests.medmij.bases import At, headers, read, root
from tests.medmij.checker import problems
from tests.medmij.record import LOINC, NHG, SECRET
from tests.medmij.test_withholding import REPORTS, XHTML
from tests.server.service import codes, link

RESULTS: Final = f"Observation?code={NHG}|"


def batch(*urls: str, method: str = "GET", **more: Any) -> Resource:
    entries = [{"request": {"method": method, "url": each, **more}} for each in urls]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


async def answered(at: At, base: str, *urls: str, form: str = "json", token: str = "anna-medmij") -> list[Resource]:
    """The entries of the answer, after the payload rules were held against each."""
    sent = batch(*urls)
    body = encode(sent) if form == "json" else to_xml(sent, load("3.0.1"))
    given = headers(form, content_type=f"application/fhir+{form}")
    answer = await at.service.caller(token).send("POST", root(base), body, given)
    assert answer.status_code == 200, answer.text
    bundle = read(answer, base)
    assert bundle["type"] == "batch-response"
    entries: list[Resource] = bundle["entry"]
    assert len(entries) == len(urls)
    for each in entries:
        inner = each.get("resource", {})
        if inner.get("resourceType") == "Bundle":
            assert problems(inner, "3.0") == []
    return entries


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_all_requests_of_49_are_answered_at_once_as_each_is_alone(at: At, form: str) -> None:
    urls = [
        "Patient?_include=Patient:general-practitioner",
        "EpisodeOfCare",
        f"{RESULTS}&_count=1&_total=accurate",
        REPORTS[1:],
        "Encounter",
        "AllergyIntolerance?category=medication",
        "Observation/anna-gp-second",
        f"{root('49')}/Observation/anna-line-E",
    ]
    entries = await answered(at, "49", *urls, form=form)
    assert [each["response"]["status"][:3] for each in entries] == ["200"] * len(urls)
    for url, each in zip(urls, entries, strict=True):
        own = await at.get("49", f"/{url.removeprefix(root('49')).removeprefix('/')}")
        assert each["resource"] == decode(own.content), url
    assert SECRET not in str(entries)
    assert entries[2]["resource"]["total"] == 1
    assert link(entries[2]["resource"], "next") is None


async def test_an_entry_that_is_hidden_is_answered_as_one_that_is_not_there(at: At) -> None:
    names = ["anna-gp", "anna-line-S", "unmarked", "anna-weight", "nobody"]
    entries = await answered(at, "49", *(f"Observation/{each}" for each in names))
    for name, each in zip(names, entries, strict=True):
        assert set(each) == {"response"}, name
        assert each["response"]["status"] == "404 Not Found"
        (issue,) = each["response"]["outcome"]["issue"]
        assert (issue["code"], issue["diagnostics"]) == ("not-found", f"Observation/{name} is not known.")
    (one,) = (await at.service.caller("anna-medmij").post(root("49"), conditional("anna-gp"), headers())).json()[
        "entry"
    ]
    assert one["response"]["status"] == "404 Not Found", "an ETag that is right says nothing either"


def conditional(name: str) -> Resource:
    return batch(f"Observation/{name}", ifNoneMatch='W/"1"', ifModifiedSince="2027-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("Observation?code=8867-4", "400"),
        ("Observation", "400"),
        ("Condition", "404"),
        ("CarePlan", "404"),
        ("Nothing/1", "404"),
        ("Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn|999990019", "400"),
        ("Encounter?patient=Patient/bram", "400"),
        ("Encounter/bram-visit", "404"),
        ("Patient/anna/$everything", "404"),
        ("Patient/anna/Observation", "404"),
        ("Observation/anna-gp-second/_history/1", "404"),
        ("https://elsewhere.example/Encounter", "404"),
        ("", "404"),
        ("metadata", "404"),
    ],
)
async def test_what_is_not_of_the_service_is_refused_by_itself(at: At, url: str, status: str) -> None:
    bad, good = await answered(at, "49", url, "Encounter")
    assert bad["response"]["status"][:3] == status
    assert "resource" not in bad
    assert bad["response"]["outcome"]["issue"]
    assert good["response"]["status"][:3] == "200"


async def test_a_batch_that_reads_writes_nothing(at: At) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        sent = batch("Observation/anna-gp-second", method=method)
        if method in ("POST", "PUT"):
            sent["entry"][0]["resource"] = {"resourceType": "Observation", "id": "anna-gp-second", "status": "final"}
        answer = await at.send("POST", "49", "", sent)
        if method == "PATCH":  # is no method of STU3
            assert answer.status_code in (200, 422)
            continue
        assert answer.json()["entry"][0]["response"]["status"][:3] == "404", answer.text
    assert (await at.get("49", "/Observation/anna-gp-second")).status_code == 200


@pytest.mark.parametrize("kind", ["transaction", "collection", "searchset"])
async def test_another_bundle_is_refused(at: At, kind: str) -> None:
    answer = await at.send("POST", "49", "", {**batch("Encounter"), "type": kind})
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])
    assert (await at.send("POST", "49", "", {"resourceType": "Patient"})).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"<Bundle", b'{"resourceType":"Bundle","type":"batch","entry":{}}'])
async def test_a_body_that_cannot_be_read_is_told(at: At, body: bytes) -> None:
    given = headers(content_type="application/fhir+xml" if body.startswith(b"<") else "application/fhir+json")
    answer = await at.service.caller("anna-medmij").send("POST", root("49"), body, given)
    assert answer.status_code in (400, 422), answer.text
    assert codes(answer)


async def test_a_body_of_r4_is_refused(at: At) -> None:
    given = headers(content_type="application/fhir+json; fhirVersion=4.0")
    answer = await at.service.caller("anna-medmij").send("POST", root("49"), encode(batch("Encounter")), given)
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


async def test_how_an_answer_is_to_look_is_not_asked_of_an_entry(at: At) -> None:
    """Half a report would not say which lines may be seen."""
    whole, also = await answered(at, "49", *(f"{REPORTS[1:]}&{each}" for each in ("_elements=text", "_summary=data")))
    assert whole["resource"]["entry"][0]["resource"]["type"] == also["resource"]["entry"][0]["resource"]["type"]
    assert SECRET not in str(whole)
    assert XHTML in str(whole)
    (counted,) = (await at.send("POST", "49", "", batch(f"{RESULTS}&_summary=count"))).json()["entry"]
    assert (counted["resource"]["total"], "entry" in counted["resource"]) == (1, False)


async def test_measurements_are_asked_in_a_batch_too(at: At) -> None:
    last, hearts, computed = await answered(
        at,
        "52",
        f"Observation/$lastn?code={LOINC}|29463-7",
        f"Observation?code={LOINC}|8867-4&date=ge2026-01-01",
        f"Observation?code={LOINC}|96607-7",
    )
    assert len(last["resource"]["entry"]) == 1
    assert len(hearts["resource"]["entry"]) == 1
    assert computed["response"]["status"][:3] == "400"


async def test_each_entry_has_the_rights_of_the_token(at: At) -> None:
    encounters, results = await answered(at, "49", "Encounter", RESULTS, token="measurements-medmij")
    assert "entry" not in encounters.get("resource", {})
    assert [each["resource"]["id"] for each in results["resource"]["entry"]] == ["anna-gp-second"]


async def test_a_service_that_sends_takes_no_reads(at: At) -> None:
    answer = await at.send("POST", "53", "", batch("Observation?code=8867-4"))
    assert answer.json()["entry"][0]["response"]["status"][:3] == "404"
    assert (await at.send("POST", "48", "", batch("Condition"))).status_code == 404

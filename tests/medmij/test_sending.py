"""What is sent: measurements (53)."""

from __future__ import annotations

import uuid
from typing import Any, Final

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.xml import to_xml
from tests.medmij.bases import At, headers, read, root
from tests.medmij.checker import problems
from tests.medmij.record import CATEGORY, LOINC, ZIB
from tests.server.service import Service, codes, issues

FIRST: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"
BSN: Final = "http://fhir.nl/fhir/NamingSystem/bsn"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def person(**more: Any) -> Resource:
    """The Patient entry as the standard has it: the BSN is masked."""
    masked = {"system": BSN, "_value": {"extension": [{"url": ABSENT, "valueCode": "masked"}]}}
    return {"resourceType": "Patient", "identifier": [masked], "name": [{"family": "Proefstra"}], **more}


def weight(number: int, **more: Any) -> Resource:
    who = {"reference": FIRST, "display": "A. Proefstra"}
    return {
        "resourceType": "Observation",
        "meta": {"profile": [f"{ZIB}zib-BodyWeight"]},
        "identifier": [{"system": "urn:oid:1.2.3.4", "value": f"weight-{number}"}],
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs", "display": "Vital Signs"}]}],
        "code": {"coding": [{"system": LOINC, "code": "29463-7", "display": "Body weight"}]},
        "subject": who,
        "performer": [who],
        "effectiveDateTime": f"2026-11-{number:02}T08:00:00+01:00",
        "valueQuantity": {"value": 80, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
        **more,
    }


def sent(kind: str, *resources: Resource, first: Resource | None = None) -> Resource:
    """The Bundle of the standard."""
    listed = [first or person(), *resources]
    urls = [FIRST, *(f"urn:uuid:{uuid.UUID(int=place, version=4)}" for place in range(1, len(listed)))]
    return {
        "resourceType": "Bundle",
        "type": kind,
        "identifier": {"system": "urn:oid:1.2.3.4", "value": "1"},
        "entry": [
            {"fullUrl": url, "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
            for url, each in zip(urls, listed, strict=True)
        ],
    }


async def give(service: Service, bundle: Resource, *, token: str = "anna-medmij", form: str = "json") -> Any:
    body: Any = to_xml(bundle, load("3.0.1")) if form == "xml" else bundle
    given = headers(form, prefer="return=representation", content_type=f"application/fhir+{form}")
    return await service.caller(token).post(root("53"), body, given)


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_measurements_are_stored_with_the_patient_of_the_token(fresh: Service, kind: str, form: str) -> None:
    answer = await give(fresh, sent(kind, weight(3), weight(4)), form=form)
    assert answer.status_code == 200, answer.text
    bundle = read(answer, "53")
    assert bundle["type"] == f"{kind}-response"
    assert [each["response"]["status"][:3] for each in bundle["entry"]] == ["200", "201", "201"]
    assert bundle["entry"][0]["response"]["location"].startswith(f"{root('53')}/Patient/anna")
    assert problems(bundle, "3.0") == []
    for entry in bundle["entry"][1:]:
        assert entry["resource"]["subject"]["reference"].endswith("Patient/anna")
        assert entry["resource"]["performer"][0]["reference"].endswith("Patient/anna")
        assert entry["resource"]["meta"]["profile"] == [f"{ZIB}zib-BodyWeight"]
    stored = await At(fresh).found("52", f"/Observation?code={LOINC}|29463-7&date=ge2026-11-03")
    assert {each["identifier"][0]["value"] for each in stored} >= {"weight-3", "weight-4"}


async def test_no_person_is_made_by_it(fresh: Service) -> None:
    before = len(await fresh.caller("operator").found("/Patient"))
    assert (await give(fresh, sent("batch", weight(3)))).status_code == 200
    assert len(await fresh.caller("operator").found("/Patient")) == before


async def test_a_bsn_that_is_sent_is_not_kept(fresh: Service) -> None:
    first = person(identifier=[{"system": BSN, "value": "999999990"}])
    answer = await give(fresh, sent("batch", weight(3), first=first))
    assert answer.status_code == 200
    assert "999999990" not in answer.text
    assert "999999990" not in (await fresh.caller("anna").get("/Patient/anna")).text


async def test_an_entry_of_a_batch_that_is_not_of_the_service_is_refused_by_itself(fresh: Service) -> None:
    lab = weight(4, code={"coding": [{"system": LOINC, "code": "718-7", "display": "Hb"}]})
    condition = {
        "resourceType": "Condition",
        "subject": {"reference": FIRST, "display": "A"},
        "clinicalStatus": "active",
    }
    answer = await give(fresh, sent("batch", weight(3), lab, condition))
    assert answer.status_code == 200, answer.text
    entries = decode(answer.content)["entry"]
    assert [each["response"]["status"][:3] for each in entries] == ["200", "201", "400", "404"]
    outcome = entries[3]["response"]["outcome"]["issue"][0]
    assert outcome["code"] == "not-supported"


async def test_a_transaction_with_such_an_entry_is_refused_whole(fresh: Service) -> None:
    lab = weight(4, code={"coding": [{"system": LOINC, "code": "718-7", "display": "Hb"}]})
    answer = await give(fresh, sent("transaction", weight(3), lab))
    assert answer.status_code == 400, answer.text
    assert "Bundle.entry[2]" in str(issues(answer)[0]["expression"])
    stored = await At(fresh).found("52", f"/Observation?code={LOINC}|29463-7")
    assert "weight-3" not in str(stored)


async def test_other_bundles_and_writes_are_refused(fresh: Service) -> None:
    at = At(fresh)
    for kind in ("collection", "searchset"):
        assert (await at.send("POST", "53", "", {"resourceType": "Bundle", "type": kind})).status_code == 400
    assert (await at.send("POST", "53", "", weight(3))).status_code == 400
    assert (await at.send("POST", "53", "/Patient", person())).status_code == 405
    other = await at.send("POST", "53", "/Observation", weight(3, code={"text": "iets"}))
    assert (other.status_code, codes(other)) == (400, ["not-supported"])
    own = weight(3, subject={"reference": "Patient/anna"}, performer=[{"reference": "Patient/anna"}])
    made = await at.send("POST", "53", "/Observation", own)
    assert made.status_code == 201, made.text
    assert made.headers["location"].startswith(f"{root('53')}/Observation/")


async def test_nothing_is_retrieved_at_the_base_that_is_for_sending(fresh: Service) -> None:
    for address in ("/Observation?code=29463-7", "/Observation/anna-weight", "/Patient/anna"):
        assert (await At(fresh).get("53", address)).status_code in (404, 405)


async def test_what_is_said_of_another_patient_is_refused(fresh: Service) -> None:
    other = weight(3, subject={"reference": "Patient/bram", "display": "B"})
    answer = await give(fresh, sent("batch", other))
    assert decode(answer.content)["entry"][1]["response"]["status"][:1] == "4"
    stored = await At(fresh).get("52", "/Observation?code=29463-7", token="bram-medmij")
    assert "weight-3" not in stored.text

"""Every request of the standards, in both formats. fhir-standards 2 to 6: services 52, 59, 48, 49 and 61."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from fhir.resources.STU3.bundle import Bundle as STU3Bundle

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from tests.server.service import Service, codes, link
from tests.stu3.record import CATEGORY, LOINC, NHG, ROOT, SIZE, SNOMED, fill

USE: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3"
ACT: Final = "http://hl7.org/fhir/v3/ActCode"
# Per service: each request, and the types that are among what it finds.
MEASUREMENTS: Final = {
    f"Observation?code={LOINC}|85354-9": "Observation",
    f"Observation?code={LOINC}|14760-3,{LOINC}|14743-9,{LOINC}|14770-2": "",
    f"Observation?code={LOINC}|85354-9&date=ge2026-01-01&date=le2027-02-01": "Observation",
    f"Observation?category={CATEGORY}|vital-signs": "Observation",
    "Observation?category=vital-signs": "Observation",
    f"Observation/$lastn?code={LOINC}|29463-7": "Observation",
    f"Observation/$lastn?code={LOINC}|14760-3,{LOINC}|14770-2": "",
}
QUESTIONNAIRES: Final = {f"Task?code={LOINC}|74468-0&status=requested": "Task"}
BGZ: Final = {
    "Patient?_include=Patient:general-practitioner": "Patient",
    "Coverage?_include=Coverage:payor:Patient&_include=Coverage:payor:Organization": "Coverage Organization",
    f"Consent?category={SNOMED}|11291000146105": "Consent",
    f"Consent?category={SNOMED}|11341000146107": "Consent",
    f"Observation/$lastn?category={SNOMED}|118228005,{SNOMED}|384821006": "Observation",
    "Condition": "Condition",
    f"Observation/$lastn?code={SNOMED}|365508006": "Observation",
    f"Observation?code={SNOMED}|228366006": "Observation",
    f"Observation?code={SNOMED}|228273003": "Observation",
    f"Observation?code={SNOMED}|365980008": "Observation",
    "NutritionOrder": "NutritionOrder",
    "Flag": "Flag",
    "AllergyIntolerance": "AllergyIntolerance",
    f"MedicationStatement?category={USE}|6&_include=MedicationStatement:medication": "MedicationStatement Medication",
    f"MedicationRequest?category={SNOMED}|16076005&_include=MedicationRequest:medication": (
        "MedicationRequest Medication"
    ),
    f"MedicationDispense?category={SNOMED}|422037009&_include=MedicationDispense:medication": (
        "MedicationDispense Medication"
    ),
    "DeviceUseStatement?_include=DeviceUseStatement:device": "DeviceUseStatement Device",
    "Immunization?status=completed": "Immunization",
    f"Observation/$lastn?code={LOINC}|85354-9": "Observation",
    f"Observation/$lastn?code={LOINC}|8302-2,{LOINC}|8306-3,{LOINC}|8308-9": "Observation",
    f"Observation/$lastn?category={SNOMED}|275711006&_include=Observation:related-target"
    "&_include=Observation:specimen": "Observation Specimen",
    f"Procedure?category={SNOMED}|387713003": "Procedure",
    f"Encounter?class={ACT}|IMP,{ACT}|ACUTE,{ACT}|NONAC": "Encounter",
    "ProcedureRequest?status=active": "ProcedureRequest",
    "ImmunizationRecommendation": "ImmunizationRecommendation",
    "DeviceRequest?status=active&_include=DeviceRequest:device": "DeviceRequest Device",
    "Appointment?status=booked,pending,proposed": "Appointment",
}
GP: Final = {
    "EpisodeOfCare": "EpisodeOfCare",
    f"MedicationRequest?periodofuse=ge2026-11-30&category={SNOMED}|16076005&_include=MedicationRequest:medication": (
        "MedicationRequest Medication"
    ),
    "AllergyIntolerance?category=medication": "",
    f"Observation?code={NHG}|&_include=Observation:related-target&_include=Observation:specimen&date=ge2025-09-30": (
        "Observation"
    ),
    f"Composition?type={LOINC}|67781-5": "Composition",
    "Encounter": "Encounter",
}
CARE: Final = {
    "CarePlan?_include=CarePlan:activity-goal:Goal&_include=CarePlan:activity-outcomereference:Observation"
    "&_include=CarePlan:activity-medicaldevice:DeviceUseStatement"
    "&_include:recurse=DeviceUseStatement:device:Device": "CarePlan Goal Observation DeviceUseStatement Device",
    "CareTeam?_include=CareTeam:participant": "CareTeam Patient",
    f"MedicationAdministration?category={SNOMED}|18629005": "MedicationAdministration",
    f"CarePlan?category={SNOMED}|243114000": "",
    f"Observation?category={CATEGORY}|survey": "",
}
EVERY: Final = {**MEASUREMENTS, **QUESTIONNAIRES, **BGZ, **GP, **CARE}


@pytest.fixture
async def filled(seeded_service: Service) -> Service:
    """The service with a whole record of Anna's, and one of Bram's; made anew where another test came between."""
    if __name__ not in seeded_service.added:
        await seeded_service.reset()
        await fill(seeded_service)
        seeded_service.added.append(__name__)
    return seeded_service


def read(answer: Any, form: str) -> Resource:
    assert answer.headers["content-type"].startswith(f"application/fhir+{form}")
    return decode(answer.content) if form == "json" else from_xml(answer.content, load("3.0.1"))


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_every_request_is_answered_in_stu3(filled: Service, form: str) -> None:
    anna = filled.caller("anna")
    for request, types in EVERY.items():
        answer = await anna.get(f"{ROOT}/{request}", {"accept": f"application/fhir+{form}; fhirVersion=3.0"})
        assert answer.status_code == 200, (request, answer.text)
        bundle = read(answer, form)
        found = {entry["resource"]["resourceType"] for entry in bundle.get("entry", ())}
        assert set(types.split()) <= found, request
        assert "OperationOutcome" not in found, request
        assert link(bundle, "self") == f"{ROOT}/{request}"
        STU3Bundle.model_validate(json.loads(encode(bundle)))
        for entry in bundle.get("entry", ()):
            resource = entry["resource"]
            assert entry["fullUrl"] == f"{ROOT}/{resource['resourceType']}/{resource['id']}"
            assert not [each for each in validate(resource, load("3.0.1")) if each.severity == "error"], request


async def test_what_is_read_one_by_one_is_what_was_found(filled: Service) -> None:
    anna = filled.caller("anna")
    seen = set()
    for request in EVERY:
        for entry in (await anna.bundle(f"{ROOT}/{request}")).get("entry", ()):
            if entry["fullUrl"] not in seen:
                seen.add(entry["fullUrl"])
                assert decode((await anna.get(entry["fullUrl"])).content) == entry["resource"]
    assert len(seen) > 60


async def test_the_whole_record_is_given_page_by_page(filled: Service) -> None:
    anna = filled.caller("anna")
    pages = await anna.pages(f"{ROOT}/Patient/anna/$everything?_count=50")
    kinds = [entry["resource"]["resourceType"] for page in pages for entry in page["entry"]]
    assert len(kinds) >= SIZE
    assert "ProcedureRequest" in kinds
    assert "ServiceRequest" not in kinds
    some = await anna.pages(f"{ROOT}/Patient/anna/$everything?_type=ProcedureRequest,Goal")
    assert {entry["resource"]["resourceType"] for page in some for entry in page["entry"]} == {
        "ProcedureRequest",
        "Goal",
    }
    assert link(some[0], "self") == f"{ROOT}/Patient/anna/$everything?_type=ProcedureRequest,Goal"


async def test_a_last_n_by_post_takes_parameters_of_stu3(filled: Service) -> None:
    anna = filled.caller("anna")
    body: Resource = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "category", "valueString": f"{CATEGORY}|vital-signs"},
            {"name": "code", "valueString": f"{LOINC}|29463-7"},
        ],
    }
    answer = await anna.post(
        f"{ROOT}/Observation/$lastn", body, {"content-type": "application/fhir+json; fhirVersion=3.0"}
    )
    assert answer.status_code == 200, answer.text
    assert len(decode(answer.content)["entry"]) == 1


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ProcedureRequest?status=suspended", {"anna-planned"}),
        ("Goal?status=in-progress", {"anna-walk"}),
        ("Goal?status=achieved", set()),
        ("Observation?related-target=Observation/anna-gp", {"anna-panel"}),
        ("Observation?related-target.code=1744", {"anna-panel"}),
        ("Observation?_has:CarePlan:activity-outcomereference:status=active", {"anna-gp"}),
        ("CarePlan?activity-goal=Goal/anna-walk", {"anna-nursing"}),
        ("CarePlan?activity-medicaldevice:DeviceUseStatement.device=Device/anna-frame", {"anna-nursing"}),
        ("Composition?encounter:Encounter.class=http://hl7.org/fhir/v3/ActCode|IMP", {"anna-soep"}),
        ("MedicationRequest?periodofuse=ge2027", set()),
        ("MedicationRequest?periodofuse=2026-06-01&status=active", set()),
        ("MedicationRequest?periodofuse=ge2026-06-01&status=active&_id=anna-agreed", {"anna-agreed"}),
        ("EpisodeOfCare?_sort=-_lastUpdated&_id=anna-episode", {"anna-episode"}),
    ],
)
async def test_values_and_chains_are_those_of_stu3(filled: Service, search: str, found: set[str]) -> None:
    listed = await filled.caller("anna").found(f"{ROOT}/{search}")
    assert {each for each in listed if each.startswith("anna-")} == found


@pytest.mark.parametrize(
    "search", ["Goal?status=on-target", "NutritionOrder?status=planned", "Goal?status=achieved,proposed"]
)
async def test_what_r4_does_not_tell_apart_is_refused(filled: Service, search: str) -> None:
    answer = await filled.caller("anna").get(f"{ROOT}/{search}")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])


async def test_of_another_patient_nothing_is_found(filled: Service) -> None:
    bram = filled.caller("bram")
    for request in EVERY:
        answer = await bram.get(f"{ROOT}/{request}")
        assert answer.status_code == 200, answer.text
        assert "Proefstra" not in answer.text
        assert "/anna-" not in answer.text

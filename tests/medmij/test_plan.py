"""The care plan at the bases: service 61 in STU3, the goals in R4."""

from __future__ import annotations

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from app.medmij.services import load_services
from tests.medmij.bases import At
from tests.medmij.checker import problems
from tests.server.service import Service, codes

PLANS = next(each for each in load_services()["61"].rows if each.type == "CarePlan").written


async def started(service: Service) -> str:
    """Anna starts her individual care plan with one goal; its id."""
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Weer fietsen"}]}
    answer = await service.caller("anna").post("/Patient/anna/$start", parameters)
    assert answer.status_code in (200, 201), answer.text
    plans = await service.caller("anna").bundle("/CarePlan")
    own = [each["resource"] for each in plans["entry"] if CANONICAL_BASE in str(each["resource"].get("category"))]
    return str(own[0]["id"])


def named(resources: list[Resource], kind: str) -> set[str]:
    return {each["id"] for each in resources if each["resourceType"] == kind}


async def test_received_plans_come_with_goals_outcomes_and_devices(fresh: Service) -> None:
    found = await At(fresh).found("61", f"/{PLANS}")
    assert "anna-nursing" in named(found, "CarePlan")
    assert "anna-walk" in named(found, "Goal")
    assert "anna-weight" in named(found, "Observation")
    assert "anna-uses" in named(found, "DeviceUseStatement")
    assert "anna-frame" in named(found, "Device")


async def test_the_individual_care_plan_is_among_them_as_nl_core_careplan(fresh: Service) -> None:
    plan = await started(fresh)
    answer = await At(fresh).get("61", f"/{PLANS}")
    bundle = decode(answer.content)
    assert problems(bundle, "3.0") == []
    resources = [each["resource"] for each in bundle["entry"]]
    (seen,) = [each for each in resources if each["id"] == plan]
    assert "http://fhir.nl/fhir/StructureDefinition/nl-core-careplan" in seen["meta"]["profile"]
    assert "Weer fietsen" in str(resources)


async def test_goals_are_given_in_r4_as_treatment_objectives(fresh: Service) -> None:
    await started(fresh)
    found = await At(fresh).found("900000103", "/Goal")
    own = [each for each in found if each.get("description", {}).get("text") == "Weer fietsen"]
    assert len(own) == 1
    assert "http://nictiz.nl/fhir/StructureDefinition/nl-core-TreatmentObjective" in own[0]["meta"]["profile"]
    read = await At(fresh).get("900000103", f"/Goal/{own[0]['id']}")
    assert read.status_code == 200
    assert decode(read.content) == own[0]


async def test_nothing_of_it_is_written_there(fresh: Service) -> None:
    found = await At(fresh).found("900000103", "/Goal")
    answer = await At(fresh).send("PUT", "900000103", f"/Goal/{found[0]['id']}", found[0])
    assert (answer.status_code, codes(answer)) == (405, ["not-supported"])

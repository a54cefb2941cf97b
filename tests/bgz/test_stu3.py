"""The record in one call at ``/fhir/stu3``: the BgZ, the summary and all sources, in both formats."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

import pytest
from fhir.resources.STU3 import get_fhir_model_class as stu3_model
from pypdf import PdfReader

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from tests import builders
from tests.bgz.records import keep_one_of_each
from tests.careplan.documents import NAMES, anna_has_everything, anna_starts
from tests.server.service import Caller, link

ROOT: Final = "http://zelfregie.test/fhir/stu3"
STU3: Final = load("3.0.1")


async def asked(caller: Caller, operation: str, form: str = "json") -> Resource:
    """The answer, in STU3 by our definitions and to another implementation."""
    answer = await caller.get(f"{ROOT}/Patient/anna/{operation}", {"accept": f"application/fhir+{form}"})
    assert answer.status_code == 200, answer.text
    bundle = from_xml(answer.content, STU3) if form == "xml" else decode(answer.content)
    assert [each for each in validate(bundle, STU3) if each.severity in ("error", "fatal")] == []
    for each in bundle["entry"]:
        assert each["fullUrl"].startswith((f"{ROOT}/", "urn:uuid:"))
        stu3_model(each["resource"]["resourceType"]).model_validate_json(encode(each["resource"]))
    return bundle


def of_type(bundle: Resource, kind: str) -> list[Resource]:
    return [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("operation", ["$bgz", "$summary", "$overview"])
async def test_each_is_given_in_stu3(anna: Caller, operation: str, form: str) -> None:
    await keep_one_of_each(anna)
    await anna_has_everything(anna)
    bundle = await asked(anna, operation, form)
    assert of_type(bundle, "Condition")[0]["clinicalStatus"] == "active"
    if operation != "$summary":
        assert link(bundle, "self") == f"{ROOT}/Patient/anna/{operation}"
    if operation == "$bgz":
        assert of_type(bundle, "ProcedureRequest")


async def test_pages_of_the_bgz_follow_each_other_there(anna: Caller) -> None:
    await keep_one_of_each(anna)
    whole = {each["fullUrl"] for each in (await asked(anna, "$bgz"))["entry"]}
    found: set[str] = set()
    address: str | None = f"{ROOT}/Patient/anna/$bgz?_count=5"
    while address is not None:
        assert address.startswith(f"{ROOT}/Patient/anna/$bgz")
        page = decode((await anna.get(address)).content)
        found |= {each["fullUrl"] for each in page["entry"]}
        address = link(page, "next")
    assert found == whole


async def test_the_summary_is_a_document_whose_plan_and_goals_are_those_of_zib2017(anna: Caller) -> None:
    own = await anna_has_everything(anna)
    other = await anna.create(builders.goal(description={"text": "Van een ander"}))
    bundle = await asked(anna, "$summary")
    assert bundle["type"] == "document"
    assert "timestamp" not in bundle
    composition = bundle["entry"][0]["resource"]
    named = [each["reference"] for section in composition["section"] for each in section.get("entry", ())]
    assert {*named, composition["subject"]["reference"]} <= {each["fullUrl"] for each in bundle["entry"]}
    plan = next(each for each in of_type(bundle, "CarePlan") if each["id"] == own["id"])
    assert claims(plan) == ["nl-core-careplan"]
    of_plan = {name(each) for each in plan["goal"]}
    goals = {each["id"]: each for each in of_type(bundle, "Goal")}
    assert of_plan < goals.keys()
    assert all(claims(goals[each]) == ["zib-TreatmentObjective"] for each in of_plan)
    assert other["id"] in goals


async def test_in_r4_the_plan_says_who_does_an_agreement_and_how_often(anna: Caller) -> None:
    started = await anna_starts(anna, "Ik wil weer naar mijn koor.")
    parts = [
        {"url": "who", "valueReference": {"reference": "Patient/anna"}},
        {"url": "frequency", "valueString": "elke dinsdag"},
    ]
    agreement = {"url": NAMES.extension("agreement"), "extension": parts}
    detail = {"status": "scheduled", "description": "Zingen"}
    activity = [{"id": "zingen", "extension": [agreement], "detail": detail}]
    answer = await anna.put(f"/CarePlan/{started['id']}", {**started, "activity": activity})
    assert answer.status_code == 200, answer.text
    bundle = decode((await anna.get("/Patient/anna/$summary")).content)
    (plan,) = of_type(bundle, "CarePlan")
    seen = plan["activity"][0]["detail"]
    assert seen["scheduledString"] == "elke dinsdag"
    assert [name(each) for each in seen["performer"]] == ["anna"]
    held = decode((await anna.get(f"/CarePlan/{started['id']}")).content)
    assert held["activity"][0]["detail"] == detail


async def test_pages_to_print_are_the_same_there(anna: Caller) -> None:
    answer = await anna.get(f"{ROOT}/Patient/anna/$summary", {"accept": "application/pdf"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert PdfReader(BytesIO(answer.content)).pages


def claims(resource: Resource) -> list[str]:
    """The names of the profiles that it claims."""
    return [each.rpartition("/")[2] for each in resource.get("meta", {}).get("profile", ())]


def name(given: Any) -> str:
    """The id that a reference ends with."""
    return str(given["reference"]).rpartition("/")[2]

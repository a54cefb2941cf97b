"""``$extract``: answers as Observations, which are stored when they are sent back, and once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from app.questionnaires.operations.unoffered import PREFIX, WAYS
from tests.questionnaires.answering import SDC, coding, given, item, quantity, questionnaire, response, when
from tests.server.service import Caller, codes

_LOINC: Final = "http://loinc.org"
_VITAL: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]
}
_EXTRACT: Final = (f"{SDC}sdc-questionnaire-observationExtract", {"valueBoolean": True})
_NOT: Final = (f"{SDC}sdc-questionnaire-observationExtract", {"valueBoolean": False})
_CATEGORY: Final = (f"{SDC}sdc-questionnaire-observation-extract-category", {"valueCodeableConcept": _VITAL})
_KG: Final = (
    "questionnaire-unit",
    {"valueCoding": {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kg"}},
)


def _code(code: str) -> list[Resource]:
    return [{"system": "http://example.org/codes", "code": code}]


_ASKED: Final = questionnaire(
    item(
        "gewicht",
        "decimal",
        text="Gewicht",
        code=[{"system": _LOINC, "code": "29463-7"}],
        extension=[_EXTRACT, _CATEGORY, _KG],
    ),
    item("lengte", "quantity", code=_code("lengte")),
    item(
        "blok",
        "group",
        item("ja", "boolean", code=_code("ja")),
        item("soort", "choice", code=_code("soort"), repeats=True),
        item("dag", "date", code=_code("dag"), enableWhen=[when("ja", "=", answerBoolean=True)]),
        item("niet", "string", code=_code("niet"), extension=[_NOT]),
        item("foto", "attachment", code=_code("foto")),
        item("zonder", "string"),
        code=_code("blok"),
        extension=[_EXTRACT],
    ),
    id="proef",
)
_BLOCK: Final = given(
    "blok",
    items=[
        given("ja", ("Boolean", True)),
        given("soort", ("Coding", coding("a")), ("Coding", coding("b"))),
        given("dag", ("Date", "2026-10-31")),
        given("niet", ("String", "x")),
        given("foto", ("Attachment", {"contentType": "image/png"})),
        given("zonder", ("String", "x")),
    ],
)
_ANSWERS: Final = response(
    given("gewicht", ("Decimal", Decimal("70.5"))), given("lengte", ("Quantity", quantity(180, "cm"))), _BLOCK
)


@pytest.fixture
async def asked(operator: Caller) -> None:
    await operator.keep(_ASKED)


async def _extracted(caller: Caller, stored: Resource) -> tuple[Resource, list[Resource]]:
    answer = await caller.post(f"/QuestionnaireResponse/{stored['id']}/$extract", {"resourceType": "Parameters"})
    assert answer.status_code == 200, answer.text
    parameters = {each["name"]: each["resource"] for each in decode(answer.content)["parameter"]}
    return parameters["return"], parameters.get("issues", {}).get("issue", [])


def _by_code(bundle: Resource) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for entry in bundle.get("entry", ()):
        found.setdefault(entry["resource"]["code"]["coding"][0]["code"], []).append(entry["resource"])
    return found


@pytest.mark.usefixtures("asked")
async def test_marked_answers_become_observations_of_their_codes(anna: Caller) -> None:
    stored = await anna.create(_ANSWERS)
    bundle, issues = await _extracted(anna, stored)
    assert bundle["type"] == "transaction"
    found = _by_code(bundle)
    assert set(found) == {"29463-7", "ja", "soort", "dag", "blok"}
    (weight,) = found["29463-7"]
    assert weight["category"] == [_VITAL]
    assert weight["valueQuantity"]["value"] == Decimal("70.5")
    assert weight["valueQuantity"]["code"] == "kg"
    assert weight["status"] == "final"
    assert weight["effectiveDateTime"] == _ANSWERS["authored"]
    assert weight["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{stored['id']}"}]
    assert weight["performer"] == [{"reference": "Patient/anna"}]
    assert found["ja"][0]["category"][0]["coding"][0]["code"] == "survey"
    assert found["ja"][0]["valueBoolean"] is True
    assert [each["valueCodeableConcept"]["coding"][0]["code"] for each in found["soort"]] == ["a", "b"]
    assert found["dag"][0]["valueDateTime"] == "2026-10-31"
    assert len(found["blok"][0]["hasMember"]) == 4
    assert [each["expression"] for each in issues] == [["QuestionnaireResponse.item[2].item[4].answer[0].value"]]
    assert await anna.found("/Observation") == []


@pytest.mark.usefixtures("asked")
async def test_what_is_sent_back_is_stored_once_also_after_an_amendment(anna: Caller) -> None:
    stored = await anna.create(_ANSWERS)
    for _ in range(2):
        bundle, _ = await _extracted(anna, stored)
        answer = await anna.post("", bundle)
        assert answer.status_code == 200, answer.text
        assert len(await anna.found("/Observation")) == 6
    changed = {**stored, "status": "amended", "item": [given("gewicht", ("Decimal", Decimal(71))), *stored["item"][1:]]}
    assert (await anna.put(f"/QuestionnaireResponse/{stored['id']}", changed)).status_code == 200
    bundle, _ = await _extracted(anna, stored)
    assert (await anna.post("", bundle)).status_code == 200
    assert len(await anna.found("/Observation")) == 6
    (weight,) = (await anna.bundle("/Observation?code=29463-7"))["entry"]
    assert weight["resource"]["valueQuantity"]["value"] == 71
    assert weight["resource"]["status"] == "amended"
    (panel,) = (await anna.bundle("/Observation?code=blok"))["entry"]
    for each in panel["resource"]["hasMember"]:
        assert (await anna.get(f"/{each['reference']}")).status_code == 200


@pytest.mark.usefixtures("asked")
async def test_answers_that_are_not_stored_can_be_sent(anna: Caller) -> None:
    answer = await anna.post("/QuestionnaireResponse/$extract", _ANSWERS)
    assert answer.status_code == 200, answer.text
    parameters = {each["name"]: each["resource"] for each in decode(answer.content)["parameter"]}
    assert len(parameters["return"]["entry"]) == 6
    assert "derivedFrom" not in parameters["return"]["entry"][0]["resource"]
    assert "information" in [each["severity"] for each in parameters["issues"]["issue"]]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "in-progress"}, 422),
        ({"questionnaire": "http://example.org/Questionnaire/elders"}, 404),
        ({"subject": {"reference": "Patient/bram"}}, 404),
        ({"item": [given("gewicht", ("String", "zwaar"))]}, 422),
        ({"item": [{"answer": []}]}, 422),
    ],
)
async def test_what_cannot_be_extracted_is_refused(anna: Caller, changes: dict[str, Any], status: int) -> None:
    answer = await anna.post("/QuestionnaireResponse/$extract", {**_ANSWERS, **changes})
    assert answer.status_code == status, answer.text
    assert codes(answer)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("marked", [False, True], ids=["alone", "beside"])
async def test_another_way_to_extract_is_named_and_not_passed_over(
    anna: Caller, operator: Caller, way: str, *, marked: bool
) -> None:
    mark = {"url": f"{PREFIX}{way}", "valueCanonical": "http://example.org/wat"}
    weight = item("gewicht", "decimal", code=_code("gewicht"), **({"extension": [_EXTRACT]} if marked else {}))
    name = item("naam", "string", definition="http://hl7.org/fhir/StructureDefinition/Patient#Patient.name.family")
    if way.startswith("template"):  # within a template, as SDC has them
        template = {"resourceType": "Patient", "id": "sjabloon", "name": [{"_family": {"extension": [mark]}}]}
        refers = {"url": "template", "valueReference": {"reference": "#sjabloon"}}
        name["extension"] = [{"url": f"{PREFIX}templateExtract", "extension": [refers]}]
        asked = questionnaire(weight, name, id="proef", contained=[template])
    else:
        asked = {**questionnaire(weight, name, id="proef"), "extension": [mark]}
    await operator.keep(asked)
    answers = response(given("gewicht", ("Decimal", Decimal(70))), given("naam", ("String", "Proefstra")))
    answer = await anna.post("/QuestionnaireResponse/$extract", answers)
    if not marked:
        assert answer.status_code == 422
        issues = decode(answer.content)["issue"]
        assert {each["severity"] for each in issues} == {"error"}
    else:
        assert answer.status_code == 200, answer.text
        parameters = {each["name"]: each["resource"] for each in decode(answer.content)["parameter"]}
        assert set(_by_code(parameters["return"])) == {"gewicht"}
        issues = [each for each in parameters["issues"]["issue"] if each["severity"] == "warning"]
    told = [each for each in issues if f"{PREFIX}{way}." in each["diagnostics"]]
    assert [each["code"] for each in told] == ["not-supported"]
    assert "Proefstra" not in answer.text


async def test_what_marks_nothing_gives_nothing_and_says_so(anna: Caller, operator: Caller) -> None:
    await operator.keep(questionnaire(item("naam", "string"), id="proef"))
    stored = await anna.create(response(given("naam", ("String", "x"))))
    bundle, issues = await _extracted(anna, stored)
    assert "entry" not in bundle
    assert [each["details"]["text"] for each in issues] == ["questionnaire-extract-unmarked"]


async def test_answers_of_somebody_else_are_not_there(anna: Caller, bram: Caller, operator: Caller) -> None:
    await operator.keep(_ASKED)
    stored = await anna.create(_ANSWERS)
    assert (
        await bram.post(f"/QuestionnaireResponse/{stored['id']}/$extract", {"resourceType": "Parameters"})
    ).status_code == 404

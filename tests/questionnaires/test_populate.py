"""``$populate``: what is known already, as far as the caller may see it, and what could not be filled in."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.questionnaires.items import answers_of
from tests import builders
from tests.careplan.actors import actor
from tests.questionnaires.answering import SDC, URL, coding, item, quantity, questionnaire
from tests.server.grants import token_with
from tests.server.service import Caller, Service, codes

_DAY: Final = 86_400_000_000
_LOINC: Final = "http://loinc.org"
_UCUM: Final = "http://unitsofmeasure.org"


def _initial(expression: str) -> list[tuple[str, Resource]]:
    value = {"valueExpression": {"language": "text/fhirpath", "expression": expression}}
    return [(f"{SDC}sdc-questionnaire-initialExpression", value)]


def _link(value: int, code: str) -> tuple[str, Resource]:
    return (
        f"{SDC}sdc-questionnaire-observationLinkPeriod",
        {"valueDuration": {"value": value, "system": _UCUM, "code": code}},
    )


_ASKED: Final = questionnaire(
    item("uitleg", "display", text="Lees dit eerst."),
    item("vast", readOnly=True, initial=[{"valueString": "versie A"}]),
    item(
        "keuze",
        "choice",
        answerOption=[{"valueCoding": coding("a"), "initialSelected": True}, {"valueCoding": coding("b")}],
    ),
    item(
        "wie",
        "group",
        item("geboren", "date", extension=_initial("%patient.birthDate")),
        item("door", extension=_initial("%user.id")),
        item("bsn", extension=_initial("%patient.identifier.value")),
    ),
    item(
        "gewicht",
        "decimal",
        code=[{"system": _LOINC, "code": "29463-7"}],
        extension=[_link(7, "d"), ("questionnaire-unit", {"valueCoding": {"system": _UCUM, "code": "kg"}})],
    ),
    item("bovendruk", "quantity", code=[{"system": _LOINC, "code": "8480-6"}], extension=[_link(1, "mo")]),
    item(
        "verborgen",
        "integer",
        initial=[{"valueInteger": 7}],
        extension=[("questionnaire-hidden", {"valueBoolean": True})],
    ),
    item("leeg", text="Hoe gaat het?"),
    item(
        "context",
        "string",
        extension=[
            (
                f"{SDC}sdc-questionnaire-itemPopulationContext",
                {"valueExpression": {"language": "text/fhirpath", "expression": "%x"}},
            )
        ],
    ),
    id="proef",
    identifier=[{"system": "urn:lijsten", "value": "7|a"}],
)


@pytest.fixture
async def asked(operator: Caller, anna: Caller, service: Service) -> None:
    await operator.keep(_ASKED)
    now = service.server.clock()
    for days, value in ((1, quantity(70500, "g")), (2, quantity(72, "kg")), (30, quantity(80, "kg"))):
        await anna.create(builders.observation(effectiveDateTime=instant(now - days * _DAY), valueQuantity=value))


async def _populated(
    caller: Caller, address: str = f"/Questionnaire/$populate?canonical={URL}"
) -> tuple[Resource, list[Resource]]:
    answer = await caller.get(address)
    assert answer.status_code == 200, answer.text
    parameters = {each["name"]: each["resource"] for each in decode(answer.content)["parameter"]}
    return parameters["response"], parameters.get("issues", {}).get("issue", [])


def _values(response: Resource) -> dict[str, list[Any]]:
    return {name: [next(iter(each.values())) for each in answers] for name, answers in answers_of(response).items()}


@pytest.mark.usefixtures("asked")
async def test_a_draft_comes_with_what_is_known(anna: Caller) -> None:
    response, issues = await _populated(anna)
    assert response["status"] == "in-progress"
    assert response["questionnaire"] == f"{URL}|1"
    assert response["subject"] == {"reference": "Patient/anna"}
    found = _values(response)
    assert found["vast"] == ["versie A"]
    assert [each["code"] for each in found["keuze"]] == ["a"]
    assert found["geboren"] == [builders.patient("anna")["birthDate"]]
    assert found["door"] == ["anna"]
    assert found["verborgen"] == [7]
    assert [str(each) for each in found["gewicht"]] == ["70.5"]
    assert found["bsn"] == []
    assert found["leeg"] == []
    assert found["bovendruk"] == []
    assert "uitleg" not in found
    told = {each["expression"][0]: each["severity"] for each in issues}
    assert told["Questionnaire.item[5]"] == "information"
    assert told["Questionnaire.item[8]"] == "warning"
    assert (await anna.post("/QuestionnaireResponse", response)).status_code == 201


@pytest.mark.usefixtures("asked")
async def test_a_questionnaire_is_named_in_each_way_there_is(anna: Caller, operator: Caller) -> None:
    first, _ = await _populated(anna)
    for address in (
        "/Questionnaire/proef/$populate",
        f"/Questionnaire/$populate?canonical={URL}|1&subject=Patient/anna",
        "/Questionnaire/$populate?questionnaireRef=Questionnaire/proef",
    ):
        found, _ = await _populated(anna, address)
        assert _values(found) == _values(first)
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "identifier", "valueIdentifier": {"system": "urn:lijsten", "value": "7|a"}},
            {"name": "subject", "valueReference": {"reference": "Patient/anna"}},
        ],
    }
    answer = await operator.post("/Questionnaire/$populate", body)
    assert answer.status_code == 200, answer.text


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/Questionnaire/$populate", 400),
        ("/Questionnaire/proef/$populate?canonical=http://example.org/x", 400),
        ("/Questionnaire/$populate?canonical=http://example.org/x", 404),
        ("/Questionnaire/nergens/$populate", 404),
        (f"/Questionnaire/$populate?canonical={URL}&subject=Patient/bram", 404),
        (f"/Questionnaire/$populate?canonical={URL}&subject=Device/x", 400),
    ],
)
async def test_what_cannot_be_filled_in_is_refused(anna: Caller, address: str, status: int) -> None:
    assert (await anna.get(address)).status_code == status


@pytest.mark.usefixtures("asked")
async def test_nothing_is_told_that_the_caller_may_not_see(service: Service) -> None:
    narrow = await token_with(service, "patient/Questionnaire.rs patient/Patient.rs", "anna", kind="app")
    response, issues = await _populated(narrow)
    assert _values(response)["gewicht"] == []
    assert "suppressed" in {each["code"] for each in issues}
    blind = await token_with(service, "patient/Questionnaire.rs patient/Observation.rs", "anna", kind="app")
    response, issues = await _populated(blind)
    assert _values(response)["geboren"] == []
    assert _values(response)["gewicht"]
    without = await token_with(service, "patient/Patient.rs", "anna", kind="app")
    assert (await without.get(f"/Questionnaire/$populate?canonical={URL}")).status_code == 403


@pytest.mark.usefixtures("asked")
async def test_without_local_nothing_is_filled_in(anna: Caller) -> None:
    response, issues = await _populated(anna, f"/Questionnaire/$populate?canonical={URL}&local=false")
    assert all(not each for each in _values(response).values())
    assert issues == []


@pytest.mark.usefixtures("asked")
async def test_a_professional_is_the_user(service: Service) -> None:
    doctor = await actor(service, "professional")
    response, _ = await _populated(doctor, f"/Questionnaire/$populate?canonical={URL}&subject=Patient/anna")
    assert _values(response)["door"] == ["doctor"]


async def test_what_has_no_licence_is_not_filled_in(operator: Caller, anna: Caller) -> None:
    canonical = "https://zelfregie.example/fhir/Questionnaire/semas"
    await operator.keep({**questionnaire(item("1", "integer"), url=canonical), "id": "semas"})
    answer = await anna.get(f"/Questionnaire/$populate?canonical={canonical}")
    assert answer.status_code == 422
    assert "business-rule" in codes(answer)


async def test_what_somebody_keeps_in_their_own_record_is_not_asked_of_people(anna: Caller) -> None:
    own = await anna.create(questionnaire(item("q")))
    assert (await anna.get(f"/Questionnaire/{own['id']}/$populate")).status_code == 404


async def test_a_number_whose_unit_nobody_sees_and_a_doubted_value_are_not_filled_in(
    anna: Caller, operator: Caller, practice: Caller, service: Service
) -> None:
    code, kg = [{"system": _LOINC, "code": "29463-7"}], {"valueCoding": {"system": _UCUM, "code": "kg"}}
    items = (
        item("kaal", "decimal", code=code, extension=[_link(7, "d")]),
        item("gewicht", "decimal", code=code, extension=[_link(7, "d"), ("questionnaire-unit", kg)]),
        item("met", "quantity", code=code, extension=[_link(7, "d")]),
    )
    await operator.keep(questionnaire(*items, id="eenheid", url=f"{URL}-eenheid"))
    now = service.server.clock()
    for caller, days, value in ((anna, 1, 390), (practice, 2, 3900), (anna, 3, 71)):
        moment = instant(now - days * _DAY)
        await caller.create(builders.observation(effectiveDateTime=moment, valueQuantity=quantity(value, "kg")))
    response, issues = await _populated(anna, f"/Questionnaire/$populate?canonical={URL}-eenheid")
    found = _values(response)
    assert found["kaal"] == []
    assert [str(each) for each in found["gewicht"]] == ["71"]
    assert [str(each["value"]) for each in found["met"]] == ["71"]
    assert [each["expression"] for each in issues] == [["Questionnaire.item[0]"]]

"""Answers over HTTP on both databases: the rows of the intake table, drafts, amendments, and who filled in."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from tests import builders
from tests.questionnaires.answering import URL, coding, given, item, questionnaire, response, when
from tests.server.service import Caller, Service, issues

_SYSTEM: Final = "https://zelfregie.example/fhir/CodeSystem/intake"
_VALUE_SET: Final = {
    "resourceType": "ValueSet",
    "url": "http://example.org/ValueSet/soorten",
    "status": "active",
    "compose": {"include": [{"system": "http://example.org/codes", "concept": [{"code": "a"}, {"code": "b"}]}]},
}
_ASKED: Final = questionnaire(
    item("pijn", "integer", required=True, extension=[("maxValue", {"valueInteger": 10})]),
    item("waar", enableWhen=[when("pijn", ">", answerInteger=0)]),
    item("soort", "choice", answerValueSet="http://example.org/ValueSet/soorten"),
    id="proef",
    subjectType=["Patient"],
)
_GOOD: Final = response(given("pijn", ("Integer", 3)), given("waar", ("String", "knie")))
_BAD: Final = response(given("pijn", ("Integer", 11)), given("waar", ("Integer", 1)))


@pytest.fixture
async def asked(operator: Caller) -> None:
    await operator.create(_VALUE_SET)
    await operator.keep(_ASKED)


@pytest.mark.usefixtures("asked")
async def test_a_person_is_refused_with_all_problems_at_once(anna: Caller) -> None:
    answer = await anna.post("/QuestionnaireResponse", _BAD)
    assert answer.status_code == 422, answer.text
    assert [each["expression"] for each in issues(answer)] == [
        ["QuestionnaireResponse.item[0].answer[0].value"],
        ["QuestionnaireResponse.item[1].answer[0].value"],
    ]
    assert await anna.found("/QuestionnaireResponse") == []
    assert (await anna.create(_GOOD))["item"] == _GOOD["item"]


@pytest.mark.usefixtures("asked")
async def test_a_transaction_of_a_person_is_refused_with_the_place_in_it(anna: Caller) -> None:
    answer = await anna.post("", builders.transaction(builders.posted(_GOOD), builders.posted(_BAD)))
    assert answer.status_code == 422, answer.text
    assert [each["expression"][0] for each in issues(answer)] == [
        "Bundle.entry[1].resource.item[0].answer[0].value",
        "Bundle.entry[1].resource.item[1].answer[0].value",
    ]
    assert await anna.found("/QuestionnaireResponse") == []


@pytest.mark.usefixtures("asked")
async def test_what_a_system_delivers_is_stored_and_flagged(practice: Caller, anna: Caller) -> None:
    answer = await practice.post("/QuestionnaireResponse", _BAD, {"Prefer": "return=representation"})
    assert answer.status_code == 201, answer.text
    (tag,) = decode(answer.content)["meta"]["tag"]
    assert (tag["system"], tag["code"]) == (_SYSTEM, "profile-deviation")
    told = await practice.post("/QuestionnaireResponse", _BAD)
    assert told.status_code == 201
    assert [each["severity"] for each in issues(told)].count("warning") == 2
    assert len(await anna.found("/QuestionnaireResponse")) == 2
    assert len(await anna.found("/Provenance")) == 2
    batch = await practice.post("", builders.batch(builders.posted(_BAD), builders.posted(_GOOD)))
    entries = decode(batch.content)["entry"]
    assert [each["response"]["status"][:3] for each in entries] == ["201", "201"]


@pytest.mark.usefixtures("asked")
async def test_validate_says_what_a_write_would(anna: Caller) -> None:
    answer = await anna.post("/QuestionnaireResponse/$validate", _BAD)
    assert sum(each["severity"] == "error" for each in issues(answer)) == 2
    assert all(
        each["severity"] != "error" for each in issues(await anna.post("/QuestionnaireResponse/$validate", _GOOD))
    )


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("answer", "status", "severity"),
    [
        (coding("a"), 201, None),
        (coding("a", None), 201, None),
        (coding("c"), 422, "error"),
    ],
)
async def test_a_value_set_is_the_one_of_the_servers_terminology(
    anna: Caller, answer: Resource, status: int, severity: str | None
) -> None:
    sent = response(given("pijn", ("Integer", 0)), given("soort", ("Coding", answer)))
    got = await anna.post("/QuestionnaireResponse", sent)
    assert got.status_code == status, got.text
    if severity:
        assert [each["severity"] for each in issues(got)] == [severity]


async def test_a_value_set_that_is_not_held_is_a_warning(operator: Caller, anna: Caller) -> None:
    await operator.keep(
        {**questionnaire(item("q", "choice", answerValueSet="http://example.org/ValueSet/x")), "id": "q"}
    )
    answer = await anna.post("/QuestionnaireResponse", response(given("q", ("Coding", coding("a")))))
    assert answer.status_code == 201
    assert "warning" in [each["severity"] for each in issues(answer)]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("canonical", "status", "refused"),
    [
        (None, "completed", True),
        (None, "in-progress", False),
        ("https://zelfregie.example/fhir/Questionnaire/nergens", "completed", True),
        ("https://zelfregie.example/fhir/Questionnaire/nergens", "in-progress", False),
        (f"{URL}|2", "completed", False),
        ("http://vragenlijsten.example/Questionnaire/q", "completed", False),
    ],
)
async def test_a_questionnaire_of_ours_is_held_and_anothers_need_not_be(
    anna: Caller, canonical: str | None, status: str, *, refused: bool
) -> None:
    sent = {**_GOOD, "status": status, "questionnaire": canonical}
    if canonical is None:
        del sent["questionnaire"]
    answer = await anna.post("/QuestionnaireResponse", sent)
    assert answer.status_code == (422 if refused else 201), answer.text
    if not refused and canonical is not None:
        told = await anna.post("/QuestionnaireResponse", sent, {"Prefer": "return=OperationOutcome"})
        assert "information" in [each["severity"] for each in issues(told)]


@pytest.mark.parametrize("status", ["in-progress", "completed"])
async def test_what_has_no_licence_here_is_not_answered(
    service: Service, anna: Caller, practice: Caller, status: str
) -> None:
    canonical = "https://zelfregie.example/fhir/Questionnaire/pam-13"
    operator = service.caller("operator")
    await operator.keep({**questionnaire(item("1", "choice"), url=canonical), "id": "pam-13"})
    sent = {**response(), "questionnaire": canonical, "status": status}
    answer = await anna.post("/QuestionnaireResponse", sent)
    assert answer.status_code == 422, answer.text
    assert [each["expression"] for each in issues(answer)] == [["QuestionnaireResponse.questionnaire"]]
    assert "licen" in answer.text
    told = await practice.post("/QuestionnaireResponse", sent)
    assert told.status_code == 201
    assert "warning" in [each["severity"] for each in issues(told)]


@pytest.mark.usefixtures("asked")
async def test_a_draft_is_saved_at_each_step_completed_and_amended_and_every_version_stays(anna: Caller) -> None:
    first = await anna.create(response(status="in-progress"))
    place = f"/QuestionnaireResponse/{first['id']}"
    second = {**first, "item": [given("pijn", ("Integer", 0))]}
    saved = await anna.put(place, second, {"If-Match": 'W/"1"'})
    assert saved.status_code == 200, saved.text
    assert (await anna.put(place, first, {"If-Match": 'W/"1"'})).status_code == 412
    early = {**second, "status": "completed", "item": [given("waar", ("String", "knie"))]}
    assert (await anna.put(place, early, {"If-Match": 'W/"2"'})).status_code == 422
    done = {**second, "status": "completed", "item": _GOOD["item"]}
    assert (await anna.put(place, done, {"If-Match": 'W/"2"'})).status_code == 200
    changed = {**done, "item": [given("pijn", ("Integer", 1))]}
    refused = await anna.put(place, changed)
    assert refused.status_code == 422
    assert "amended" in refused.text
    assert (await anna.put(place, {**changed, "status": "amended"})).status_code == 200
    assert (await anna.put(place, {**done, "status": "amended"})).status_code == 200
    history = await anna.bundle(f"{place}/_history")
    assert [each["resource"]["status"] for each in history["entry"]] == [
        "amended",
        "amended",
        "completed",
        "in-progress",
        "in-progress",
    ]


_STATUSES: Final = ("in-progress", "completed", "amended", "stopped", "entered-in-error")
_ALLOWED: Final = {
    ("in-progress", "completed"),
    ("in-progress", "stopped"),
    ("completed", "amended"),
    *((each, "entered-in-error") for each in _STATUSES),
    *((each, each) for each in _STATUSES),
}


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("was", _STATUSES)
async def test_answers_go_from_status_to_status_and_never_back_to_a_draft(anna: Caller, was: str) -> None:
    for now in _STATUSES:
        kept = await anna.create({**_GOOD, "status": was})
        answer = await anna.put(f"/QuestionnaireResponse/{kept['id']}", {**kept, "status": now})
        assert answer.status_code == (200 if (was, now) in _ALLOWED else 422), (was, now, answer.text)


@pytest.mark.usefixtures("asked")
async def test_questionnaire_and_subject_never_change(anna: Caller, practice: Caller) -> None:
    kept = await anna.create({**_GOOD, "status": "in-progress"})
    place = f"/QuestionnaireResponse/{kept['id']}"
    for caller in (anna, practice):
        for element, other in (
            ("questionnaire", "http://example.org/Questionnaire/other"),
            ("subject", {"reference": "Device/x"}),
        ):
            answer = await caller.put(place, {**kept, element: other})
            assert answer.status_code in (409, 422), answer.text
    unversioned = await anna.create({**_GOOD, "questionnaire": URL, "status": "in-progress"})
    versioned = {**unversioned, "questionnaire": f"{URL}|1", "status": "completed"}
    assert (await anna.put(f"/QuestionnaireResponse/{unversioned['id']}", versioned)).status_code == 200


@pytest.mark.usefixtures("asked")
async def test_when_it_was_filled_in_is_kept_or_set(anna: Caller, practice: Caller) -> None:
    assert (await anna.create(_GOOD))["authored"] == _GOOD["authored"]
    without = {name: value for name, value in _GOOD.items() if name != "authored"}
    assert (await anna.create(without))["authored"].startswith("20")
    assert "authored" not in await practice.create(without)


def _by(**who: Any) -> Resource:
    return {**_GOOD, **{name: {"reference": each} for name, each in who.items()}}


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("who", "refused"),
    [
        ({}, []),
        ({"author": "Patient/anna", "source": "Patient/anna"}, []),
        ({"author": "http://zelfregie.test/fhir/Patient/anna"}, []),
        ({"author": "RelatedPerson/daughter", "source": "Patient/anna"}, []),
        ({"author": "Device/app", "source": "Patient/anna"}, []),
        ({"source": "RelatedPerson/daughter"}, ["source"]),
        ({"author": "Practitioner/doctor"}, ["author"]),
        ({"source": "Practitioner/doctor", "author": "Practitioner/doctor"}, ["author", "source"]),
        ({"author": "http://elsewhere.example/fhir/Patient/anna"}, ["author"]),
        ({"author": "Organization/practice"}, ["author"]),
    ],
)
async def test_nobody_says_that_another_filled_in(anna: Caller, who: dict[str, str], refused: list[str]) -> None:
    answer = await anna.post("/QuestionnaireResponse", _by(**who))
    assert answer.status_code == (422 if refused else 201), answer.text
    if refused:
        places = [each["expression"][0].rpartition(".")[2] for each in issues(answer)]
        assert places == refused


@pytest.mark.usefixtures("asked")
async def test_a_system_says_who_filled_in_and_that_stays_until_the_answers_change(
    anna: Caller, practice: Caller
) -> None:
    kept = await practice.create(_by(author="Practitioner/doctor", source="Patient/anna"))
    place = f"/QuestionnaireResponse/{kept['id']}"
    assert (await anna.put(place, {**kept, "language": "nl"})).status_code == 200
    changed = {**kept, "status": "amended", "item": [given("pijn", ("Integer", 0))]}
    assert (await anna.put(place, changed)).status_code == 422
    mine = {**changed, "author": {"reference": "Patient/anna"}}
    assert (await anna.put(place, mine)).status_code == 200

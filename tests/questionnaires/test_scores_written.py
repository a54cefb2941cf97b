"""Scores are written when answers are complete, by whatever door, stay true to them, and are nobody else's to write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from app.questionnaires.installing.keeping import install
from app.questionnaires.installing.wanted import Wanted
from app.questionnaires.instruments import Licence
from app.questionnaires.names import Names
from app.questionnaires.scoring.observations import basis_of
from tests import builders
from tests.questionnaires.scoring import ANSWERS, URL, answered, dimension, key, questionnaire
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues
from tests.server.test_loading import loaded

NAMES: Final = Names(CANONICAL_BASE)
KOM_VERDER: Final = f"{CANONICAL_BASE}/Questionnaire/kom-verder"
LICENCE: Final = Licence(holder="Nephouder", terms="nep")
BANDS: Final = [
    {"class": "few", "nl": "weinig", "en": "few", "to": 4},
    {"class": "many", "nl": "veel", "en": "many", "from": 5},
]
LINEAR: Final = {"then": [{"linear": {"from": [0, 9], "to": [0, 100]}}], "round": {"digits": 1, "rule": "half-up"}}
DIMENSIONS: Final = (
    dimension(items=["1", "2", "3"], bands={"A": BANDS, "B": [{**BANDS[0], "to": 2}, {**BANDS[1], "from": 3}]}),
    dimension("share", of=["total"], code="http://loinc.org|44261-6", **LINEAR),
    dimension("each", method="items", items=["2", "3"], meaning=None),
)


@pytest.fixture
async def service(seeded_service: Service) -> AsyncIterator[Service]:
    """The service with a questionnaire and its key installed."""
    await seeded_service.reset()
    await keep(seeded_service, key(*DIMENSIONS, cut_offs="A"))
    yield seeded_service
    await seeded_service.reset()


async def keep(service: Service, scoring: Resource, **facts: Any) -> None:
    """Install this key, in the place of what was there."""
    wanted = Wanted(questionnaire(3), LICENCE, scoring, {"base": "", **facts})
    await install(service.server, wanted, tenant=1, replace=True, now=service.server.clock())


async def results(caller: Caller, response: Resource | str) -> dict[str, Resource]:
    """What was computed from a response, by the last part of the code; the newest where a code is there twice."""
    name = response if isinstance(response, str) else response["id"]
    page = await caller.bundle(f"/Observation?derived-from=QuestionnaireResponse/{name}&_sort=_lastUpdated&_count=100")
    return {each["resource"]["code"]["coding"][0]["code"]: each["resource"] for each in page.get("entry", ())}


def number(observation: Resource) -> str:
    return str(observation["valueQuantity"]["value"])


def part(observation: Resource, code: str) -> list[Resource]:
    return [each for each in observation["component"] if each["code"]["coding"][0]["code"] == code]


def basis(observation: Resource) -> Resource:
    found = basis_of(observation, NAMES)
    assert found is not None
    return dict(found)


async def test_what_is_filled_in_has_scores_that_say_what_they_rest_on(anna: Caller) -> None:
    filled = await anna.create(answered("bcd", language="nl"))
    found = await results(anna, filled)
    assert set(found) == {"nep", "nep-total", "44261-6", "nep-each"}
    panel, total = found["nep"], found["nep-total"]
    assert [each["reference"] for each in panel["hasMember"]] == [
        f"Observation/{found[code]['id']}" for code in ("nep-total", "44261-6", "nep-each")
    ]
    assert (number(total), number(found["44261-6"])) == ("6", "66.7")
    assert total["valueQuantity"]["code"] == "{score}"
    assert part(total, "class")[0]["valueCodeableConcept"]["text"] == "veel"
    assert part(found["44261-6"], "raw")[0]["valueQuantity"]["value"] == 6
    assert [each["code"]["text"] for each in part(found["nep-each"], "answer")] == ["2", "3"]
    for each in found.values():
        assert each["status"] == "final"
        assert each["category"][0]["coding"][0]["code"] == "survey"
        assert each["effectiveDateTime"] == filled["authored"]
        assert each["subject"] == {"reference": "Patient/anna"}
        assert each["performer"] == [{"reference": "Patient/anna"}]
        assert each["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{filled['id']}"}]
        assert each["meta"]["profile"] == [NAMES.extension("QuestionnaireScore")]
    assert basis(panel) == {
        "questionnaire": f"{URL}|1",
        "form": "Nepscore",
        "scoring": "nep",
        "scoringVersion": "1",
        "cutOffs": "A",
        "confirmed": True,
        "answered": 3,
        "missing": 0,
        "language": "nl",
        "computed": True,
    }


async def test_they_follow_their_profile(anna: Caller) -> None:
    filled = await anna.create(answered("bc."))
    for each in (await results(anna, filled)).values():
        outcome = decode((await anna.post("/Observation/$validate", each)).content)
        assert [said for said in outcome["issue"] if said["severity"] in ("error", "warning")] == [], each["code"]


async def test_a_score_that_cannot_be_computed_says_why_in_both_languages(anna: Caller) -> None:
    found = await results(anna, await anna.create(answered("bc.")))
    total, share = found["nep-total"], found["44261-6"]
    assert "valueQuantity" not in total
    assert total["dataAbsentReason"]["coding"][1]["code"] == "too-few-answers"
    assert total["dataAbsentReason"]["text"].startswith("Er zijn te weinig")
    (english,) = total["dataAbsentReason"]["_text"]["extension"]
    assert english["extension"][1]["valueString"].startswith("There are too few")
    assert share["dataAbsentReason"]["coding"][1]["code"] == "part-without-score"
    assert (basis(total)["reason"], basis(total)["answered"], basis(total)["missing"]) == ("too-few-answers", 2, 1)
    assert "reason" not in basis(found["nep"])


async def test_a_draft_has_no_scores_and_gets_them_when_it_is_completed(anna: Caller) -> None:
    draft = await anna.create(answered("bc.", status="in-progress"))
    assert await results(anna, draft) == {}
    await anna.keep({**answered("bcd"), "id": draft["id"]})
    assert number((await results(anna, draft))["nep-total"]) == "6"


async def test_amended_answers_have_amended_scores_with_their_history(anna: Caller) -> None:
    filled = await anna.create(answered("bcd"))
    before = await results(anna, filled)
    await anna.keep({**answered("bbb", status="amended"), "id": filled["id"]})
    after = await results(anna, filled)
    assert {each["id"] for each in after.values()} == {each["id"] for each in before.values()}
    assert (after["nep-total"]["status"], number(after["nep-total"])) == ("amended", "3")
    assert part(after["nep-total"], "class")[0]["valueCodeableConcept"]["text"] == "weinig"
    history = await anna.bundle(f"/Observation/{after['nep-total']['id']}/_history")
    assert [number(each["resource"]) for each in history["entry"]] == ["3", "6"]


async def test_what_changes_nothing_in_a_score_writes_none(anna: Caller) -> None:
    filled = await anna.create(answered("bcd"))
    await anna.keep({**filled, "identifier": {"system": "urn:x", "value": "1"}})
    assert {each["meta"]["versionId"] for each in (await results(anna, filled)).values()} == {"1"}


async def test_answers_in_error_and_answers_that_are_gone_leave_scores_in_error(anna: Caller) -> None:
    wrong, gone = await anna.create(answered("bcd")), await anna.create(answered("bcd"))
    await anna.keep({**wrong, "status": "entered-in-error"})
    assert (await anna.delete(f"/QuestionnaireResponse/{gone['id']}")).status_code in (200, 204)
    for each in (wrong, gone):
        found = await results(anna, each)
        assert {one["status"] for one in found.values()} == {"entered-in-error"}
        assert number(found["nep-total"]) == "6"


async def test_by_whatever_door(anna: Caller, practice: Caller, operator: Caller, service: Service) -> None:
    """Update with an own id, patch, transaction, batch; by the person, a system and an operator."""
    await anna.keep(answered("bcd", id="by-update"))
    await anna.keep(answered("bcd", id="by-patch", status="in-progress"))
    patch = [{"op": "replace", "path": "/status", "value": "completed"}]
    answer = await anna.client.patch(
        "/QuestionnaireResponse/by-patch",
        json=patch,
        headers={"authorization": f"Bearer {anna.token}", "content-type": "application/json-patch+json"},
    )
    assert answer.status_code == 200, answer.text
    for caller, name, make in ((anna, "by-transaction", builders.transaction), (practice, "by-batch", builders.batch)):
        answer = await caller.post("", make(builders.put(answered("bcd", id=name))))
        assert answer.status_code == 200, answer.text
    backend = await token_with(
        service, "system/*.cruds", "anna", kind="system", role="organization", organization="practice"
    )
    delivered = await backend.create(answered("bcd"))
    loaded = await operator.create(answered("bcd"))
    for name in ("by-update", "by-patch", "by-transaction", "by-batch", delivered["id"], loaded["id"]):
        assert number((await results(anna, name))["nep-total"]) == "6", name


async def test_an_app_that_may_write_answers_only_leaves_scores_too(service: Service, anna: Caller) -> None:
    app = await token_with(service, "patient/QuestionnaireResponse.cruds", "anna")
    answer = await app.post("/QuestionnaireResponse", answered("bcd"))
    assert answer.status_code == 201, answer.text
    assert number((await results(anna, decode(answer.content)["id"]))["nep-total"]) == "6"


async def test_a_questionnaire_without_a_key_or_that_is_not_here_has_no_scores(anna: Caller, practice: Caller) -> None:
    """No Observation, and no error."""
    elsewhere = await anna.create(builders.questionnaire_response())
    filled = await practice.create(answered("bcd", questionnaire="https://elders.example/Questionnaire/x|3"))
    for each in (elsewhere, filled):
        assert await results(anna, each) == {}


@pytest.mark.parametrize("form", ["zelfregie-ervaring"])
async def test_what_somebody_says_of_their_care_is_never_scored(anna: Caller, form: str) -> None:
    said = await anna.create(
        builders.questionnaire_response(questionnaire=f"{CANONICAL_BASE}/Questionnaire/{form}", status="in-progress")
    )
    await anna.keep({**said, "status": "completed"})
    assert await results(anna, said) == {}


async def test_who_filled_it_in_performed_it(operator: Caller, anna: Caller, service: Service) -> None:
    await operator.keep(
        answered(
            "bcd", id="by-doctor", author={"reference": "Practitioner/doctor"}, source={"reference": "Patient/anna"}
        )
    )
    await operator.keep(
        answered("bcd", id="by-device", author={"reference": "Device/x"}, source={"reference": "RelatedPerson/y"})
    )
    assert (await results(anna, "by-doctor"))["nep"]["performer"] == [{"reference": "Practitioner/doctor"}]
    assert (await results(anna, "by-device"))["nep"]["performer"] == [{"reference": "RelatedPerson/y"}]


async def test_nobody_else_writes_what_the_service_computed(anna: Caller, practice: Caller, bram: Caller) -> None:
    total = (await results(anna, await anna.create(answered("bcd"))))["nep-total"]
    forged = {**total, "valueQuantity": {**total["valueQuantity"], "value": 99}}
    for caller in (anna, practice):
        answer = await caller.put(f"/Observation/{total['id']}", forged)
        assert answer.status_code == 403, answer.text
        assert "Zelfregie computes this score" in issues(answer)[0]["diagnostics"]
        claimed = {name: each for name, each in forged.items() if name != "id"}
        assert (await caller.post("/Observation", claimed)).status_code == 403
        assert (await caller.put("/Observation/eigen", {**claimed, "id": "eigen"})).status_code == 403
        assert (await caller.delete(f"/Observation/{total['id']}")).status_code == 409
    plain = {name: each for name, each in total.items() if name not in ("extension", "meta")}
    assert (await anna.put(f"/Observation/{total['id']}", plain)).status_code == 403
    assert (await bram.put(f"/Observation/{total['id']}", forged)).status_code in (404, 422)
    assert number((await anna.bundle(f"/Observation?_id={total['id']}"))["entry"][0]["resource"]) == "6"


async def test_a_new_version_of_the_key_stands_beside_the_old(anna: Caller, service: Service) -> None:
    filled = await anna.create(answered("bcd"))
    await keep(service, key(dimension(items=["1", "2"]), version="2"))
    answer = await anna.post(f"/QuestionnaireResponse/{filled['id']}/$rescore")
    assert answer.status_code == 200, answer.text
    rescored = [each["resource"] for each in decode(answer.content)["entry"]]
    assert [basis(each)["scoringVersion"] for each in rescored] == ["2", "2"]
    assert number(rescored[1]) == "3"
    page = await anna.bundle(f"/Observation?derived-from=QuestionnaireResponse/{filled['id']}&_count=50")
    stored = [each["resource"] for each in page["entry"]]
    assert sorted(basis(each)["scoringVersion"] for each in stored) == ["1", "1", "1", "1", "2", "2"]
    assert {each["status"] for each in stored} == {"final"}
    again = decode((await anna.post(f"/QuestionnaireResponse/{filled['id']}/$rescore")).content)
    assert [each["resource"]["meta"]["versionId"] for each in again["entry"]] == ["1", "1"]


async def test_once_answers_are_amended_what_an_earlier_key_gave_is_in_error(anna: Caller, service: Service) -> None:
    filled = await anna.create(answered("bcd"))
    await keep(service, key(dimension(items=["1", "2"]), version="2"))
    await anna.post(f"/QuestionnaireResponse/{filled['id']}/$rescore")
    await anna.keep({**answered("bbb", status="amended"), "id": filled["id"]})
    page = await anna.bundle(f"/Observation?derived-from=QuestionnaireResponse/{filled['id']}&_count=50")
    found = {(basis(each["resource"])["scoringVersion"], each["resource"]["status"]) for each in page["entry"]}
    assert found == {("1", "entered-in-error"), ("2", "amended")}


async def test_another_version_of_the_cut_offs_stands_beside_the_first(anna: Caller) -> None:
    filled = await anna.create(answered("bbb"))
    given: dict[str, Any] = {"resourceType": "Parameters", "parameter": [{"name": "cutOffs", "valueString": "B"}]}
    answer = await anna.post(f"/QuestionnaireResponse/{filled['id']}/$rescore", given)
    total = decode(answer.content)["entry"][1]["resource"]
    assert basis(total)["cutOffs"] == "B"
    assert part(total, "class")[0]["valueCodeableConcept"]["text"] == "veel"
    page = await anna.bundle(f"/Observation?derived-from=QuestionnaireResponse/{filled['id']}&_count=50")
    assert sorted(basis(each["resource"])["cutOffs"] for each in page["entry"]) == ["A"] * 4 + ["B"] * 4
    given["parameter"][0]["valueString"] = "Z"
    answer = await anna.post(f"/QuestionnaireResponse/{filled['id']}/$rescore", given)
    assert (answer.status_code, refused(answer)) == (422, ["questionnaire-score-cut-offs"])


def refused(answer: Any) -> Sequence[str]:
    return [each["details"]["text"] for each in issues(answer)]


async def test_rescoring_says_why_it_cannot(anna: Caller, bram: Caller, service: Service) -> None:
    draft = await anna.create(answered("bc.", status="in-progress"))
    answer = await anna.post(f"/QuestionnaireResponse/{draft['id']}/$rescore")
    assert (answer.status_code, refused(answer)) == (422, ["questionnaire-score-not-complete"])
    elsewhere = await anna.create(builders.questionnaire_response())
    answer = await anna.post(f"/QuestionnaireResponse/{elsewhere['id']}/$rescore")
    assert (answer.status_code, refused(answer)) == (422, ["questionnaire-score-no-key"])
    filled = await anna.create(answered("bcd"))
    assert (await bram.post(f"/QuestionnaireResponse/{filled['id']}/$rescore")).status_code == 404
    reader = await token_with(service, "patient/*.rs", "anna")
    assert (await reader.post(f"/QuestionnaireResponse/{filled['id']}/$rescore")).status_code == 403
    blind = await token_with(service, "patient/QuestionnaireResponse.cruds", "anna")
    assert (await blind.post(f"/QuestionnaireResponse/{filled['id']}/$rescore")).status_code == 403
    assert (await anna.get(f"/QuestionnaireResponse/{filled['id']}/$rescore")).status_code == 405


def obtained(**members: Any) -> Resource:
    """A PAM result from the licensor's own service; the numbers are made up."""
    part = NAMES.system("score-part")
    score: Resource = {"unit": "score", "system": "http://unitsofmeasure.org", "code": "{score}"}
    told = [
        {"url": "form", "valueString": "PAM-13"},
        {"url": "cutOffs", "valueString": "B"},
        {"url": "scoredBy", "valueString": "Dienst van de licentiehouder"},
    ]
    return builders.observation(
        meta={"profile": [NAMES.extension("QuestionnaireScore")]},
        extension=[{"url": NAMES.extension("score-basis"), "extension": told}],
        category=[
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
        ],
        code={"coding": [{"system": "http://loinc.org", "code": "88175-5"}]},
        performer=[{"reference": "Patient/anna"}],
        effectiveDateTime="2026-10-01T09:00:00Z",
        valueQuantity={"value": 99.9, **score},
        component=[
            {"code": {"coding": [{"system": part, "code": "raw"}]}, "valueQuantity": {"value": 52, **score}},
            {"code": {"coding": [{"system": part, "code": "class"}]}, "valueCodeableConcept": {"text": "Niveau 1"}},
        ],
        **members,
    )


async def test_a_result_obtained_elsewhere_is_taken_from_anybody_and_never_computed_again(
    anna: Caller, practice: Caller, service: Service
) -> None:
    app = await token_with(service, "patient/Observation.cruds", "anna")
    for caller in (anna, practice, app):
        kept = await caller.create(obtained())
        assert (str(kept["valueQuantity"]["value"]), kept["component"][1]["valueCodeableConcept"]["text"]) == (
            "99.9",
            "Niveau 1",
        )
        changed = await anna.keep({**kept, "valueQuantity": {**kept["valueQuantity"], "value": 10}})
        assert str(changed["valueQuantity"]["value"]) == "10"


async def test_a_result_from_elsewhere_says_who_scored_it(anna: Caller) -> None:
    nameless = obtained()
    del nameless["extension"][0]["extension"][2]
    answer = await anna.post("/Observation", nameless)
    assert answer.status_code == 422, answer.text
    assert "score-scored-by" in answer.text


async def test_a_key_that_cannot_be_read_does_not_stop_answers(anna: Caller, service: Service) -> None:
    async with service.database.write() as writer:
        await writer.execute("UPDATE instrument SET scoring = $1 WHERE url = $2", b'{"id":"nep"}', URL)
        await writer.execute("UPDATE setting SET value = (value::bigint + 1)::text WHERE name = 'instruments'")
    assert await results(anna, await anna.create(answered("bcd"))) == {}


async def test_one_of_our_own_is_scored_as_it_comes(anna: Caller) -> None:
    page = await anna.bundle(f"/Questionnaire?url={KOM_VERDER}")
    (item,) = [each for each in page["entry"][0]["resource"]["item"] if each["linkId"] == "level"]
    chosen = item["answerOption"][2]["valueCoding"]
    response = answered(
        "", questionnaire=f"{KOM_VERDER}|0.1.0", item=[{"linkId": "level", "answer": [{"valueCoding": chosen}]}]
    )
    found = await results(anna, await anna.create(response))
    assert number(found["kom-verder-level"]) == "3"
    assert (
        part(found["kom-verder-level"], "class")[0]["valueCodeableConcept"]["coding"][0]["code"]
        == "kom-verder-level-doing"
    )


async def test_answers_that_are_loaded_are_scored(anna: Caller, service: Service) -> None:
    report = await loaded(service, answered("bcd", id="loaded"))
    assert report.refusals == []
    assert number((await results(anna, "loaded"))["nep-total"]) == "6"
    await loaded(service, answered("bcd", id="loaded"))
    assert {each["meta"]["versionId"] for each in (await results(anna, "loaded")).values()} == {"1"}


async def test_a_record_that_is_brought_back_has_its_results_once(anna: Caller, service: Service) -> None:
    """They come under ids that they had elsewhere, before or after the answers that they are derived from."""
    found = await results(anna, await anna.create(answered("bcd")))
    brought = [
        {**each, "id": f"elders-{place}", "derivedFrom": [{"reference": "QuestionnaireResponse/brought"}]}
        for place, each in enumerate(found.values())
    ]
    await loaded(service, brought[0], answered("bcd", id="brought"), *brought[1:])
    page = await anna.bundle("/Observation?derived-from=QuestionnaireResponse/brought&_count=50")
    assert sorted(each["resource"]["id"] for each in page["entry"]) == [f"elders-{place}" for place in range(4)]


async def test_an_answer_to_a_question_that_was_not_to_be_answered_does_not_count(
    service: Service, anna: Caller, practice: Caller
) -> None:
    """A person is refused; what a system delivers is kept as it is, and is in no score."""
    asked = questionnaire(3)
    yes = {"system": ANSWERS, "code": "a"}
    asked["item"][2]["enableWhen"] = [{"question": "1", "operator": "=", "answerCoding": yes}]
    wanted = Wanted(asked, LICENCE, key(dimension(items=["1", "2", "3"], minimum=2), version="2"), {"base": ""})
    await install(service.server, wanted, tenant=1, replace=True, now=service.server.clock())
    refused = await anna.post("/QuestionnaireResponse", answered("bcd"))
    assert refused.status_code == 422
    for answers, expected, missing in (("bcd", "3", 1), ("acd", "5", 0)):
        delivered = await practice.post("/QuestionnaireResponse", answered(answers))
        assert delivered.status_code == 201
        found = await results(anna, delivered.headers["location"].split("/")[-3])
        assert (number(found["nep-total"]), basis(found["nep-total"])["missing"]) == (expected, missing)

"""Measurements, results of protocols and answers in the check phase and in the document of the plan: with sources and
dates, and with what they are not; and what is the person's alone stays theirs.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from app.auth.consents.allowances import GRANTABLE, categories_of
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.fhir.validation import validate
from app.measurements.kinds import kinds
from app.measurements.watching import watching
from app.measurements.writing import Measured, observation_of
from tests.careplan.documents import anna_starts, texts_of
from tests.careplan.test_document import document, sections, types
from tests.medmij_profiles.package import definitions
from tests.questionnaires.scoring import answered
from tests.server.grants import token_with
from tests.server.service import Caller, Service

BASE: Final = f"{CANONICAL_BASE}/Questionnaire"
PATIENT: Final[Resource] = {"reference": "Patient/anna"}
AXES: Final = ("body", "mind", "meaning", "quality", "taking-part", "daily")
MMHG: Final = {"unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}


def hours_ago(service: Service, hours: int) -> str:
    now = datetime.fromtimestamp(service.server.clock() / 1_000_000, ZoneInfo("Europe/Amsterdam"))
    return (now - timedelta(hours=hours)).isoformat(timespec="seconds")


def measured(effective: str, systolic: int, diastolic: int) -> Resource:
    values = {"systolic": Decimal(systolic), "diastolic": Decimal(diastolic)}
    return observation_of(Measured(kinds()["blood-pressure"], values, effective), CANONICAL_BASE, PATIENT)


def wheel(authored: str) -> Resource:
    axes = [{"linkId": name, "answer": [{"valueInteger": 7}]} for name in AXES]
    item = [{"linkId": "axes", "item": axes}]
    return answered("", questionnaire=f"{BASE}/levenswiel|0.1.0", authored=authored, item=item)


async def experience(anna: Caller, authored: str) -> Resource:
    """What somebody says of their care, which is for themselves."""
    return await told(anna, "zelfregie-ervaring", "Zqgeheim", authored)


async def told(anna: Caller, name: str, words: str, authored: str) -> Resource:
    """Answers to a questionnaire of ours: words to its first question that takes them."""
    held = (await anna.bundle(f"/Questionnaire?url={BASE}/{name}"))["entry"][0]["resource"]
    question = _open_question(held)
    answer = {"linkId": question["linkId"], "answer": [{"valueString": words}]}
    return await anna.create(
        answered("", questionnaire=f"{BASE}/{name}|0.1.0", authored=authored, item=_within(held, answer))
    )


def protocol(effective: str) -> Resource:
    """A mean of a week at home, as an app could send it."""
    parts = [("96608-5", 134), ("96609-3", 81)]
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "96607-7"}], "text": "Gemiddelde bloeddruk thuis"},
        "subject": PATIENT,
        "effectiveDateTime": effective,
        "performer": [PATIENT],
        "component": [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": name},
                "valueQuantity": {"value": value, **MMHG},
            }
            for (code, value), name in zip(parts, ("bovendruk", "onderdruk"), strict=True)
        ],
    }


@pytest.fixture
async def plan(service: Service, anna: Caller) -> Resource:
    """A plan with measurements, a result, scores and an experience beside it."""
    made = await anna_starts(anna, "Ik wil weer naar mijn koor.")
    await anna.create(measured(hours_ago(service, 48), 150, 95))
    await anna.create(measured(hours_ago(service, 24), 138, 82))
    await anna.create(protocol(hours_ago(service, 3)))
    await anna.create(wheel(hours_ago(service, 2)))
    await experience(anna, hours_ago(service, 1))
    return made


async def test_the_check_phase_has_measurements_results_scores_and_answers_with_the_words_of_what_was_asked(
    service: Service, anna: Caller, plan: Resource
) -> None:
    bundle = await anna.bundle(f"/CarePlan/{plan['id']}/$check-in?since=2020-01-01")
    found = [each["resource"] for each in bundle["entry"]]
    names = [each["code"]["text"] for each in found if each["resourceType"] == "Observation" and "code" in each]
    assert {"Bloeddruk", "Gemiddelde bloeddruk thuis", "Levenswiel", "Meedoen"} <= set(names)
    forms = {each["title"] for each in found if each["resourceType"] == "Questionnaire"}
    assert "Levenswiel" in forms
    assert all(each["search"]["mode"] == "include" for each in bundle["entry"] if each["resource"].get("title"))
    for entry in bundle["entry"]:
        read = await anna.get(entry["fullUrl"])
        assert read.status_code == 200, entry["fullUrl"]


@pytest.mark.parametrize("what", ["$check-in?since=2020-01-01", "$document"])
async def test_what_somebody_says_of_their_care_goes_to_no_practice(
    service: Service, plan: Resource, what: str
) -> None:
    every = service.server.labels.bits(categories_of(GRANTABLE))
    practice = await token_with(service, "system/*.rs", "anna", labels=every)
    answer = await practice.get(f"/CarePlan/{plan['id']}/{what}")
    assert answer.status_code == 200
    assert "Zqgeheim" not in answer.text
    assert "zelfregie-ervaring" not in answer.text
    assert "Levenswiel" in answer.text


async def test_it_is_in_no_document_at_all_also_where_the_plan_names_it(
    service: Service, anna: Caller, plan: Resource
) -> None:
    kept = await experience(anna, hours_ago(service, 1))
    reference = {"reference": f"QuestionnaireResponse/{kept['id']}"}
    changed = await anna.keep({**plan, "supportingInfo": [reference]}, {"if-match": f'W/"{plan["meta"]["versionId"]}"'})
    made = await document(anna, changed)
    assert "Zqgeheim" not in str(made)
    assert "QuestionnaireResponse" not in types(made)


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_a_document_has_the_newest_measurements_with_source_and_date_and_that_nobody_watches(
    service: Service, anna: Caller, plan: Resource, language: str
) -> None:
    made = await document(anna, plan, f"?language={language}")
    text = sections(made)["measurements"]["text"]["div"]
    assert watching()[language] in text
    assert "138/82 mmHg" in text
    assert "150/95" not in text
    assert ("Gemeten op" if language == "nl" else "Measured on") in text
    assert "Anna" in text
    assert "Gemiddelde bloeddruk thuis" in text
    assert [each for each in validate(made, definitions()) if each.severity == "error"] == []


async def test_scores_are_in_words_with_what_they_are_not(service: Service, anna: Caller, plan: Resource) -> None:
    text = sections(await document(anna, plan))["questionnaires"]["text"]["div"]
    assert "7 op een lijn van 0 tot 10" in text
    assert "Het meet uw gezondheid niet." in text
    assert "geen diagnose" in text
    assert watching()["nl"] in text
    assert "%" not in text


async def test_other_answers_that_the_plan_names_are_there_with_the_questions(
    service: Service, anna: Caller, plan: Resource
) -> None:
    kept = await told(anna, "consultvoorbereiding", "Minder pillen", hours_ago(service, 1))
    held = (await anna.bundle(f"/Questionnaire?url={BASE}/consultvoorbereiding"))["entry"][0]["resource"]
    reference = {"reference": f"QuestionnaireResponse/{kept['id']}"}
    changed = await anna.keep({**plan, "supportingInfo": [reference]}, {"if-match": f'W/"{plan["meta"]["versionId"]}"'})
    text = sections(await document(anna, changed))["questionnaires"]["text"]["div"]
    assert "Minder pillen" in text
    assert _open_question(held)["text"] in text
    assert held["title"] in text


async def test_a_reader_without_the_permission_does_not_get_it_and_is_told_that_something_is_not_there(
    service: Service, plan: Resource
) -> None:
    narrow = service.caller("anna-planner")
    made = await document(narrow, plan)
    assert "measurements" not in sections(made)
    assert "138/82" not in str(made)


async def test_a_revision_shows_only_what_the_plan_itself_named(anna: Caller, plan: Resource) -> None:
    made = await document(anna, plan, "?revision=1")
    assert "measurements" not in sections(made)
    assert "questionnaires" not in sections(made)


async def test_what_was_a_mistake_is_in_neither(service: Service, anna: Caller) -> None:
    made = await anna_starts(anna, "Ik wil weer naar mijn koor.")
    kept = await anna.create(measured(hours_ago(service, 5), 160, 99))
    await anna.keep({**kept, "status": "entered-in-error"})
    assert "160/99" not in str(await document(anna, made))
    assert kept["id"] not in str(await anna.bundle(f"/CarePlan/{made['id']}/$check-in?since=2020-01-01"))


async def test_a_value_that_was_not_confirmed_says_so(service: Service, anna: Caller) -> None:
    made = await anna_starts(anna, "Ik wil weer naar mijn koor.")
    await anna.create(measured(hours_ago(service, 5), 255, 99))
    text = sections(await document(anna, made))["measurements"]["text"]["div"]
    assert "Komt weinig voor en is nog niet bevestigd." in text


async def test_paper_has_them_too(anna: Caller, plan: Resource) -> None:
    answer = await anna.get(f"/CarePlan/{plan['id']}/$document", {"accept": "application/pdf"})
    said = " ".join(texts_of(answer.content))
    assert "138/82 mmHg" in said
    assert "112" in said
    assert "Levenswiel" in said
    assert "Zqgeheim" not in said


def _open_question(held: Resource) -> Resource:
    return next(each for each in _items(held) if each["type"] in ("string", "text"))


def _items(element: Resource) -> list[Resource]:
    listed = []
    for each in element.get("item", ()):
        listed += [each, *_items(each)]
    return listed


def _within(element: Resource, wanted: Resource) -> list[Resource]:
    """An item of a response in the groups that its question is in."""
    for each in element.get("item", ()):
        if each["linkId"] == wanted["linkId"]:
            return [wanted]
        inner = _within(each, wanted)
        if inner:
            return [{"linkId": each["linkId"], "item": inner}]
    return []

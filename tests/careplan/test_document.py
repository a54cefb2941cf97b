"""``CarePlan/$document``: a FHIR document with everything that the plan shows and the caller may see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.careplan.document.texts import words
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from tests.careplan.actors import actor
from tests.careplan.documents import anna_has_everything, anna_starts
from tests.careplan.test_whose_word import agreed
from tests.careplan.turning import done, part, professional
from tests.medmij_profiles.package import definitions
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues

SECTIONS = ["about", "goals", "agreements", "decisions", "action-plan", "network", "wishes", "evaluations"]
XML = {"accept": "application/fhir+xml"}


async def document(caller: Caller, plan: Resource, query: str = "") -> Resource:
    answer = await caller.get(f"/CarePlan/{plan['id']}/$document{query}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


def composition(bundle: Resource) -> Resource:
    found: Resource = bundle["entry"][0]["resource"]
    assert found["resourceType"] == "Composition"
    return found


def sections(bundle: Resource) -> dict[str, Resource]:
    return {each["code"]["coding"][0]["code"]: each for each in composition(bundle)["section"]}


def types(bundle: Resource) -> set[str]:
    return {entry["resource"]["resourceType"] for entry in bundle["entry"]}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


async def test_a_document_is_valid_and_complete(anna: Caller) -> None:
    bundle = await document(anna, await anna_has_everything(anna))
    assert [each for each in validate(bundle, definitions()) if each.severity == "error"] == []
    assert (bundle["type"], bundle["identifier"]["system"]) == ("document", "urn:ietf:rfc:3986")
    assert bundle["timestamp"]
    assert list(sections(bundle)) == SECTIONS
    assert types(bundle) >= {
        "CarePlan",
        "CareTeam",
        "Composition",
        "Condition",
        "Consent",
        "Goal",
        "Observation",
        "Organization",
        "Patient",
        "Practitioner",
        "Provenance",
        "QuestionnaireResponse",
    }
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert set(references(composition(bundle))) <= set(urls)


@pytest.mark.parametrize("who", ["anna", "practice"])
async def test_what_is_referred_to_is_found_in_the_document(service: Service, anna: Caller, who: str) -> None:
    plan = await anna_has_everything(anna)
    bundle = await document(service.caller(who), plan)
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Provenance":
            continue  # names versions, which a document has none of
        root = re.sub(r"[A-Za-z]+/[^/]+$", "", entry["fullUrl"])
        for reference in references(entry["resource"]):
            assert {reference, f"{root}{reference}"} & urls, reference


async def test_own_words_come_first_in_every_section(anna: Caller) -> None:
    found = sections(await document(anna, await anna_has_everything(anna)))
    expected = {
        "about": "COPD",
        "goals": "Ik wil weer naar mijn koor.",
        "agreements": "Elke dinsdag zingen met Ria.",
        "decisions": "Eerst zelf wandelen.",
        "action-plan": "Rood: spoed",
        "network": "Vast aanspreekpunt",
        "wishes": "Niet reanimeren",
        "evaluations": "Alleen ga ik nog te weinig.",
    }
    assert {code: text in found[code]["text"]["div"] for code, text in expected.items()} == dict.fromkeys(
        SECTIONS, True
    )
    assert found["goals"]["entry"][0]["reference"].startswith("http://zelfregie.test/fhir/Goal/")
    assert found["network"]["text"]["div"].index("Vast aanspreekpunt") < found["network"]["text"]["div"].index("Ria")


async def test_what_is_not_there_is_unavailable_and_never_none(anna: Caller) -> None:
    found = sections(await document(anna, await anna_starts(anna, "Buiten zijn")))
    for code in set(SECTIONS) - {"goals"}:
        assert found[code]["emptyReason"]["coding"][0]["code"] == "unavailable", code
        assert words()[f"empty.{code}"]["nl"] in found[code]["text"]["div"]
    assert "emptyReason" not in found["goals"]


async def test_it_says_where_it_comes_from_and_which_plan_is_current(anna: Caller) -> None:
    head = composition(await document(anna, await anna_starts(anna, "Buiten zijn")))["text"]["div"]
    assert "Dit komt uit Zelfregie" in head
    assert "Er kan iets ontbreken." in head
    assert "Versie 1 van" in head
    assert "Vraag het uw zorgverlener." in head


async def test_it_speaks_english_to_who_asks(anna: Caller) -> None:
    bundle = await document(anna, await anna_has_everything(anna), "?language=en")
    assert composition(bundle)["language"] == "en"
    assert sections(bundle)["agreements"]["title"] == "What we agreed"
    assert "What matters to me" in sections(bundle)["about"]["text"]["div"]


async def test_goals_are_given_as_care_providers_take_them(anna: Caller) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    reference = plan["goal"][0]["reference"]
    goal = decode((await anna.get(f"/{reference}")).content)
    target = {"measure": {"text": "minuten buiten"}, "detailInteger": 30, "dueDate": "2027-03-01"}
    assert (await anna.put(f"/{reference}", {**goal, "target": [target]})).status_code == 200
    bundle = await document(anna, plan)
    view = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Goal")
    assert view["target"] == [{"dueDate": "2027-03-01"}]
    assert view["note"] == [{"text": "Streefdoel: minuten buiten: 30 (voor 1 maart 2027)"}]
    assert decode((await anna.get(f"/{reference}")).content)["target"] == [target]


async def test_it_comes_as_xml_too(anna: Caller) -> None:
    plan = await anna_has_everything(anna)
    answer = await anna.get(f"/CarePlan/{plan['id']}/$document", XML)
    assert answer.status_code == 200
    assert from_xml(answer.content, definitions())["type"] == "document"


async def test_words_that_look_like_markup_stay_words(anna: Caller) -> None:
    words_of_anna = "<b>#panic()</b> & {0} *niet* $x$"
    bundle = await document(anna, await anna_starts(anna, words_of_anna))
    assert "&lt;b&gt;#panic()&lt;/b&gt; &amp; {0} *niet* $x$" in sections(bundle)["goals"]["text"]["div"]
    assert [each for each in validate(bundle, definitions()) if each.severity == "error"] == []


async def test_an_old_revision_is_shown_as_it_was(anna: Caller) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    reference = plan["goal"][0]["reference"]
    goal = decode((await anna.get(f"/{reference}")).content)
    changed = {**goal, "description": {"text": "Elke dag buiten zijn"}}
    assert (await anna.put(f"/{reference}", changed)).status_code == 200
    first, second, now = [await document(anna, plan, query) for query in ("?revision=1", "?revision=2", "")]
    assert ">Buiten zijn<" in sections(first)["goals"]["text"]["div"]
    assert "Versie 1, zoals het plan was op" in composition(first)["text"]["div"]
    for each in (second, now):
        assert ">Elke dag buiten zijn<" in sections(each)["goals"]["text"]["div"]
    assert "Versie 2 van" in composition(now)["text"]["div"]


async def test_an_old_revision_has_what_stood_around_it_then(anna: Caller) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    await anna.create(
        {
            "resourceType": "Consent",
            "status": "active",
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "adr"}]},
            "category": [{"text": "Niet reanimeren"}],
            "patient": {"reference": "Patient/anna"},
            "policyRule": {"text": "Wilsverklaring"},
        }
    )
    first, now = await document(anna, plan, "?revision=1"), await document(anna, plan)
    assert "entry" not in sections(first)["wishes"]
    assert "Niet reanimeren" in sections(now)["wishes"]["text"]["div"]


async def test_what_the_caller_may_not_see_is_left_out_and_said(service: Service, anna: Caller) -> None:
    plan = await anna_has_everything(anna)
    narrow = service.caller("anna-planner")  # may read plan, goals and person, and nothing else
    bundle = await document(narrow, plan)
    assert types(bundle) <= {"Composition", "CarePlan", "Goal", "Patient"}
    assert "Niet alles staat hier." in composition(bundle)["text"]["div"]
    told = json.dumps(bundle)
    for secret in ("kleinkinderen", "Niet reanimeren", "Ria van hiernaast", "Alleen ga ik nog te weinig"):
        assert secret not in told
    assert "Niet alles staat hier." not in json.dumps(await document(anna, plan))


@pytest.mark.parametrize("query", ["", "?revision=1"])
async def test_permits_of_now_hold_for_what_stands_around_the_plan(service: Service, anna: Caller, query: str) -> None:
    plan = await anna_has_everything(anna)
    labels = service.server.labels.bits(("care-plan", "identity"))
    caller = await token_with(service, "user/*.rs", "anna", labels=labels, patient=None)
    bundle = await document(caller, plan, query)
    # Who changed the plan is told to who may see all that was changed.
    assert types(bundle) <= {"Composition", "CarePlan", "Goal", "Patient", "Observation", "Provenance"}
    assert "Ik wil weer naar mijn koor." in sections(bundle)["goals"]["text"]["div"]
    assert ("Niet alles staat hier." in composition(bundle)["text"]["div"]) == (not query)  # it was all added later
    assert "Ria van hiernaast" not in json.dumps(bundle)


async def test_another_patient_finds_nothing(anna: Caller, bram: Caller) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    for accept in ("application/fhir+json", "application/pdf"):
        answer = await bram.get(f"/CarePlan/{plan['id']}/$document", {"accept": accept})
        assert answer.status_code == 404
        assert "Buiten" not in answer.text


async def test_other_plans_have_no_document(anna: Caller) -> None:
    other = await anna.create(
        {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": "Patient/anna"}}
    )
    assert (await anna.get(f"/CarePlan/{other['id']}/$document")).status_code == 404


@pytest.mark.parametrize(
    ("query", "status", "rule"),
    [
        ("?revision=2", 422, "plan-no-revision"),
        ("?revision=0", 422, "plan-no-revision"),
        ("?persist=true", 422, "plan-not-kept"),
        ("?language=fr", 400, "plan-language"),
        ("?revision=soon", 400, ""),
    ],
)
async def test_what_cannot_be_had_is_refused_with_the_rule(anna: Caller, query: str, status: int, rule: str) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    answer = await anna.get(f"/CarePlan/{plan['id']}/$document{query}")
    assert answer.status_code == status
    if rule:
        assert rule in json.dumps(issues(answer))


async def test_persist_false_is_what_it_does(anna: Caller) -> None:
    plan = await anna_starts(anna, "Buiten zijn")
    before = await anna.found("/Composition?patient=anna")
    await document(anna, plan, "?persist=false")
    assert await anna.found("/Composition?patient=anna") == before == []


async def test_each_side_speaks_for_itself(service: Service, anna: Caller) -> None:
    """What a professional says is not put in the person's mouth, and who represents them hides no professional."""
    plan, (walk,) = await agreed(anna)
    doctor, roos = await professional(service), await actor(service, "representative")
    rated = part(goal=walk, achievement="in-progress", importance=9)
    await done(doctor, plan, "evaluate", evaluation=part(goal=walk, achievement="in-progress", importance=4))
    await done(roos, plan, "evaluate", evaluation=rated)
    bundle = await document(anna, {"id": plan}, "?language=nl")
    goals, said = (json.dumps(sections(bundle)[each], ensure_ascii=False) for each in ("goals", "evaluations"))
    assert re.search(r"Mijn cijfers.{0,60}hoe belangrijk: 9 van 10", goals)
    assert re.search(r"Cijfers van .{0,80}hoe belangrijk: 4 van 10", goals)
    assert said.count("onderweg") == 2
    assert "ik ben" not in said

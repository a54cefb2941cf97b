"""Templates: picked by a person, chosen from, put in their own words, and taken up once."""

from __future__ import annotations

from typing import Any

import pytest

from app.careplan.names import Names
from app.careplan.templates import FOLDER, definitions, files, table
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests.builders import condition
from tests.careplan.test_merge import goals_of, merge, newest, parameters, result, started, told
from tests.medmij_profiles.package import definitions as fhir
from tests.server.service import Caller, Service

pytestmark = pytest.mark.anyio

NAMES = Names("https://zelfregie.example/fhir")
TEMPLATES = ("dm2", "copd", "cvrm", "asthma", "gli", "stop-smoking")
APPLY = "/PlanDefinition/{}/$apply?subject=Patient/anna"


async def apply(caller: Caller, template: str = "copd", language: str = "nl") -> Resource:
    answer = await caller.get(APPLY.format(template), {"accept-language": language})
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


def test_the_published_files_are_made_from_the_table() -> None:
    for place, content in files().items():
        assert (FOLDER / place).read_bytes() == content, "run python -m app.careplan.templates"
    there = {
        path.relative_to(FOLDER)
        for folder in ("plandefinitions", "activitydefinitions")
        for path in (FOLDER / folder).glob("*")
    }
    assert there == files().keys()


def test_every_template_is_an_example_in_two_languages_with_goals_agreements_measurements_and_questionnaires() -> None:
    every = {f"{each['resourceType']}/{each['id']}": each for each in definitions(NAMES)}
    assert {name.partition("/")[2] for name in every if name.startswith("PlanDefinition")} == set(TEMPLATES)
    for each in every.values():
        assert validate(each, fhir()) == []
        assert each["experimental"] is True
        assert each["description"].startswith("Voorbeeld.")
        assert "geen medisch advies" in each["description"]
        assert each["title"]
        assert each["_title"]["extension"][0]["extension"][1]["valueString"]
    for name in TEMPLATES:
        template = every[f"PlanDefinition/{name}"]
        assert len(template["goal"]) >= 2
        named = [each["definitionCanonical"] for each in template["action"]]
        assert f"{NAMES.base}/Questionnaire/wie-ben-ik" in named
        assert all(each.removeprefix(f"{NAMES.base}/") in every for each in named if "/ActivityDefinition/" in each)
        known = {each["id"] for each in template["goal"]}
        assert {goal for action in template["action"] for goal in action.get("goalId", ())} == known
    measured = [each for each in every.values() if "code" in each]
    assert measured
    assert all("detailQuantity" not in str(each) and "detailRange" not in str(each) for each in every.values())


def test_no_text_of_a_template_is_long_or_without_its_english() -> None:
    for row in [
        *table()["activities"].values(),
        *(goal for t in table()["templates"].values() for goal in t["goals"].values()),
    ]:
        assert 0 < len(row["nl"].split()) <= 22
        assert row["en"].strip() != row["nl"].strip()


@pytest.mark.parametrize("template", TEMPLATES)
async def test_applying_gives_a_plan_to_choose_from_and_stores_nothing(anna: Caller, template: str) -> None:
    plan = await apply(anna, template)
    assert (plan["status"], plan["intent"]) == ("draft", "proposal")
    assert validate(plan, fhir()) == []
    assert plan["instantiatesCanonical"] == [f"{NAMES.base}/PlanDefinition/{template}|0.1.0"]
    assert [each["reference"] for each in plan["goal"]] == [f"#{each['id']}" for each in plan["contained"]]
    assert all(each["target"][0]["dueDate"] > plan["created"] for each in plan["contained"])
    assert "basedOn" not in plan
    assert await anna.found("/CarePlan") == []
    assert await anna.found("/Goal") == []


async def test_it_speaks_the_language_that_is_asked_for(anna: Caller) -> None:
    dutch, english = await apply(anna), await apply(anna, language="en-GB,nl;q=0.5")
    assert (dutch["title"], english["title"]) == ("Leven met COPD", "Living with COPD")
    assert dutch["contained"][1]["description"]["text"] == "Ik weet wat ik kan doen als ik benauwd word."
    assert english["contained"][1]["description"]["text"] == "I know what I can do when I get short of breath."
    assert english["activity"][2]["detail"]["description"].startswith("I show how I use my inhaler")
    posted = await anna.post(
        "/PlanDefinition/copd/$apply",
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "subject", "valueReference": {"reference": "Patient/anna"}},
                {"name": "displayLanguage", "valueCode": "en"},
            ],
        },
    )
    assert decode(posted.content)["title"] == "Living with COPD"


async def test_it_names_the_person_s_own_conditions_and_plan(anna: Caller) -> None:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "13645005"}]}
    await anna.keep(condition("Patient/anna", id="lungs", code=code))
    await anna.keep(condition("Patient/anna", id="knee", code={"text": "knie"}))
    izp = await started(anna)
    plan = await apply(anna)
    assert plan["addresses"] == [{"reference": "Condition/lungs"}]
    assert plan["contained"][0]["addresses"] == [{"reference": "Condition/lungs"}]
    assert plan["basedOn"] == [{"reference": f"CarePlan/{izp}"}]


async def test_what_was_chosen_and_reworded_starts_a_plan(anna: Caller) -> None:
    plan = await apply(anna)
    own = plan["contained"][0]
    own["description"] = {"text": "Ik wil naar de markt, en koffie drinken met Truus."}
    own["category"].append({"coding": [{"system": NAMES.system("goal-category"), "code": "personal"}]})
    plan["contained"], plan["goal"] = plan["contained"][:2], plan["goal"][:2]
    plan["activity"] = plan["activity"][:3]
    answer = await anna.post(
        "/Patient/anna/$start", parameters(("goal", "Ik wil lezen, en slapen"), ("planResource", plan))
    )
    assert answer.status_code == 201, answer.text
    begun = decode(answer.content)
    goals = await goals_of(anna, begun)
    assert list(goals) == [
        "Ik wil lezen, en slapen",
        "Ik wil naar de markt, en koffie drinken met Truus.",
        "Ik weet wat ik kan doen als ik benauwd word.",
    ]
    assert [each["meta"]["profile"][0].rpartition("/")[2] for each in goals.values()] == [
        "PersonalGoal",
        "PersonalGoal",
        "PlanGoal",
    ]
    assert begun["instantiatesCanonical"] == plan["instantiatesCanonical"]
    linked = {ref["reference"] for each in begun["activity"] for ref in each["detail"].get("goal", ())}
    assert linked == {f"Goal/{each['id']}" for each in list(goals.values())[1:]}
    assert begun["activity"][0]["extension"][0]["url"] == NAMES.extension("agreement")
    assert (await newest(anna))["activity"]["coding"][0]["code"] == "start"
    again = await merge(anna, begun["id"], ("planResource", plan), ("dryRun", False))
    assert result(again)["meta"]["versionId"] == begun["meta"]["versionId"]
    assert {each["outcome"][0] for each in told(again, "item")} == {"known"}


async def test_a_template_that_is_taken_up_later_adds_nothing_twice(anna: Caller) -> None:
    izp = await started(anna, "Ik weet wat ik kan doen als ik benauwd word")
    plan = await apply(anna)
    (overlap,) = told(await merge(anna, izp, ("planResource", plan)), "overlap")
    assert overlap["reason"] == ["same-words"]
    asked = (("planResource", plan), ("dryRun", False), ("choice", (overlap["id"][0], "first")))
    done = await merge(anna, izp, *asked)
    assert told(done, "source")[0]["becomes"] == ["named"]
    merged = result(done)
    assert len(merged["goal"]) == 3
    assert merged["instantiatesCanonical"] == plan["instantiatesCanonical"]
    reworded = await apply(anna, language="en")
    shown = told(await merge(anna, izp, ("planResource", reworded)), "item")
    assert sorted(each["outcome"][0] for each in shown if each["kind"] == ["goal"]) == ["known", "known", "taken"]
    again = result(await merge(anna, izp, *asked))
    assert again["meta"]["versionId"] == merged["meta"]["versionId"]
    other = result(await merge(anna, izp, ("planResource", await apply(anna, "asthma")), ("dryRun", True)))
    assert len(other["goal"]) == 6


async def test_after_a_plan_was_closed_the_same_template_starts_another(anna: Caller) -> None:
    plan = await apply(anna)
    first = decode((await anna.post("/Patient/anna/$start", parameters(("planResource", plan)))).content)
    closed = await anna.post(
        f"/CarePlan/{first['id']}/$close",
        {"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "revoked"}]},
    )
    if closed.status_code != 200:
        closed = await anna.post(f"/CarePlan/{first['id']}/$close", parameters())
    assert closed.status_code == 200, closed.text
    second = await anna.post("/Patient/anna/$start", parameters(("planResource", plan)))
    assert second.status_code == 201, second.text
    assert {each["reference"] for each in decode(second.content)["goal"]}.isdisjoint(
        {each["reference"] for each in first["goal"]}
    )


async def test_templates_of_others_work_and_what_has_a_condition_is_left_out_and_said(
    service: Service, anna: Caller, operator: Caller
) -> None:
    step: dict[str, Any] = {
        "condition": [{"kind": "applicability", "expression": {"language": "text/fhirpath", "expression": "true"}}]
    }
    await operator.keep(
        {
            "resourceType": "PlanDefinition",
            "id": "own",
            "status": "active",
            "title": "Van de praktijk",
            "goal": [{"description": {"text": "Beter slapen"}}],
            "action": [
                {"action": [{"title": "Geen scherm in bed"}, {"title": "Alleen als het moet", **step}]},
                {"title": "Wandelen", "definitionCanonical": "https://praktijk.example/ActivityDefinition/none"},
            ],
        }
    )
    plan = await apply(anna, "own")
    assert [each["detail"]["description"] for each in plan["activity"]] == ["Geen scherm in bed", "Wandelen"]
    assert "Alleen als het moet" in plan["note"][0]["text"]
    assert plan["instantiatesCanonical"] == ["PlanDefinition/own"]


async def test_a_subject_that_is_not_known_and_a_plan_without_a_template_are_refused(anna: Caller) -> None:
    unknown = await anna.get("/PlanDefinition/copd/$apply?subject=Patient/bram")
    assert unknown.status_code == 404
    assert (await anna.get("/PlanDefinition/copd/$apply?subject=Group/all")).status_code == 400
    plan = await apply(anna)
    del plan["instantiatesCanonical"]
    refused = await anna.post("/Patient/anna/$start", parameters(("planResource", plan)))
    assert refused.status_code == 422
    assert "plan-merge-of-nothing" in refused.text
    empty = {**await apply(anna), "goal": []}
    del empty["goal"]
    del empty["contained"]
    empty["activity"] = [{"detail": {"status": "not-started", "description": "Wandelen"}}]
    without = await anna.post("/Patient/anna/$start", parameters(("planResource", empty)))
    assert "plan-goal-needed" in without.text

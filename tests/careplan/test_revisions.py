"""``CarePlan/$revisions``: what happened to the plan, newest first, in sentences."""

from __future__ import annotations

import re

import pytest

from app.careplan.words import day
from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests import builders
from tests.careplan.histories import AGREEMENT, outcomes, sentences, started
from tests.careplan.turning import MOUTH, done, newest, part, professional
from tests.server.service import Caller, Service, codes, link


def without_day(text: str) -> str:
    """A sentence without the day that it begins with."""
    found = re.fullmatch(r"\d{1,2} \w+ \d{4}: (.+\.)", text)
    assert found is not None, text
    return found[1]


async def test_each_revision_is_a_sentence_in_dutch_and_english_the_newest_first(anna: Caller) -> None:
    journey = await started(anna)
    await journey.add_goal("Beter slapen")
    await journey.change("CarePlan", journey.plan, activity=[{"id": "ommetje", "detail": AGREEMENT}])
    await journey.change("Goal", journey.goal, description={"text": "Elke dag met de hond wandelen"})
    await journey.agree()
    plan = await journey.read("CarePlan", journey.plan)
    review = next(each for each in plan["extension"][0]["extension"] if each["url"] == "nextReview")["valueDate"]
    bundle = await anna.bundle(f"/CarePlan/{journey.plan}/$revisions")
    assert [without_day(each) for each in sentences(bundle)] == [
        f"Anna ging akkoord met het plan: terugkijken op {day(review)['nl']}.",
        "Anna veranderde de woorden van een doel: ‘Weer met de hond wandelen’ werd ‘Elke dag met de hond wandelen’.",
        "Anna voegde een afspraak toe: ‘Elke dag een ommetje’.",
        "Anna voegde een doel toe: ‘Beter slapen’.",
        "Anna begon het plan: doel ‘Weer met de hond wandelen’ toegevoegd.",
    ]
    assert [without_day(each) for each in sentences(bundle, "en")][1:4] == [
        "Anna changed the words of a goal: ‘Weer met de hond wandelen’ became ‘Elke dag met de hond wandelen’.",
        "Anna added an agreement: ‘Elke dag een ommetje’.",
        "Anna added a goal: ‘Beter slapen’.",
    ]


async def test_how_goals_ended_an_objection_and_a_note_are_said_in_words(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    sleep = await journey.add_goal("Beter slapen")
    await journey.change("CarePlan", journey.plan, note=[{"text": "Samen met de buurvrouw"}])
    await journey.agree()
    await done(
        anna, journey.plan, "evaluate", evaluation=part(goal=sleep, achievement="no-progress", comment="Nog niet")
    )
    doctor = await professional(service)
    both = [part(goal=journey.goal, decision="achieved"), part(goal=sleep, decision="stop", reason="Past nu niet")]
    await done(doctor, journey.plan, "decide", decision=both, **MOUTH)
    recorded = await newest(anna, journey.plan)
    await done(anna, journey.plan, "revise", objection={"reference": f"Provenance/{recorded['id']}"}, text="Niet zo")
    bundle = await anna.bundle(f"/CarePlan/{journey.plan}/$revisions")
    objected, decided, evaluated, _, noted = [without_day(each) for each in sentences(bundle)][:5]
    assert objected == (
        "Anna maakte bezwaar tegen wat als mondelinge afspraak was vastgelegd, en opende het plan opnieuw: ‘Niet zo’;"
        " doel ‘Wandelen’ van afgerond op lopend gezet; doel ‘Beter slapen’ van gestopt op lopend gezet."
    )
    assert decided.endswith(
        "legde vast wat er mondeling is besloten over 2 doelen: doel ‘Wandelen’ van lopend op afgerond gezet;"
        " doel ‘Beter slapen’ van lopend op gestopt gezet; geen dag meer om terug te kijken."
    )
    assert evaluated == (
        "Anna keek terug op het plan: de voortgang van het doel ‘Beter slapen’ veranderd;"
        " gezegd hoe het met een doel gaat."
    )
    assert noted == "Anna voegde een opmerking toe: ‘Samen met de buurvrouw’."
    english = [without_day(each) for each in sentences(bundle, "en")][:5]
    assert english[0].startswith("Anna objected to what was recorded as agreed by word of mouth, and opened the plan")
    assert english[4] == "Anna added a note: ‘Samen met de buurvrouw’."


async def test_the_language_is_the_one_that_was_asked_for_and_both_are_there(anna: Caller) -> None:
    journey = await started(anna)
    address = f"/CarePlan/{journey.plan}/$revisions"
    english = "Anna started the plan: goal ‘Weer met de hond wandelen’ added."
    for query, header, language in (
        ("", "", "nl"),
        ("", "en-GB, nl;q=0.5", "en"),
        ("?displayLanguage=en", "nl", "en"),
        ("", "fr, de", "nl"),
    ):
        answer = await anna.get(f"{address}{query}", {"accept-language": header} if header else {})
        bundle = decode(answer.content)
        assert sentences(bundle) == sentences(bundle, language)
        assert without_day(sentences(bundle, "en")[0]) == english
        assert "Accept-Language" in answer.headers["vary"]
        assert validate(bundle, load("4.0.1")) == []


async def test_pages_go_back_in_time_and_what_is_added_meanwhile_does_not_move_them(anna: Caller) -> None:
    journey = await started(anna)
    for number in range(2, 8):
        await journey.change("CarePlan", journey.plan, title=f"Versie {number}")
    address = f"/CarePlan/{journey.plan}/$revisions?_count=3&displayLanguage=nl"
    pages = [await anna.bundle(address)]
    await journey.change("CarePlan", journey.plan, title="Later")
    while (following := link(pages[-1], "next")) is not None:
        pages.append(await anna.bundle(following))
    assert [numbers(each) for each in pages] == [[7, 6, 5], [4, 3, 2], [1]]
    forged = str(link(pages[0], "next")).replace("_count=3", "_count=4")
    assert (await anna.get(forged)).status_code == 400


async def test_revisions_are_found_by_event_number_and_time(anna: Caller) -> None:
    journey = await started(anna)
    await journey.change("CarePlan", journey.plan, title="Mijn plan")
    await journey.agree()
    await journey.change("CarePlan", journey.plan, title="Ons plan")
    address = f"/CarePlan/{journey.plan}/$revisions"
    recorded = [each["resource"]["recorded"] for each in (await anna.bundle(address))["entry"]]
    for query, expected in (
        ("event=agree", [3]),
        ("event=start,change", [4, 2, 1]),
        ("event=change&_count=1", [4]),
        ("event=start&_count=1", [1]),
        ("from=2&to=3", [3, 2]),
        ("to=1", [1]),
        ("from=5", []),
        (f"since={recorded[1]}", [4, 3]),
        (f"until={recorded[2]}", [2, 1]),
        ("since=2999-01-01", []),
    ):
        assert numbers(await anna.bundle(f"{address}?{query}")) == expected, query
    following = link(await anna.bundle(f"{address}?event=change&_count=1"), "next")
    assert following is not None
    assert numbers(await anna.bundle(following)) == [2]
    assert codes(await anna.get(f"{address}?sinds=2026")) == ["not-supported"]


async def test_a_professional_sees_who_did_what_and_is_named_with_the_organisation(
    anna: Caller, practice: Caller
) -> None:
    journey = await started(anna)
    body: Resource = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "when", "valueDateTime": "2024-11-01"},
            {"name": "how", "valueCode": "telephone"},
            {"name": "present", "valueReference": {"display": "Anna en haar dochter"}},
        ],
    }
    assert (await practice.post(f"/CarePlan/{journey.plan}/$agree", body)).status_code == 200
    seen = await practice.bundle(f"/CarePlan/{journey.plan}/$revisions")
    assert outcomes(seen) == []
    told = [without_day(each) for each in sentences(seen)]
    assert told[0].startswith("De Proef legde vast dat het plan mondeling is afgesproken: terugkijken op ")
    assert told[1].startswith("Anna begon het plan")


@pytest.mark.parametrize(("organization", "named"), [("clinic", {"display": "De Kliniek"}), ("unknown", {})])
async def test_on_whose_behalf_a_professional_acts_is_said_by_name_where_that_is_known(
    anna: Caller, service: Service, organization: str, named: Resource
) -> None:
    plan = (await started(anna)).plan
    await done(await professional(service, organization=organization), plan, "agree", **MOUTH)
    author = (await newest(anna, plan))["agent"][0]
    assert author["who"] == {"reference": "Practitioner/doctor"}
    assert author["onBehalfOf"] == {"type": "Organization", **named}
    compared = await anna.get(f"/CarePlan/{plan}/$compare?from=1")
    assert f'"{organization}"' not in compared.text, "an id is no name"


async def test_who_may_not_see_a_revision_hears_its_number_only(anna: Caller, service: Service, bram: Caller) -> None:
    journey = await started(anna)
    await journey.agree()
    address = f"/CarePlan/{journey.plan}/$revisions"
    planner = await service.caller("anna-planner").bundle(address)
    assert numbers(planner) == []
    assert outcomes(planner) == ["suppressed"]
    assert "2, 1" in str(planner)
    assert "Anna" not in str(planner)
    assert (await bram.get(address)).status_code == 404
    assert (await service.caller("anna-observations").get(address)).status_code == 403
    other = await anna.create(builders.care_plan("Patient/anna"))
    assert (await anna.get(f"/CarePlan/{other['id']}/$revisions")).status_code == 404


def numbers(bundle: Resource) -> list[int]:
    """The numbers of the revisions in a Bundle."""
    found = [each["resource"] for each in bundle.get("entry", ()) if each["resource"]["resourceType"] == "Provenance"]
    return [each["extension"][0]["extension"][0]["valuePositiveInt"] for each in found]

"""``CarePlan/$compare``: what changed, by whom, when and why; a program can make the changes itself."""

from __future__ import annotations

from app.careplan.words import day
from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests.careplan.applying import applied, changes_of, state_of
from tests.careplan.histories import AGREEMENT, NAMES, Journey, started
from tests.careplan.turning import LATER
from tests.server.service import Caller, Service, codes


async def compare(journey: Journey, query: str, caller: Caller | None = None) -> Resource:
    answer = await (caller or journey.caller).get(f"/CarePlan/{journey.plan}/$compare?{query}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def lived(anna: Caller) -> Journey:
    """Nine revisions of all kinds."""
    journey = await started(anna, "Weer met de hond wandelen", "Minder zout eten")
    await journey.add_goal("Beter slapen")
    agreement = {
        "url": f"{NAMES}/StructureDefinition/agreement",
        "extension": [{"url": "preferredForm", "valueCode": "self"}, {"url": "agreedForm", "valueCode": "digital"}],
    }
    first: Resource = {"id": "ommetje", "extension": [agreement], "detail": AGREEMENT}
    second = {"id": "zout", "detail": {"status": "scheduled", "description": "Geen zout op tafel"}}
    await journey.change("CarePlan", journey.plan, activity=[first, second], title="Mijn plan")
    target = {
        "measure": {"text": "minuten"},
        "detailQuantity": {"value": 30, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"},
        "dueDate": "2027-03-01",
    }
    await journey.change("Goal", journey.goal, description={"text": "Elke dag met de hond"}, target=[target])
    await journey.agree()
    plan = await journey.read("CarePlan", journey.plan)
    changed = {**first, "detail": {**AGREEMENT, "description": "Twee keer per dag een ommetje"}}
    await journey.change(
        "CarePlan",
        journey.plan,
        activity=[second, changed],
        goal=plan["goal"][:0:-1],
        title=None,
        note=[{"text": "Warm"}],
    )
    return journey


async def test_the_changes_of_any_two_revisions_make_the_one_of_the_other(anna: Caller) -> None:
    journey = await lived(anna)
    states = {number: state_of(await journey.as_of(f"number={number}")) for number in range(1, 7)}
    for low, state in states.items():
        for high in range(low, 7):
            answer = await compare(journey, f"from={low}&to={high}")
            assert applied(answer, state) == states[high], (low, high)
            assert (low == high) == (changes_of(answer) == [])
            assert validate(answer, load("4.0.1")) == []


async def test_a_change_says_who_made_it_when_in_which_revision_and_in_a_sentence(anna: Caller) -> None:
    journey = await lived(anna)
    answer = await compare(journey, "from=1&to=6&displayLanguage=en")
    changes = {each["id"]: each for each in changes_of(answer)}
    assert {each["kind"]: each["sentence"] for each in changes.values() if each["path"] == "Goal"} == {
        "added": "Anna added a goal: ‘Beter slapen’.",
        "removed": "Anna took a goal out of the plan: ‘Weer met de hond wandelen’.",
        "changed": "Anna put the goal ‘Minder zout eten’ from proposed to active.",
    }
    first = changes["activity.ommetje"]
    assert first["sentence"] == "Anna added an agreement: ‘Twee keer per dag een ommetje’."
    by = [{part["name"]: part for part in each} for each in first["by"]]
    assert [each["revision"]["valuePositiveInt"] for each in by] == [6, 3], "changed in the one, made in the other"
    assert [each["event"]["valueCode"] for each in by] == ["change", "change"]
    assert by[0]["who"]["valueReference"] == {"reference": "Patient/anna"}
    revisions = await anna.bundle(f"/CarePlan/{journey.plan}/$revisions?from=6&to=6")
    assert by[0]["when"]["valueInstant"] == revisions["entry"][0]["resource"]["recorded"]
    assert changes["next-review"]["by"][0][0] == {"name": "revision", "valuePositiveInt": 5}
    dutch = {each["id"]: each["sentence"] for each in changes_of(await compare(journey, "from=4&to=6"))}
    assert dutch["activity.ommetje"] == (
        "Anna veranderde een afspraak: ‘Elke dag een ommetje’ werd ‘Twee keer per dag een ommetje’."
    )


async def test_of_what_was_changed_away_and_back_and_again_the_last_revision_is_told(anna: Caller) -> None:
    journey = await started(anna, "Wandelen", "Minder zout eten")
    first: Resource = {"id": "ommetje", "detail": {**AGREEMENT, "description": "Een ommetje"}}
    second: Resource = {"id": "zout", "detail": {"status": "scheduled", "description": "Geen zout op tafel"}}
    other: Resource = {**first, "detail": {**AGREEMENT, "description": "Twee ommetjes"}}
    await journey.change("CarePlan", journey.plan, activity=[first, second], title="Mijn plan")  # revision 2
    for text in ("Fietsen", "Wandelen", "Fietsen"):  # 3, 4, 5
        await journey.change("Goal", journey.goal, description={"text": text})
    await journey.change("CarePlan", journey.plan, activity=[second, other], title="Ons plan")  # 6
    await journey.change("CarePlan", journey.plan, activity=[first, second], title="Mijn plan")  # 7
    await journey.change("Goal", journey.goal, note=[{"text": "Ander onderwerp"}])  # 8
    found = {each["id"]: each for each in changes_of(await compare(journey, "from=2&to=8"))}
    assert [*found] == [f"goal.{journey.goal}"], "what is as it was did not change"
    numbers = {name: [part[0]["valuePositiveInt"] for part in each["by"]] for name, each in found.items()}
    assert numbers == {f"goal.{journey.goal}": [8, 5]}
    found = {each["id"]: each for each in changes_of(await compare(journey, "from=1&to=8"))}
    numbers = {name: [part[0]["valuePositiveInt"] for part in each["by"]] for name, each in found.items()}
    assert numbers == {
        f"goal.{journey.goal}": [8, 5],
        "activity.ommetje": [7, 2],
        "activity.zout": [2],
        "title": [7],
    }


async def test_notes_of_which_two_are_alike_that_only_change_places_are_told_as_moved(anna: Caller) -> None:
    journey = await started(anna)
    first, second = {"text": "Warm"}, {"text": 'Zegt "koud" \\ \u2028 🎂'}
    await journey.change("CarePlan", journey.plan, note=[first, first, second])  # revision 2
    await journey.change("CarePlan", journey.plan, note=[second, first, first])  # 3
    states = {number: state_of(await journey.as_of(f"number={number}")) for number in (1, 2, 3)}
    answer = await compare(journey, "from=2&to=3")
    assert [(each["id"], each["kind"]) for each in changes_of(answer)] == [("order.note", "moved")]
    (moved,) = changes_of(answer)
    assert [part[0]["valuePositiveInt"] for part in moved["by"]] == [3]
    assert applied(answer, states[2]) == states[3]
    answer = await compare(journey, "from=1&to=3")
    assert {each["id"].partition(".")[0] for each in changes_of(answer)} == {"note"}
    assert applied(answer, states[1]) == states[3]


async def test_moments_are_numbers_or_times_the_first_before_the_second(anna: Caller) -> None:
    journey = await started(anna)
    recorded = (await anna.bundle(f"/CarePlan/{journey.plan}/$revisions"))["entry"][0]["resource"]["recorded"]
    await journey.add_goal("Beter slapen")
    by_time = changes_of(await compare(journey, f"from={recorded}"))
    assert [each["id"] for each in by_time] == [
        each["id"] for each in changes_of(await compare(journey, "from=1&to=2"))
    ]
    for query, code in (
        ("from=2&to=1", "value"),
        ("to=1", "required"),
        ("from=gisteren", "value"),
        ("from=3", "not-found"),
        ("from=1999-12-31", "not-found"),
        ("from=99999999999999999999", "not-found"),
    ):
        answer = await anna.get(f"/CarePlan/{journey.plan}/$compare?{query}")
        assert codes(answer) == [code], query


async def test_what_the_caller_may_not_see_is_not_compared_and_that_is_said(anna: Caller, service: Service) -> None:
    journey = await lived(anna)
    answer = await service.caller("anna-planner").get(f"/CarePlan/{journey.plan}/$compare?from=1&to=6")
    assert answer.status_code == 200
    # An app without scopes for revisions is not told who changed something, but sees what did.
    assert all(each["by"] == [] for each in changes_of(decode(answer.content)))
    assert decode(answer.content)["parameter"][-1]["name"] == "outcome"
    assert (await service.caller("bram").get(f"/CarePlan/{journey.plan}/$compare?from=1&to=6")).status_code == 404
    observing = await service.caller("anna-observations").get(f"/CarePlan/{journey.plan}/$compare?from=1&to=6")
    assert observing.status_code == 403


async def test_a_proposal_is_compared_with_the_plan_of_now(anna: Caller, practice: Caller, bram: Caller) -> None:
    journey = await lived(anna)
    plan = await journey.read("CarePlan", journey.plan)
    review = next(each for each in plan["extension"][0]["extension"] if each["url"] == "nextReview")["valueDate"]
    wish: Resource = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "title", "valueString": "Samen verder"},
            {"name": "nextReview", "valueDate": LATER},
        ],
    }
    sent = await practice.post(f"/CarePlan/{journey.plan}/$propose", wish)
    assert sent.status_code in (200, 201), sent.text
    proposal = decode(sent.content)["parameter"][0]["resource"]["id"]
    for written in (proposal, f"CarePlan/{proposal}"):
        answer = await compare(journey, f"proposal={written}")
        assert {each["id"]: each["sentence"] for each in changes_of(answer)} == {
            "title": "Titel ‘Samen verder’.",
            "next-review": f"Terugkijken op {day(LATER)['nl']} in plaats van {day(review)['nl']}.",
        }
    state = state_of(await journey.as_of("number=6"))
    made = applied(answer, state)[f"CarePlan/{journey.plan}"]
    assert made["title"] == "Samen verder"
    other = await started_again(anna, journey)
    for query, status in (
        (f"proposal={proposal}&from=1", 400),
        (f"proposal={journey.plan}", 404),
        ("proposal=nothing", 404),
    ):
        refused = await anna.get(f"/CarePlan/{journey.plan}/$compare?{query}")
        assert refused.status_code == status, query
    assert (await anna.get(f"/CarePlan/{other}/$compare?proposal={proposal}")).status_code == 404
    assert (await bram.get(f"/CarePlan/{journey.plan}/$compare?proposal={proposal}")).status_code == 404


async def started_again(anna: Caller, journey: Journey) -> str:
    """A second plan, after the first was closed."""
    assert (await anna.post(f"/CarePlan/{journey.plan}/$close?status=completed")).status_code == 200
    return (await started(anna)).plan

"""References between the entries of a transaction. https://hl7.org/fhir/R4/http.html#trules"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import care_plan, condition, goal, observation, posted, put, reference, transaction
from tests.server.service import Caller, codes, issues

FIRST = "urn:uuid:11111111-1111-4111-8111-111111111111"
SECOND = "urn:uuid:22222222-2222-4222-8222-222222222222"
THIRD = "urn:uuid:33333333-3333-4333-8333-333333333333"


async def stored(caller: Caller, *entries: Resource) -> list[Resource]:
    """What each entry was stored as."""
    answer = await caller.post("/", transaction(*entries))
    assert answer.status_code == 200, answer.text
    locations = [entry["response"]["location"] for entry in decode(answer.content)["entry"]]
    return [decode((await caller.get(location)).content) for location in locations]


async def test_entries_refer_to_each_other_in_any_order(anna: Caller) -> None:
    plan, aim, problem = await stored(
        anna,
        posted(care_plan(goal=[reference(SECOND)], addresses=[reference(THIRD)]), FIRST),
        posted(goal(addresses=[reference(THIRD)]), SECOND),
        posted(condition(), THIRD),
    )
    assert plan["goal"] == [reference(f"Goal/{aim['id']}")]
    assert plan["addresses"] == [reference(f"Condition/{problem['id']}")]
    assert aim["addresses"] == [reference(f"Condition/{problem['id']}")]
    assert await anna.found(f"/CarePlan?goal=Goal/{aim['id']}") == [plan["id"]]


async def test_references_are_resolved_inside_extensions_contained_and_lists(anna: Caller) -> None:
    extension = {"url": "urn:x", "extension": [{"url": "urn:y", "valueReference": reference(FIRST)}]}
    sent = observation(
        extension=[extension],
        contained=[
            {
                "resourceType": "Observation",
                "id": "c",
                "status": "final",
                "code": {"text": "x"},
                "focus": [reference(FIRST)],
            }
        ],
        hasMember=[reference("#c"), reference(SECOND)],
    )
    aim, other, made = await stored(anna, posted(goal(), FIRST), posted(observation(), SECOND), posted(sent))
    assert made["extension"][0]["extension"][0]["valueReference"] == reference(f"Goal/{aim['id']}")
    assert made["contained"][0]["focus"] == [reference(f"Goal/{aim['id']}")]
    assert made["hasMember"] == [reference("#c"), reference(f"Observation/{other['id']}")]


async def test_an_update_may_refer_to_what_is_created(anna: Caller) -> None:
    plan, aim = await stored(anna, put(care_plan(id="plan", goal=[reference(FIRST)])), posted(goal(), FIRST))
    assert plan["goal"] == [reference(f"Goal/{aim['id']}")]


async def test_an_absolute_full_url_of_another_server_is_resolved(anna: Caller) -> None:
    source = "https://elders.example/fhir/Goal/17"
    aim, absolute, relative = await stored(
        anna,
        posted(goal(id="17"), source),
        posted(observation(focus=[reference(source)]), "https://elders.example/fhir/Observation/1"),
        posted(observation(focus=[reference("Goal/17")]), "https://elders.example/fhir/Observation/2"),
    )
    assert aim["id"] != "17"
    assert absolute["focus"] == relative["focus"] == [reference(f"Goal/{aim['id']}")]


async def test_a_full_url_is_resolved_in_the_narrative(anna: Caller) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{FIRST}">doel</a> en tekst {FIRST}</div>'
    aim, made = await stored(anna, posted(goal(), FIRST), posted(observation(text={"status": "generated", "div": div})))
    assert f'<a href="Goal/{aim["id"]}">' in made["text"]["div"]
    assert f"en tekst {FIRST}" in made["text"]["div"]


async def test_uris_that_name_an_entry_are_resolved_and_other_texts_are_not(anna: Caller) -> None:
    extension = [{"url": "urn:x", "valueUri": FIRST}, {"url": "urn:y", "valueString": FIRST}]
    aim, made = await stored(
        anna, posted(goal(), FIRST), posted(observation(extension=extension, note=[{"text": FIRST}]))
    )
    assert made["extension"][0]["valueUri"] == f"Goal/{aim['id']}"
    assert made["extension"][1]["valueString"] == FIRST
    assert made["note"] == [{"text": FIRST}]


async def test_a_reference_hidden_behind_json_escapes_is_resolved(anna: Caller) -> None:
    body = transaction(posted(goal(), FIRST), posted(observation(focus=[reference("ESCAPED")])))
    raw = __import__("json").dumps(body).replace("ESCAPED", FIRST.replace("u", "\\u0075", 1)).encode()
    answer = await anna.post("/", raw)
    assert answer.status_code == 200, answer.text
    aim, made = (entry["response"]["location"].split("/")[-3] for entry in decode(answer.content)["entry"])
    assert decode((await anna.get(f"/Observation/{made}")).content)["focus"] == [reference(f"Goal/{aim}")]


async def test_a_urn_that_no_entry_has_is_refused_naming_the_place(anna: Caller) -> None:
    answer = await anna.post(
        "/", transaction(posted(goal(), FIRST), posted(observation(focus=[reference(FIRST), reference(SECOND)])))
    )
    assert answer.status_code == 400
    assert codes(answer) == ["not-found"]
    assert issues(answer)[0]["expression"] == ["Bundle.entry[1].resource.focus[1].reference"]


@pytest.mark.parametrize("text", [FIRST, "urn:oid:2.16.528.1.7"])
async def test_a_urn_that_no_entry_has_is_refused_beside_identifiers_of_systems_that_are_urns(
    anna: Caller, text: str
) -> None:
    named = [{"system": "urn:oid:2.16.528.1.1", "value": "1"}]
    answer = await anna.post("/", transaction(posted(observation(identifier=named, focus=[reference(text)]))))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == ["Bundle.entry[0].resource.focus[0].reference"]


async def test_a_urn_of_an_entry_is_told_from_a_system_that_is_one(anna: Caller) -> None:
    system = "urn:oid:2.16.528.1.1"
    made, aim = await stored(
        anna,
        posted(observation(identifier=[{"system": system, "value": "1"}], focus=[reference(f"{system}.5")])),
        posted(goal(identifier=[{"system": system, "value": "2"}]), f"{system}.5"),
    )
    assert made["focus"] == [reference(f"Goal/{aim['id']}")]
    assert made["identifier"][0]["system"] == aim["identifier"][0]["system"] == system


async def test_a_reference_to_what_is_nowhere_is_stored_as_it_is(anna: Caller) -> None:
    (made,) = await stored(anna, posted(observation(focus=[reference("Goal/elsewhere")])))
    assert made["focus"] == [reference("Goal/elsewhere")]
    assert await anna.found("/Observation?focus=Goal/elsewhere") == [made["id"]]


async def test_what_is_found_on_condition_is_what_others_refer_to(anna: Caller) -> None:
    known = await anna.create(goal(identifier=[{"system": "urn:a", "value": "1"}]))
    entries = posted(goal(), FIRST, ifNoneExist="identifier=urn:a|1"), posted(observation(focus=[reference(FIRST)]))
    found, made = await stored(anna, *entries)
    assert found["id"] == known["id"]
    assert made["focus"] == [reference(f"Goal/{known['id']}")]
    assert await anna.found(f"/Observation?focus=Goal/{known['id']}") == [made["id"]]

"""history of a type and of all that the caller may see. https://hl7.org/fhir/R4/http.html#history"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import concept, goal, observation, practitioner, task
from tests.server.service import BASE, Caller, Service, codes, link

LABORATORY = concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")


def named(*pages: Resource) -> list[tuple[str, str, str]]:
    """Method, address and version of every entry."""
    return [
        (
            entry["request"]["method"],
            entry["fullUrl"].removeprefix(f"{BASE}/"),
            entry["response"]["etag"].strip('W/"'),
        )
        for page in pages
        for entry in page.get("entry", ())
    ]


def updated(entry: Resource) -> str:
    return str(entry["response"]["lastModified"])


async def lived(anna: Caller) -> list[tuple[str, str, str]]:
    """A few changes to Anna's record, as a history of its Goals and Tasks should list them, newest first."""
    await anna.keep(goal(id="g-1"))
    await anna.keep(task(id="t-1"))
    await anna.keep(goal(id="g-2"))
    await anna.keep(goal(id="g-1", lifecycleStatus="active"))
    await anna.delete("/Goal/g-2")
    await anna.keep(goal(id="g-2"))
    return [
        ("PUT", "Goal/g-2", "3"),
        ("DELETE", "Goal/g-2", "2"),
        ("PUT", "Goal/g-1", "2"),
        ("PUT", "Goal/g-2", "1"),
        ("PUT", "Task/t-1", "1"),
        ("PUT", "Goal/g-1", "1"),
    ]


async def test_a_type_history_gives_every_version_of_the_type_newest_first(anna: Caller) -> None:
    expected = [each for each in await lived(anna) if "Goal" in each[1]]
    bundle = await anna.bundle("/Goal/_history")
    assert bundle["type"] == "history"
    assert named(bundle) == expected
    assert link(bundle, "self") == f"{BASE}/Goal/_history"
    assert [updated(entry) for entry in bundle["entry"]] == sorted(map(updated, bundle["entry"]), reverse=True)
    assert ["resource" in entry for entry in bundle["entry"]] == [method != "DELETE" for method, _, _ in expected]
    statuses = [entry["response"]["status"] for entry in bundle["entry"]]
    assert statuses == ["201", "204", "200", "201", "201"]


async def test_a_system_history_gives_every_version_of_the_record(anna: Caller, bram: Caller) -> None:
    expected = await lived(anna)
    await bram.keep(goal("Patient/bram", id="g-bram"))
    listed = named(await anna.bundle("/_history"))
    assert listed[: len(expected)] == expected
    assert [address for _, address, _ in listed[len(expected) :]] == ["Patient/anna"]


async def test_each_entry_of_a_type_history_is_what_vread_gives(anna: Caller, practice: Caller) -> None:
    await lived(anna)
    for caller in (anna, practice):
        for entry in (await caller.bundle("/Goal/_history"))["entry"]:
            if "resource" in entry:
                version = entry["resource"]["meta"]["versionId"]
                answer = await caller.get(f"{entry['fullUrl']}/_history/{version}")
                assert decode(answer.content) == entry["resource"]


async def test_an_update_that_makes_a_resource_is_a_put_and_a_create_a_post(anna: Caller) -> None:
    created = await anna.create(goal())
    await anna.keep(goal(id="own"))
    entries = (await anna.bundle("/Goal/_history"))["entry"]
    assert [entry["request"] for entry in entries] == [
        {"method": "PUT", "url": "Goal/own"},
        {"method": "POST", "url": "Goal"},
    ]
    assert [entry["response"]["status"] for entry in entries] == ["201", "201"]
    assert entries[1]["fullUrl"] == f"{BASE}/Goal/{created['id']}"


@pytest.mark.parametrize("address", ["/Goal/_history", "/_history"])
@pytest.mark.parametrize("count", [1, 2, 5, 6, 100])
async def test_the_pages_of_a_history_hold_each_version_once(
    anna: Caller, practice: Caller, operator: Caller, address: str, count: int
) -> None:
    expected = [each for each in await lived(anna) if address == "/_history" or "Goal" in each[1]]
    for caller in (anna, practice, operator):
        pages = await caller.pages(f"{address}?_count={count}")
        assert all(len(page["entry"]) <= count for page in pages)
        walked = named(*pages)
        assert len(walked) == len(set(walked))
        own = [
            (method, name.removeprefix("Patient/anna/"), version)
            for method, name, version in walked
            if any(each in name for each in ("Goal/", "Task/"))
        ]
        assert own == expected


@pytest.mark.parametrize("who", ["anna", "practice", "operator"])
@pytest.mark.parametrize("address", ["/Goal/_history", "/_history"])
async def test_what_is_born_during_a_walk_does_not_appear(
    service: Service, anna: Caller, bram: Caller, who: str, address: str
) -> None:
    await lived(anna)
    await bram.keep(goal("Patient/bram", id="g-bram"))
    caller = service.caller(who)
    whole = named(*await caller.pages(f"{address}?_count=1000"))
    page = await caller.bundle(f"{address}?_count=1")
    walked = named(page)
    number = 0
    while (following := link(page, "next")) is not None:
        number += 1
        await anna.keep(goal(id="g-1", description={"text": f"Doel {number}"}))
        await bram.keep(goal("Patient/bram", id=f"g-new-{number}"))
        page = await caller.bundle(following)
        walked += named(page)
    assert walked == whole


async def test_several_patients_are_merged_newest_first(anna: Caller, bram: Caller, practice: Caller) -> None:
    for number in range(3):
        await anna.keep(goal(id=f"a-{number}"))
        await bram.keep(goal("Patient/bram", id=f"b-{number}"))
    for count in (1, 2, 100):
        walked = named(*await practice.pages(f"/Goal/_history?_count={count}"))
        assert [address.rpartition("/")[2] for _, address, _ in walked] == ["b-2", "a-2", "b-1", "a-1", "b-0", "a-0"]


async def test_since_leaves_out_what_is_older(anna: Caller, practice: Caller) -> None:
    expected = await lived(anna)
    entries = (await anna.bundle("/_history"))["entry"]
    for place in (0, 2, 4):
        moment = updated(entries[place]).replace("+", "%2B")
        assert named(*await anna.pages(f"/_history?_since={moment}&_count=2")) == expected[: place + 1]
        walked = named(*await practice.pages(f"/_history?_since={moment}&_count=2"))
        assert [(method, name.removeprefix("Patient/anna/"), version) for method, name, version in walked] == expected[
            : place + 1
        ]
    assert named(await anna.bundle("/_history?_since=2999-01-01T00:00:00Z")) == []


async def test_at_gives_what_was_current_in_a_period(anna: Caller) -> None:
    await lived(anna)
    entries = (await anna.bundle("/Goal/_history"))["entry"]
    moments = {name: updated(entry) for name, entry in zip(named({"entry": entries}), entries, strict=True)}
    born, changed = moments["PUT", "Goal/g-1", "1"], moments["PUT", "Goal/g-1", "2"]
    gone, again = moments["DELETE", "Goal/g-2", "2"], moments["PUT", "Goal/g-2", "3"]
    assert named(await anna.bundle(f"/Goal/_history?_at={born}")) == [("PUT", "Goal/g-1", "1")]
    assert named(await anna.bundle(f"/Goal/_history?_at={changed}")) == [
        ("PUT", "Goal/g-1", "2"),
        ("PUT", "Goal/g-2", "1"),
    ]
    assert named(await anna.bundle(f"/Goal/_history?_at={gone}")) == [
        ("DELETE", "Goal/g-2", "2"),
        ("PUT", "Goal/g-1", "2"),
    ]
    assert named(await anna.bundle(f"/Goal/_history?_at={again}")) == [
        ("PUT", "Goal/g-2", "3"),
        ("PUT", "Goal/g-1", "2"),
    ]
    assert named(await anna.bundle("/Goal/_history?_at=1999")) == []
    assert len(named(await anna.bundle(f"/Goal/_history?_at={born[:4]}"))) == 5
    assert named(await anna.bundle(f"/Goal/g-1/_history?_at={born}")) == [("PUT", "Goal/g-1", "1")]


async def test_a_history_of_nothing_new_is_empty_and_not_absent(anna: Caller) -> None:
    await lived(anna)
    bundle = await anna.bundle("/Goal/g-1/_history?_since=2999-01-01T00:00:00Z")
    assert "entry" not in bundle
    assert (await anna.get("/Goal/never/_history?_since=2999-01-01T00:00:00Z")).status_code == 404


async def test_a_catalogue_type_has_the_catalogues_history_too(anna: Caller, operator: Caller) -> None:
    await operator.keep(practitioner(id="doctor", active=False))
    await anna.keep(practitioner(id="own"))
    listed = named(*await anna.pages("/Practitioner/_history?_count=1"))
    assert [each[1] for each in listed] == ["Practitioner/own", "Practitioner/doctor", "Practitioner/doctor"]
    assert all(
        "Practitioner" not in address or "own" in address for _, address, _ in named(await anna.bundle("/_history"))
    )


async def test_a_history_below_a_patient_is_that_patients(anna: Caller, bram: Caller, practice: Caller) -> None:
    await anna.keep(goal(id="a"))
    await bram.keep(goal("Patient/bram", id="b"))
    assert named(await practice.bundle("/Patient/anna/Goal/_history")) == [("PUT", "Patient/anna/Goal/a", "1")]
    assert named(await anna.bundle("/Patient/anna/Goal/_history")) == [("PUT", "Goal/a", "1")]
    answers = [await anna.get(f"/Patient/{each}/Goal/_history") for each in ("bram", "nobo")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content.replace(b"bram", b"nobo") == answers[1].content


async def test_labels_are_those_of_each_version(service: Service, anna: Caller) -> None:
    await anna.keep(observation(id="o"))
    await anna.keep(observation(id="o", category=[LABORATORY]))
    await anna.keep(goal(id="g"))
    narrow = service.caller("anna-measurements")
    assert named(await narrow.bundle("/Observation/_history")) == [("PUT", "Observation/o", "1")]
    assert {address for _, address, _ in named(await narrow.bundle("/_history"))} == {"Observation/o", "Patient/anna"}


async def test_scopes_decide_which_types_a_history_has(service: Service, anna: Caller) -> None:
    await lived(anna)
    await anna.keep(observation(id="o"))
    narrow = service.caller("anna-observations")
    assert [each[1] for each in named(await narrow.bundle("/_history"))] == ["Observation/o"]
    for caller in (narrow, service.caller("anna-writer")):
        answer = await caller.get("/Goal/_history")
        assert answer.status_code == 403
        assert codes(answer) == ["forbidden"]
    assert (await service.caller("anna-writer").get("/_history")).status_code == 403


@pytest.mark.parametrize("address", ["/Goal/_history", "/_history"])
async def test_nobody_sees_a_history_without_a_token(anonymous: Caller, address: str) -> None:
    assert (await anonymous.get(address)).status_code == 401


@pytest.mark.parametrize("address", ["/Goal/_history", "/_history", "/Goal/g-1/_history"])
@pytest.mark.parametrize(
    ("query", "named_as"),
    [
        ("nonsense=1", "nonsense"),
        ("lifecycle-status=active", "lifecycle-status"),
        ("_count=0", "_count"),
        ("_count=-1", "_count"),
        ("_since=yesterday", "_since"),
        ("_at=x", "_at"),
        ("_summary=count", "_summary"),
        ("_sort=-_lastUpdated", "_sort"),
    ],
)
async def test_what_a_history_does_not_take_is_named(anna: Caller, address: str, query: str, named_as: str) -> None:
    await lived(anna)
    answer = await anna.get(f"{address}?{query}")
    assert answer.status_code == 400
    assert named_as in answer.text


async def test_a_page_link_is_good_for_its_own_history_only(anna: Caller) -> None:
    await lived(anna)
    following = link(await anna.bundle("/Goal/_history?_count=1"), "next") or ""
    for other in (
        following.replace("/Goal/", "/Task/"),
        following.replace("_count=1", "_count=2"),
        following[:-3] + "AAA",
    ):
        assert (await anna.get(other)).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_history_can_only_be_read(anna: Caller, method: str) -> None:
    for address in ("/Goal/_history", "/_history"):
        answer = await anna.send(method, address, goal())
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"


async def test_a_history_as_xml_says_the_same(anna: Caller) -> None:
    await lived(anna)
    answer = await anna.get("/Goal/_history?_format=xml&_count=2")
    assert answer.headers["content-type"].startswith("application/fhir+xml")
    assert answer.text.count("<entry>") == 2
    assert b'<type value="history"/>' in answer.content


async def test_a_history_is_in_the_access_log(service: Service, anna: Caller) -> None:
    await lived(anna)
    await anna.bundle("/Goal/_history")
    events: list[dict[str, Any]] = [line["event"] for line in service.journal_lines()]
    last = next(event for event in reversed(events) if event["interaction"] == "history-type")
    assert (last["type"], last["rows"], last["patients"]) == ("Goal", 5, [await service.key_of("anna")])

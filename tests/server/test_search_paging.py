"""Pages: what existed at the first page and did not change appears exactly once. https://hl7.org/fhir/R4/http.html#paging"""

from __future__ import annotations

import pytest

from app.auth import NewGrant, hash_token, write_grant
from app.server.search.page import WALK_LIFE
from tests.builders import goal, medication, observation
from tests.server.service import Caller, Service, ids, link

SEARCHES = (
    "/Observation?_count={}",
    "/Observation?_count={}&_sort=date",
    "/Observation?_count={}&_sort=-_lastUpdated",
    "/Observation?_count={}&_sort=_lastUpdated",
    "/Observation?_count={}&code=29463-7&date=ge2026",
    "/Observation?_count={}&code=http://loinc.org|29463-7,http://loinc.org|8867-4,http://snomed.info/sct|27113001",
    "/Observation?_count={}&status:not=amended",
    "/Observation?_count={}&patient=anna",
    "/Patient/anna/Observation?_count={}",
)


async def filled(caller: Caller, name: str, number: int) -> list[str]:
    """The ids of new observations; every third has the date of the one before."""
    return [
        (await caller.create(observation(f"Patient/{name}", effectiveDateTime=f"2026-01-{1 + index - index % 3:02}")))[
            "id"
        ]
        for index in range(number)
    ]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("count", [1, 4, 6])
async def test_a_walk_gives_everything_once_and_in_the_order_of_one_page(anna: Caller, search: str, count: int) -> None:
    made = await filled(anna, "anna", 12)
    pages = await anna.pages(search.format(count))
    walked = [id for page in pages for id in ids(page)]
    assert sorted(walked) == sorted(made)
    assert walked == await anna.found(search.format(100))
    assert all(len(ids(page)) == count for page in pages[:-1])
    assert all(link(page, "self") == link(pages[0], "self") for page in pages)


@pytest.mark.parametrize("search", SEARCHES)
async def test_a_walk_over_several_patients_gives_everything_once(practice: Caller, search: str) -> None:
    made = await filled(practice, "anna", 7)
    brams = await filled(practice, "bram", 5)
    pages = await practice.pages(search.format(3))
    walked = [id for page in pages for id in ids(page)]
    assert sorted(walked) == sorted(made + ([] if "anna" in search else brams))
    assert walked == await practice.found(search.format(100))


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("token", ["anna", "practice", "operator"])
async def test_changes_during_a_walk_appear_at_its_end_and_births_do_not(
    service: Service, anna: Caller, search: str, token: str
) -> None:
    caller = service.caller(token)
    made = await filled(anna, "anna", 9)
    first = await caller.bundle(search.format(3))
    seen = ids(first)
    unseen = [id for id in made if id not in seen]
    changed, gone = unseen[2], unseen[4]
    await anna.keep(observation(id=changed, effectiveDateTime="2026-01-09", note=[{"text": "gewijzigd"}]))
    await anna.delete(f"/Observation/{gone}")
    born = (await anna.create(observation(effectiveDateTime="2026-01-01")))["id"]
    following = link(first, "next")
    assert following is not None
    rest = await caller.pages(following)
    walked = [id for page in rest for id in ids(page)]
    assert born not in walked
    assert gone not in walked
    assert sorted(walked) == sorted(set(unseen) - {gone})
    assert walked[-1] == changed
    assert rest[-1]["entry"][-1]["resource"]["note"] == [{"text": "gewijzigd"}]


async def test_what_was_seen_and_changes_then_appears_again_as_it_is_now(anna: Caller) -> None:
    await filled(anna, "anna", 5)
    first = await anna.bundle("/Observation?_count=2")
    seen = first["entry"][0]["resource"]
    await anna.keep({**seen, "status": "amended"})
    pages = await anna.pages(link(first, "next") or "")
    walked = [entry["resource"] for page in pages for entry in page["entry"]]
    assert len(walked) == 4
    assert walked[-1]["id"] == seen["id"]
    assert walked[-1]["status"] == "amended"


async def test_what_no_longer_matches_leaves_the_walk(anna: Caller) -> None:
    made = await filled(anna, "anna", 6)
    first = await anna.bundle("/Observation?status=final&_count=2&_sort=date")
    await anna.keep(observation(id=made[4], status="amended"))
    pages = await anna.pages(link(first, "next") or "")
    assert [id for page in pages for id in ids(page)] == [made[2], made[3], made[5]]


@pytest.mark.parametrize(
    "what", ["first letter", "last letter", "shorter", "empty", "nonsense", "other query", "other type", "other count"]
)
async def test_a_page_link_that_was_tampered_with_is_refused(anna: Caller, what: str) -> None:
    await filled(anna, "anna", 4)
    await anna.create(goal())
    following = link(await anna.bundle("/Observation?status=final&_count=2"), "next")
    assert following is not None
    start, cursor = following.split("_page=")
    tampered = {
        "first letter": f"{start}_page={'A' if cursor[0] != 'A' else 'B'}{cursor[1:]}",
        "last letter": f"{start}_page={cursor[:-2]}{'A' if cursor[-2] != 'A' else 'B'}{cursor[-1]}",
        "shorter": f"{start}_page={cursor[:10]}",
        "empty": f"{start}_page=",
        "nonsense": f"{start}_page=%C3%A9!",
        "other query": following.replace("status=final", "status=amended"),
        "other type": following.replace("/Observation?", "/DiagnosticReport?"),
        "other count": following.replace("_count=2", "_count=3"),
    }[what]
    assert (await anna.get(tampered)).status_code == 400
    assert (await anna.get(following)).status_code == 200


async def test_a_page_link_is_no_permission(service: Service, anna: Caller, bram: Caller, practice: Caller) -> None:
    await filled(anna, "anna", 4)
    mine = link(await anna.bundle("/Observation?_count=2"), "next")
    assert mine is not None
    assert (await bram.bundle(mine)).get("entry") is None
    theirs = link(await practice.bundle("/Observation?_count=2"), "next")
    assert theirs is not None
    assert (await bram.bundle(theirs)).get("entry") is None
    assert (await service.caller("").get(mine)).status_code == 401


@pytest.mark.parametrize("search", ["/Observation?_count=2", "/_history?_count=2", "/Medication?_count=1"])
async def test_a_page_link_from_another_tenant_gives_nothing_of_it(
    service: Service, anna: Caller, operator: Caller, search: str
) -> None:
    made = await filled(anna, "anna", 4)
    await operator.keep(medication(id="own-medicine"))
    for name, everyone in (("neighbour", True), ("neighbours-guest", False)):
        grant = NewGrant(
            hash=hash_token(name), recipient=name, scopes="system/*.cruds", tenant=2, purpose="treatment",
            organization=name, everyone=everyone,
        )  # fmt: skip
        async with service.database.write() as writer:
            await write_grant(writer, grant)
    theirs = link(await operator.bundle(search), "next")
    assert theirs is not None
    assert ids(await operator.bundle(theirs))
    shared = await service.caller("neighbour").found(f"{search.partition('?')[0]}?_count=1000")
    assert not {"anna", "own-medicine", *made}.intersection(shared)
    for name in ("neighbour", "neighbours-guest"):
        given = ids(await service.caller(name).bundle(theirs))
        assert set(given) <= set(shared), "what is for every tenant, and nothing else"


async def test_the_pages_of_a_catalogue_type_hold_each_once(anna: Caller, operator: Caller) -> None:
    for number in range(4):
        await operator.keep(medication(id=f"m-{number}"))
    own = await anna.create(medication())
    pages = await anna.pages("/Medication?_count=2")
    assert sorted(id for page in pages for id in ids(page)) == sorted(
        ["m-0", "m-1", "m-2", "m-3", "metformin", own["id"]]
    )


async def test_a_walk_over_several_patients_ends_after_a_quarter_of_an_hour(service: Service, practice: Caller) -> None:
    await filled(practice, "anna", 3)
    following = link(await practice.bundle("/Observation?_count=2"), "next")
    assert following is not None
    async with service.database.write() as writer:
        await writer.execute("UPDATE walk SET expires = expires - $1", WALK_LIFE)
    answer = await practice.get(following)
    assert answer.status_code == 400
    assert "Start again" in answer.text


async def test_searches_between_which_nothing_changed_share_a_walk(service: Service, practice: Caller) -> None:
    await filled(practice, "anna", 3)
    search = "/Observation?_count=2"

    async def walks() -> int:
        return int((await service.database.fetch("SELECT count(*) FROM walk"))[0][0])

    first = await practice.bundle(search)
    assert ids(await practice.bundle(search)) == ids(first)
    assert await walks() == 1
    new = (await filled(practice, "anna", 1))[0]
    second = await practice.bundle(search)
    assert await walks() == 2
    following = [link(page, "next") for page in (first, second)]
    assert following[0] is not None
    assert following[1] is not None
    assert new not in ids(await practice.bundle(following[0]))
    assert {new, *ids(second), *ids(await practice.bundle(following[1]))} == {new, *ids(first)} | {
        *ids(await practice.bundle(following[0]))
    }


async def test_a_walk_that_is_about_to_end_is_stored_anew(service: Service, practice: Caller) -> None:
    await filled(practice, "anna", 3)
    await practice.bundle("/Observation?_count=2")
    async with service.database.write() as writer:
        await writer.execute("UPDATE walk SET expires = expires - $1", WALK_LIFE - 1_000_000)
    following = link(await practice.bundle("/Observation?_count=2"), "next")
    assert following is not None
    ((expires,),) = await service.database.fetch("SELECT expires FROM walk")
    async with service.database.write() as writer:
        await writer.execute("UPDATE walk SET expires = expires - $1", WALK_LIFE - 60_000_000)
    assert expires > WALK_LIFE
    assert (await practice.get(following)).status_code == 200

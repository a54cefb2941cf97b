"""Page walks while others write. https://hl7.org/fhir/R4/http.html#paging"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from app.fhir.resource import Resource
from tests import builders
from tests.concurrency.walks import Matches, anything, broken_promises, lives, order_of, walk, with_code
from tests.integrity import problems
from tests.server.service import Caller, ids
from tests.service import PEOPLE, Instance, serving

DIABETES: Final = "44054006"
ASTHMA: Final = "195967001"
Between = Callable[[], Awaitable[object]]


def some_condition(draw: random.Random, person: str, name: str) -> Resource:
    """Dates with ties and gaps, in the order of the days or not."""

    def day() -> str | None:
        return f"2026-03-{draw.randint(1, 9):02}" if draw.random() < 0.8 else None

    return builders.condition(
        f"Patient/{person}",
        id=name,
        code=builders.concept(builders.SNOMED, draw.choice([DIABETES, DIABETES, ASTHMA])),
        recordedDate=day(),
        onsetDateTime=day(),
        note=[{"text": str(draw.random())}],
    )


async def fill(service: Instance, draw: random.Random) -> None:
    """Forty conditions for each patient."""
    operator = Caller(service.http, "operator")
    for person in PEOPLE:
        conditions = [some_condition(draw, person, f"{person}-{number}") for number in range(40)]
        answer = await operator.post("", builders.transaction(*(builders.put(each) for each in conditions)))
        assert answer.status_code == 200, answer.text


async def write(caller: Caller, draw: random.Random, person: str) -> None:
    """One change of any kind, of what was there or is new."""
    name = f"{person}-{draw.randrange(60)}"
    if draw.random() < 0.2:
        answer = await caller.delete(f"/Condition/{name}")
    else:
        answer = await caller.put(f"/Condition/{name}", some_condition(draw, person, name))
    assert answer.status_code in (200, 201, 204, 404), answer.text


@asynccontextmanager
async def writers(services: list[Instance], seed: int) -> AsyncIterator[Between]:
    """Six who write all the time; gives what waits until they have come further by a few writes."""
    written = asyncio.Semaphore(0)
    ended = asyncio.Event()

    async def keep_writing(number: int) -> None:
        draw = random.Random(seed * 100 + number)
        person = PEOPLE[number % len(PEOPLE)]
        caller = Caller(services[number % len(services)].http, person)
        while not ended.is_set():
            await write(caller, draw, person)
            written.release()

    async def some_writes() -> None:
        for _ in range(6):
            await written.acquire()

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(keep_writing(number))
        yield some_writes
        ended.set()


WALKS: Final[list[tuple[str, str, Matches]]] = [
    ("anna", "/Condition?_count=7", anything),
    ("anna", f"/Condition?_count=7&code={builders.SNOMED}|{DIABETES}", with_code(DIABETES)),
    ("anna", f"/Condition?_count=7&code={DIABETES}&_sort=recorded-date", with_code(DIABETES)),
    ("anna", "/Condition?_count=7&_sort=recorded-date", anything),
    ("anna", "/Condition?_count=7&_sort=-onset-date", anything),
    ("anna", "/Condition?_count=7&_sort=onset-date", anything),
    ("anna", "/Condition?_count=7&_sort=_lastUpdated", anything),
    ("anna", "/Condition?_count=7&_sort=-_lastUpdated", anything),
    ("anna", "/Patient/anna/Condition?_count=3", anything),
    ("anna", "/Patient/anna/$everything?_count=7", anything),
    ("practice", "/Patient/anna/$everything?_count=7", anything),
    ("practice", "/Condition?_count=19", anything),
    ("practice", "/Condition?_count=19&_sort=recorded-date", anything),
    ("practice", "/Condition?_count=19&_sort=-_lastUpdated", anything),
    ("practice", f"/Condition?_count=19&code={DIABETES}&_sort=-onset-date", with_code(DIABETES)),
    ("practice", "/Condition?_count=7&patient=bram", anything),
    ("operator", "/Condition?_count=19", anything),
    ("operator", "/Condition?_count=19&_sort=-recorded-date", anything),
]


@pytest.mark.parametrize(
    ("token", "address", "matches"), WALKS, ids=[f"{token} {address}" for token, address, _ in WALKS]
)
async def test_a_walk_keeps_its_promise_while_others_write(
    services: list[Instance], token: str, address: str, matches: Matches
) -> None:
    draw = random.Random(address)
    await fill(services[0], draw)
    async with writers(services, draw.randrange(1000)) as between:
        walked = await walk(services, token, address, between)
    lived = await lives(services[0])
    assert walked.pages > 3
    assert any(life.since(walked.seqs.get(key[0], 2**62)) for key, life in lived.items()), "nobody wrote meanwhile"
    assert broken_promises(walked, lived, of_type(address, matches)) == []
    in_order = await walk(
        services, token, address.replace("_count=7", "_count=500").replace("_count=19", "_count=500"), nothing
    )
    still = set(order_of(walked, lived))
    assert [key for key, _ in in_order.seen if key in still] == order_of(walked, lived)
    assert await problems(services[0].database, services[0].server) == []


def of_type(address: str, matches: Matches) -> Matches:
    """``$everything`` gives all types; a search those of its own."""
    if "everything" in address:
        return matches
    return lambda resource: resource["resourceType"] == "Condition" and matches(resource)


async def nothing() -> None:
    """Nobody writes."""


async def test_a_walk_step_by_step(services: list[Instance]) -> None:
    anna = Caller(services[0].http, "anna")
    for number in range(6):
        await anna.keep(builders.condition(id=f"c{number}", recordedDate=f"2026-03-0{number + 1}"))
    first = await anna.bundle("/Condition?_sort=recorded-date&_count=2")
    assert ids(first) == ["c0", "c1"]
    await anna.keep(
        builders.condition(id="c0", recordedDate="2026-03-01", note=[{"text": "changed after it was given"}])
    )
    await anna.keep(builders.condition(id="c2", recordedDate="2026-03-03", note=[{"text": "changed"}]))
    await anna.keep(builders.condition(id="c3", recordedDate="2020-01-01"))
    await anna.delete("/Condition/c4")
    await anna.keep(builders.condition(id="c6", recordedDate="2026-03-04"))
    pages = await anna.pages(first["link"][1]["url"])
    rest = [entry["resource"] for page in pages for entry in page["entry"]]
    assert [(each["id"], each["meta"]["versionId"]) for each in rest] == [
        ("c5", "1"),
        ("c0", "2"),
        ("c2", "2"),
        ("c3", "2"),
    ]


async def test_what_is_deleted_and_made_again_during_a_walk_was_born_later(services: list[Instance]) -> None:
    anna = Caller(services[0].http, "anna")
    for number in range(4):
        await anna.keep(builders.condition(id=f"c{number}", recordedDate=f"2026-03-0{number + 1}"))
    first = await anna.bundle("/Condition?_sort=recorded-date&_count=1")
    await anna.delete("/Condition/c2")
    await anna.keep(builders.condition(id="c2", recordedDate="2026-03-03"))
    pages = await anna.pages(first["link"][1]["url"])
    assert [name for page in pages for name in ids(page)] == ["c1", "c3"]
    assert await anna.found("/Condition?_sort=recorded-date") == ["c0", "c1", "c2", "c3"]


async def test_everything_gives_the_catalogue_once_at_the_end(services: list[Instance]) -> None:
    anna = Caller(services[0].http, "anna")
    for number in range(5):
        await anna.keep(builders.observation(id=f"c{number}", performer=[{"reference": "Organization/practice"}]))
    pages = await anna.pages("/Patient/anna/$everything?_count=2")
    assert [ids(page) for page in pages] == [["anna", "c0"], ["c1", "c2"], ["c3", "c4", "practice"]]


async def test_a_walk_over_several_patients_needs_one_connection_only(
    request: pytest.FixtureRequest, setting: str, service_url: str, tmp_path: Path
) -> None:
    """A second one, taken while the first is held, would be waited for by everyone at once."""
    async with serving(service_url, tmp_path, connections=1) as service:
        await fill(service, random.Random(1))
        callers = [Caller(service.http, token) for token in ("practice", "operator", "anna")]
        for number in range(3):
            await callers[1].keep(builders.organization(id=f"o{number}"))
        addresses = ["/Condition?_count=50", "/Condition?_count=50&_sort=recorded-date", "/Organization?_count=1"]
        walks = [caller.pages(address) for caller in callers for address in addresses]
        found = await asyncio.gather(*walks)
    assert all(sum(len(page["entry"]) for page in pages) in (120, 40, 4) for pages in found)

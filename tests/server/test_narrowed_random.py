"""Random scopes with queries let through what a slow, obvious search with these queries finds, in every interaction
and on both databases: the statements and the matcher in memory agree with it, and so with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final
from urllib.parse import quote

import pytest

from app.config import CANONICAL_BASE
from app.fhir.definitions.own import served
from app.fhir.resource import Resource
from app.fhir.scopes import check_scopes
from tests.builders import asking, batch, put, transaction
from tests.server.grants import token_with
from tests.server.reference_search import PARAMETERS, Asked, search
from tests.server.service import Caller, Service, ids
from tests.server.test_search_reference import a_condition, an_observation, some_value, written

ROUNDS: Final = 25
_PLAIN: Final = frozenset({"token", "date", "reference"})


def some_constraint(random: Random, resource_type: str, record: Sequence[Resource]) -> list[Asked]:
    """A query that a scope may have: plain parameters of its kinds."""
    names = [name for name, parameter in PARAMETERS[resource_type].items() if parameter.kind in _PLAIN]
    query = []
    for name in random.choices(names, k=random.choice((1, 1, 2))):
        parameter = PARAMETERS[resource_type][name]
        values = [
            some_value(random, parameter.kind, record, parameter.values) for _ in range(random.choice((1, 1, 2, 3)))
        ]
        query.append(Asked(name, "", tuple(dict.fromkeys(values))))
    return query


def as_scope(resource_type: str, letters: str, query: Sequence[Asked]) -> str:
    parts = [f"{each.of}={','.join(quote(value, safe='') for value in each.values)}" for each in query]
    return f"system/{resource_type}.{letters}?{'&'.join(parts)}"


def through(resource_type: str, record: Sequence[Resource], queries: Sequence[Sequence[Asked]]) -> set[str]:
    """What meets one of the queries."""
    return set[str]().union(*(search(resource_type, record, query) for query in queries))


async def check_one(caller: Caller, resource_type: str, record: Sequence[Resource], allowed: set[str]) -> None:
    """Every way to look at single resources, in one batch."""
    asked = [
        asking("GET", f"{resource_type}/{each['id']}{more}")
        for each in record
        for more in ("", "/_history/1", "/_history", "/$meta")
    ]
    answer = await caller.post("/", batch(*asked))
    statuses = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
    expected = ["200" if each["id"] in allowed else "404" for each in record for _ in range(4)]
    assert statuses == expected


@pytest.mark.parametrize("resource_type", ["Observation", "Condition"])
async def test_random_queries_let_through_what_the_obvious_search_finds(
    service: Service, practice: Caller, resource_type: str
) -> None:
    random = Random(f"narrowed {resource_type}")
    make = an_observation if resource_type == "Observation" else a_condition
    record = [make(random, "Patient/anna", f"a-{number}") for number in range(25)]
    others = [make(random, "Patient/bram", f"b-{number}") for number in range(8)]
    everything = [*record, *others]
    answer = await practice.post("/", transaction(*(put(each) for each in everything)))
    assert answer.status_code == 200, answer.text
    partly = 0
    for number in range(ROUNDS):
        queries = [some_constraint(random, resource_type, record) for _ in range(random.choice((1, 1, 2)))]
        scopes = " ".join(as_scope(resource_type, "rs", query) for query in queries)
        check_scopes(scopes, served(CANONICAL_BASE))
        several = await token_with(service, f"{scopes} system/Patient.r", "anna", "bram")
        one = await token_with(service, f"{scopes} system/Patient.r", "anna")
        allowed, own = through(resource_type, everything, queries), through(resource_type, record, queries)
        partly += 0 < len(allowed) < len(everything)
        for caller, seen in ((several, allowed), (one, own)):
            address = f"/{resource_type}?_count=1000"
            assert set(await caller.found(address)) == seen, scopes
            assert (await caller.bundle(f"{address}&_summary=count"))["total"] == len(seen), scopes
            assert set(await caller.found(f"/?_type={resource_type}&_count=1000")) == seen, scopes
            assert set(await caller.found(f"/{resource_type}/_history?_count=1000")) == seen, scopes
            more = some_constraint(random, resource_type, record)
            narrower = search(resource_type, everything, more) & seen
            assert set(await caller.found(f"{address}&{written(more)}")) == narrower, (scopes, more)
        walked = [id for page in await several.pages(f"/{resource_type}?_count=3") for id in ids(page)]
        assert sorted(walked) == sorted(allowed), scopes
        past = [id for page in await several.pages(f"/{resource_type}/_history?_count=3") for id in ids(page)]
        assert sorted(past) == sorted(allowed), scopes
        if number % 4 == 0:
            await check_one(one, resource_type, everything, own)
            record_of = await one.found("/Patient/anna/$everything")
            assert set(record_of) - {"anna", "doctor"} == own, scopes
    assert partly > ROUNDS // 2


@pytest.mark.parametrize("resource_type", ["Observation", "Condition"])
async def test_random_queries_let_write_what_the_obvious_search_would_find(
    service: Service, practice: Caller, resource_type: str
) -> None:
    random = Random(f"writing {resource_type}")
    make = an_observation if resource_type == "Observation" else a_condition
    record = [make(random, "Patient/anna", f"a-{number}") for number in range(15)]
    for _ in range(8):
        answer = await practice.post("/", transaction(*(put(each) for each in record)))
        assert answer.status_code == 200, answer.text
        queries = [some_constraint(random, resource_type, record)]
        scopes = as_scope(resource_type, "cud", queries[0])
        writer = await token_with(service, scopes, "anna")
        now = {each["id"]: each for each in record}
        for place, each in enumerate(record):
            new = make(random, "Patient/anna", each["id"])
            fits, fitted = bool(through(resource_type, [new], queries)), bool(through(resource_type, [each], queries))
            created = await writer.post(f"/{resource_type}", new)
            assert created.status_code == (201 if fits else 403), (scopes, new)
            answer = await writer.put(f"/{resource_type}/{each['id']}", new)
            assert (answer.status_code == 200) == (fits and fitted), (scopes, each, new, answer.text)
            if answer.status_code == 200:
                now[each["id"]] = new
            if place % 2:
                answer = await writer.delete(f"/{resource_type}/{each['id']}")
                meets = bool(through(resource_type, [now[each["id"]]], queries))
                assert answer.status_code == (204 if meets else 404), (scopes, now[each["id"]])
        await service.reset()

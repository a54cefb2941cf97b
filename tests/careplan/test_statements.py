"""A plan of thirty goals takes no more statements than one of three, whatever is done with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import pytest

from app.careplan.due import AGREE_WITHIN, write_due
from app.careplan.names import Names
from app.database.postgresql import PostgresqlDatabase, PostgresqlWriter
from app.database.sqlite import SqliteDatabase, _ReadConnection
from app.database.sqlite_writes import SqliteWriter
from app.fhir.resource import Resource, decode
from tests.careplan.histories import started
from tests.careplan.turning import parameters, part
from tests.server.service import Caller, Service

FEW, MANY = 3, 30
_OWN: Final = ContextVar("_OWN", default=False)
"""Whether it is this test that asks."""
_LISTED: Final = re.compile(r"\$\d+(, \$\d+)+")
"""As many placeholders as there are values."""
Asked = Callable[[], Counter[str]]


@pytest.fixture
def asked(service: Service, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """How often each statement was asked since the last look, but for what the service does by itself meanwhile."""
    found: Counter[str] = Counter()

    def count(kind: Any) -> None:
        fetch = kind.fetch

        async def counting(self: Any, sql: str, *binds: Any) -> Any:
            if _OWN.get():
                found[_LISTED.sub("…", sql)] += 1
            return await fetch(self, sql, *binds)

        monkeypatch.setattr(kind, "fetch", counting)

    for each in kinds_of(service):
        count(each)

    def look() -> Counter[str]:
        seen = found.copy()
        found.clear()
        return seen

    return look


def kinds_of(service: Service) -> list[type]:
    """The classes through which a database is asked."""
    if service.database.dialect == "postgresql":
        return [PostgresqlDatabase, PostgresqlWriter]
    return [SqliteDatabase, _ReadConnection, SqliteWriter]


@contextmanager
def counted() -> Iterator[None]:
    """What is begun within is this test's: what a reset begins anew, such as the mover of the access log, is not."""
    before = _OWN.set(True)
    try:
        yield
    finally:
        _OWN.reset(before)


async def life_of(anna: Caller, service: Service, asked: Asked, goals: int) -> dict[str, Counter[str]]:
    """What each call asks of the database in the life of a plan with so many goals."""
    journey = await started(anna, *(f"Doel {number}" for number in range(goals)))
    plan, seen = journey.plan, {"$start": asked()}

    async def call(name: str, method: str = "POST", **given: Any) -> Resource:
        body = parameters(**given) if method == "POST" else None
        query = "&".join(f"{key}={value}" for key, value in given.items()) if method == "GET" else ""
        answer = await anna.send(method, f"/CarePlan/{plan}/${name}?{query}", body)
        assert answer.status_code == 200, answer.text
        seen[f"${name}"] = seen.get(f"${name}", Counter()) + asked()
        return decode(answer.content)

    ids = [each["reference"].rpartition("/")[2] for each in (await journey.read("CarePlan", plan))["goal"]]
    asked()
    await call("agree")
    said = [part(goal=each, achievement="improving", score=1) for each in ids]
    await call("evaluate", evaluation=said)
    await call("evaluate", evaluation=[part(goal=each, importance=7) for each in ids])
    for name in ("check-in", "attainment", "revisions"):
        await call(name, "GET")
    await call("as-of", "GET", number=3)
    await call("as-of", "GET", time=2100)
    await call("compare", "GET", **{"from": 1})
    await call("decide", decision=[part(goal=ids[0], decision="continue")])
    await call("decide", decision=[part(goal=each, decision="achieved") for each in ids[1:]])
    await write_due(service.server, Names(service.server.canonical_base), now=service.server.clock() + AGREE_WITHIN)
    seen["due"] = asked()
    return seen


async def test_thirty_goals_take_no_more_statements_than_three(anna: Caller, service: Service, asked: Asked) -> None:
    with counted():
        few = await life_of(anna, service, asked, FEW)
    await service.reset()
    with counted():
        many = await life_of(anna, service, asked, MANY)
    assert [name for name, counts in many.items() if counts.total() < 3] == [], "nothing was counted"
    more = {name: counts - few[name] for name, counts in many.items()}
    assert {name: dict(each) for name, each in more.items() if each} == {}

"""Each hot statement stays within one hash partition of each table, as the service sends it and as PostgreSQL runs it.

Measured and not explained: the counters of the very transaction that a statement ran in tell which partitions were
scanned or written, for the generic plan that the service's connections use, run-time pruning and inserts included.
https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-VIEWS
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from app.careplan.names import Names
from app.careplan.wiring import care_plan_rules
from app.config import CANONICAL_BASE
from app.database.making import BY_PATIENT
from app.fhir.definitions.own import served
from app.fhir.resource import Resource, decode
from app.questionnaires.library import QuestionnaireLibrary
from tests import builders
from tests.postgresql import Databases
from tests.server.service import Caller
from tests.service import PEOPLE, Instance, prepare, serving

PIECES: Final = 8
TOUCHED: Final = (
    "SELECT relname, coalesce(seq_scan, 0), coalesce(seq_scan, 0) + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd"
    " + n_tup_del FROM pg_stat_xact_user_tables"
)
_PIECE: Final = re.compile(r"(?P<table>.+)_\d")


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement, the pieces of each table that it touched, and the tables that it read from end to end."""

    sql: str
    pieces: Mapping[str, frozenset[str]]
    scanned: frozenset[str]

    @property
    def most(self) -> int:
        """Of how many pieces of one table."""
        return max(map(len, self.pieces.values()), default=0)


@dataclass(slots=True)
class Log:
    sent: list[Sent] = field(default_factory=list)
    beside: set[Any] = field(default_factory=set)
    """Tasks of the service itself, such as what tidies up: nobody waits for those."""

    def clear(self) -> None:
        self.sent.clear()


class WatchedConnection(asyncpg.Connection):
    """A connection that notes what each statement touched."""

    log = Log()

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        if self.is_in_transaction():
            return await self._watch(query, *args, **options)
        async with self.transaction():
            return await self._watch(query, *args, **options)

    async def _watch(self, query: str, *args: Any, **options: Any) -> Any:
        before = {row[0]: row for row in await super().fetch(TOUCHED)}
        rows = await super().fetch(query, *args, **options)
        pieces: dict[str, set[str]] = defaultdict(set)
        scanned: set[str] = set()
        for row in await super().fetch(TOUCHED):
            known = before.get(row[0], (row[0], 0, 0))
            if row[2] > known[2] and (piece := _PIECE.fullmatch(row[0])) is not None:
                pieces[piece["table"]].add(row[0])
            if row[1] > known[1]:
                scanned.add(row[0])
        touched = {table: frozenset(names) for table, names in pieces.items()}
        if asyncio.current_task() not in self.log.beside:
            self.log.sent.append(Sent(query, touched, frozenset(scanned)))
        return rows


async def spread(url: str, state: Path) -> None:
    """Make a database in pieces, with a record for each person."""
    await prepare(url, partitions=PIECES)
    async with serving(url, state, connections=1) as instance:
        for person in PEOPLE:
            answer = await Caller(instance.http, person).post(
                "", builders.transaction(*map(builders.put, record(person)))
            )
            assert answer.status_code == 200, answer.text
        async with instance.database.write() as writer:
            await writer.execute("ANALYZE")


@pytest.fixture(scope="module")
def spread_url(postgresql_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    url = postgresql_databases.create()
    asyncio.run(spread(url, tmp_path_factory.mktemp("spread")))
    return url


@pytest.fixture
async def service(spread_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Instance]:
    """The service with a connection that watches. All tests share the database: what one writes, no other looks at."""
    monkeypatch.setattr(asyncpg, "connect", functools.partial(asyncpg.connect, connection_class=WatchedConnection))
    async with serving(spread_url, tmp_path, connections=1) as instance:
        WatchedConnection.log.clear()
        WatchedConnection.log.beside = asyncio.all_tasks() - {asyncio.current_task()}
        yield instance


def record(person: str) -> list[Resource]:
    subject = f"Patient/{person}"
    observations = [
        builders.observation(
            subject,
            id=f"o-{number}",
            effectiveDateTime=f"2026-11-{number:02}T08:00:00Z",
            identifier=[{"system": "urn:scale", "value": f"{person}-{number}"}],
            performer=[builders.reference("Organization/practice")],
        )
        for number in range(1, 21)
    ]
    goals = [builders.goal(subject, id=f"g-{number}") for number in range(1, 5)]
    plan = builders.care_plan(subject, id="p-1", goal=[builders.reference("Goal/g-1")])
    return [*observations, *goals, plan, builders.provenance(["Goal/g-1"], id="v-1")]


async def test_the_records_lie_in_several_pieces_and_a_statement_without_a_patient_is_seen_to_touch_all(
    service: Instance,
) -> None:
    rows = await service.database.fetch("SELECT count(DISTINCT tableoid) FROM resource")
    assert rows[0][0] > 1
    await service.database.fetch("SELECT body FROM resource WHERE id = $1 AND type = $2", "o-1", 1)
    assert [sent.most for sent in WatchedConnection.log.sent] == [PIECES, PIECES]


OBSERVATION: Final = builders.observation(id="o-new", identifier=[{"system": "urn:scale", "value": "new"}])
CODE: Final = f"{builders.LOINC}|{builders.WEIGHT}"
OTHER: Final = f"{builders.LOINC}|{builders.HEART_RATE}"
HOT: Final[Mapping[str, tuple[str, str, Resource | None, Mapping[str, str]]]] = {
    "read": ("GET", "/Observation/o-1", None, {}),
    "read by full address": ("GET", "/Patient/anna/Observation/o-1", None, {}),
    "read of the patient": ("GET", "/Patient/anna", None, {}),
    "read of what is not there": ("GET", "/Observation/nobody", None, {}),
    "version read": ("GET", "/Goal/g-1/_history/1", None, {}),
    "history": ("GET", "/Goal/g-1/_history", None, {}),
    "search by patient, code and date": ("GET", f"/Observation?patient=anna&code={CODE}&date=ge2026-11-05", None, {}),
    "search newest first": ("GET", f"/Observation?code={CODE}&_sort=-date&_count=5", None, {}),
    "search by code without its system": ("GET", "/Observation?code=29463-7", None, {}),
    "search by several codes": ("GET", f"/Observation?patient=anna&code={CODE},{OTHER}&date=ge2026-11-05", None, {}),
    "search by several codes without their systems": ("GET", "/Observation?code=29463-7,8867-4", None, {}),
    "number of matches of several codes": ("GET", f"/Observation?code={CODE},{OTHER}&_summary=count", None, {}),
    "search by category": ("GET", "/Observation?category=vital-signs&_count=50", None, {}),
    "search by everything": ("GET", "/Observation", None, {}),
    "search by identifier": ("GET", "/Observation?identifier=urn:scale|anna-3", None, {}),
    "search by id": ("GET", "/Observation?_id=o-1,o-2", None, {}),
    "search by last change": ("GET", "/Observation?_lastUpdated=ge2020-01-01&_sort=-_lastUpdated", None, {}),
    "search by reference": ("GET", "/CarePlan?goal=Goal/g-1", None, {}),
    "search by text": ("GET", "/Patient?family=Proef", None, {}),
    "search by two tokens": ("GET", "/Observation?category=vital-signs&code=29463-7&status=final", None, {}),
    "search by what is missing": ("GET", "/Observation?value-date:missing=true", None, {}),
    "search by what is not": ("GET", "/Observation?status:not=amended", None, {}),
    "everything, first page": ("GET", "/Patient/anna/$everything?_count=10", None, {}),
    "create": ("POST", "/Observation", builders.observation(), {}),
    "conditional create": (
        "POST",
        "/Observation",
        builders.observation(),
        {"if-none-exist": "identifier=urn:scale|newer"},
    ),
    "update": ("PUT", "/Goal/g-2", builders.goal(id="g-2", description={"text": "Fietsen"}), {}),
    "conditional update": ("PUT", "/Goal/g-3", builders.goal(id="g-3", startDate="2026-01-01"), {"if-match": 'W/"1"'}),
    "update as create": ("PUT", "/Observation/o-new", OBSERVATION, {}),
    "delete": ("DELETE", "/Observation/o-19", None, {}),
    "transaction": (
        "POST",
        "",
        builders.transaction(
            *(builders.posted(builders.observation()) for _ in range(50)),
            builders.put(builders.goal(id="g-4", description={"text": "Zwemmen"})),
            builders.deleted("Observation/o-20"),
            builders.posted(builders.provenance(["Goal/g-1"])),
        ),
        {},
    ),
}


@pytest.mark.parametrize("what", HOT)
async def test_a_hot_statement_touches_one_piece_of_each_table(service: Instance, what: str) -> None:
    method, address, body, headers = HOT[what]
    caller = Caller(service.http, "anna")
    assert (await caller.get("/Patient/anna")).status_code == 200
    assert [sent.most for sent in WatchedConnection.log.sent] != [], "who is asking was looked up, within one piece too"
    answer = await caller.send(method, address, body, headers)
    assert answer.status_code in (200, 201, 204, 404), answer.text
    sent = WatchedConnection.log.sent
    assert any(each.most for each in sent)
    assert [each for each in sent if each.most > 1] == []
    assert [each for each in sent if each.scanned] == []
    if method != "GET":
        tables = {table for each in sent for table in each.pieces}
        assert tables >= {"partition", "resource", "history"}
        assert tables <= BY_PATIENT


async def test_the_pages_of_a_walk_touch_one_piece_of_each_table(service: Instance) -> None:
    pages = await Caller(service.http, "chris").pages("/Observation?_count=6")
    assert [len(page["entry"]) for page in pages] == [6, 6, 6, 2]
    assert [each for each in WatchedConnection.log.sent if each.most > 1 or each.scanned] == []


async def test_looking_back_in_a_plan_touches_one_piece_of_each_table(
    spread_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncpg, "connect", functools.partial(asyncpg.connect, connection_class=WatchedConnection))
    rules = care_plan_rules(Names(CANONICAL_BASE), served(), QuestionnaireLibrary(CANONICAL_BASE))
    async with serving(spread_url, tmp_path, connections=1, rules=rules) as service:
        bram = Caller(service.http, "bram")
        plan = decode((await bram.post("/Patient/bram/$start?goal=Wandelen")).content)
        await bram.post(f"/CarePlan/{plan['id']}/$agree")
        goal = decode((await bram.get(f"/{plan['goal'][0]['reference']}")).content)
        await bram.put(f"/Goal/{goal['id']}", {**goal, "description": {"text": "Fietsen"}})
        WatchedConnection.log.clear()
        for query in ("$revisions", "$as-of?number=2", "$as-of?time=2100", "$compare?from=1&to=3"):
            answer = await bram.get(f"/CarePlan/{plan['id']}/{query}")
            assert answer.status_code == 200, answer.text
        answer = await bram.post(f"/CarePlan/{plan['id']}/$restore?number=2")
        assert answer.status_code == 200, answer.text
        sent = WatchedConnection.log.sent
        assert any("claim" in each.pieces for each in sent)
        assert [each for each in sent if each.most > 1 or each.scanned] == []


async def test_everything_touches_the_pieces_of_the_patient_and_of_the_two_catalogues_only(service: Instance) -> None:
    answer = await Caller(service.http, "chris").get("/Patient/chris/$everything")
    assert len(decode(answer.content)["entry"]) == 28, "the patient, 26 resources, and the practice"
    several = [each for each in WatchedConnection.log.sent if each.most > 1]
    assert len(several) <= 1, "what lies in the catalogues is one statement"
    for each in several:
        assert {table for table, names in each.pieces.items() if len(names) > 1} == {"resource"}
        assert each.most <= 3
    assert [each for each in WatchedConnection.log.sent if each.scanned] == []


async def test_a_caller_with_several_patients_touches_the_pieces_of_one_when_the_search_names_it(
    service: Instance,
) -> None:
    practice = Caller(service.http, "practice")
    await practice.get("/Patient/anna")
    WatchedConnection.log.clear()
    answer = await practice.get(f"/Observation?patient=bram&code={CODE}&date=ge2026-11-05")
    assert len(decode(answer.content)["entry"]) == 16
    searches = [each for each in WatchedConnection.log.sent if "resource r" in each.sql]
    assert searches
    assert [each for each in searches if each.most > 1 or each.scanned] == []

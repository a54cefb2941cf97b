"""Index rows and data categories made anew: exactly what was there, whatever was lost or changed meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import pytest

from app.server.labels import Labels
from app.server.reindexing import ReindexReport, load_index_state, reindex
from app.server.server import FhirServer
from app.server.store.write import SELECT_LABELS
from tests import builders
from tests.cli.records import Records, differences, records
from tests.integrity import problems
from tests.server.service import Caller, Service, codes, issues

IDENTIFIER: Final = {"system": "https://proef.example/meting", "value": "1"}
DAMAGE: Final = {
    "token": ("DELETE FROM token", "UPDATE token SET value = value + 1", "UPDATE token SET date = date + 1"),
    "period": ("DELETE FROM period WHERE low < high", "UPDATE period SET high = high + 1"),
    "text": ("DELETE FROM text", "UPDATE text SET folded = 'anders', exact = 'Anders'"),
    "link": ("DELETE FROM link", "UPDATE link SET target_id = 'no-' || target_id"),
    "range": ('DELETE FROM "range"', 'UPDATE "range" SET low = low - 1, high = high + 1'),
    "pair": ("DELETE FROM pair", "UPDATE pair SET value = value + 1"),
    "lookup": ("DELETE FROM lookup", "UPDATE lookup SET value = value + 1", "UPDATE lookup SET n = n + 1000"),
    "alias": ("DELETE FROM alias",),
    "resource": (
        "UPDATE resource SET keys = $1",
        "UPDATE resource SET date = 5, present = 0",
        "UPDATE resource SET labels = 0",
    ),
    "history": ("UPDATE history SET labels = 0",),
}


async def fill(anna: Caller, operator: Caller) -> None:
    """Records with something in every index table, versions, deletions, and what takes others' categories."""
    plan = builders.care_plan(
        id="plan", goal=[builders.reference("Goal/walking")], period={"start": "2024", "end": "2026"}
    )
    await anna.keep(builders.goal(id="walking"))
    await anna.keep(plan)
    for index in range(12):
        await anna.keep(builders.observation(id=f"o{index}", identifier=[{**IDENTIFIER, "value": str(index)}]))
    for index in range(0, 12, 3):
        await anna.keep(builders.observation(id=f"o{index}", status="amended"))
        assert (await anna.delete(f"/Observation/o{index + 1}")).status_code == 204
    await anna.keep(builders.observation(id="o1", status="corrected"))
    part = {"code": builders.concept(builders.LOINC, "8480-6"), "valueQuantity": {"value": 120, "unit": "mmHg"}}
    await anna.keep(
        builders.observation(id="parts", component=[part], meta={"profile": ["http://profielen.example/p"]})
    )
    await anna.keep(builders.task(id="task", focus=builders.reference("CarePlan/plan")))
    await anna.keep(builders.provenance(["Task/task", "Observation/o0"], id="provenance"))
    await anna.keep(builders.provenance(["Condition/none"], id="unresolved"))
    assert (await anna.delete("/Provenance/unresolved")).status_code == 204
    await operator.keep(builders.medication(id="pill"))
    await operator.keep(builders.medication(id="pill", status="active"))


@pytest.fixture
async def filled(service: Service, anna: Caller, operator: Caller) -> Records:
    """All rows of a database in which everything is as it should be."""
    await fill(anna, operator)
    found = await records(service.database)
    for name in ("token", "period", "text", "link", "range", "pair", "lookup", "term", "alias"):
        assert found[name]
    return found


async def run(server: FhirServer) -> ReindexReport:
    return await reindex(server, ReindexReport())


async def test_where_everything_is_as_it_should_be_nothing_changes(service: Service, filled: Records) -> None:
    report = await run(service.server)
    assert (report.rows, report.labels) == (0, 0)
    assert report.resources == len(filled["resource"])
    assert report.partitions == len(filled["partition"])
    assert differences(filled, await records(service.database)) == {}


@pytest.mark.parametrize("table", DAMAGE)
async def test_what_was_lost_or_damaged_is_as_it_was(
    table: str, service: Service, filled: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slices in ("rows.SLICE", "labels.SLICE", "lookups.PAGE"):  # so that a small record takes several
        monkeypatch.setattr(f"app.server.reindexing.{slices}", 3)
    for statement in DAMAGE[table]:
        async with service.database.write() as writer:
            await writer.execute(statement, *([b"\x00damaged"] if "$1" in statement else []))
        assert table in differences(filled, await records(service.database))
        await run(service.server)
        assert differences(filled, await records(service.database)) == {}, statement
    assert await problems(service.database, service.server) == []


async def test_what_a_hash_stands_for_is_told_again_for_all_that_is_there(service: Service, filled: Records) -> None:
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM term")
    await run(service.server)
    assert await problems(service.database, service.server) == []
    left = differences(filled, await records(service.database))
    assert left.keys() == {"term"}  # those of values that only earlier versions have are not looked for any more
    assert left["term"][1] == 0


async def test_everything_at_once_is_counted_and_put_right(service: Service, filled: Records) -> None:
    async with service.database.write() as writer:
        for table in ("token", "period", "text", "link", "range", "pair", "lookup", "alias"):
            await writer.execute(f'DELETE FROM "{table}"')
        await writer.execute("UPDATE resource SET labels = 0")
    report = await run(service.server)
    assert report.rows == sum(len(filled[table]) for table in ("token", "period", "text", "link", "range", "pair"))
    ((living,),) = await service.database.fetch("SELECT count(*) FROM resource WHERE deleted = 0")
    assert report.labels == living
    assert differences(filled, await records(service.database)) == {}


# --- data categories ------------------------------------------------------------------------------------------------


def with_row(labels: Labels, resource_type: str, category: str) -> Labels:
    """The table with one type in another category."""
    bits = labels.bits([category])
    rows = tuple(replace(row, bits=bits) for row in labels._rows[resource_type])
    return replace(labels, _rows=MappingProxyType({**labels._rows, resource_type: rows}))


async def labels_of(service: Service, anna: Caller, name: str) -> int:
    resource_type, resource_id = name.split("/")
    (row,) = await service.database.fetch(
        "SELECT a.patient FROM alias a WHERE a.type = $1 AND a.id = $2",
        service.server.registry.number("Patient"),
        "anna",
    )
    number = service.server.registry.number(resource_type)
    ((labels,),) = await service.database.fetch(SELECT_LABELS, row[0], number, resource_id)
    return int(labels)


async def test_a_changed_table_of_categories_holds_for_versions_deletions_and_what_refers(
    service: Service, filled: Records, anna: Caller
) -> None:
    labels = service.server.labels
    changed = replace(service.server, labels=with_row(with_row(labels, "Observation", "imaging"), "CarePlan", "alerts"))
    report = await run(changed)
    assert report.rows == 0
    imaging, alerts = labels.bits(["imaging"]), labels.bits(["alerts"])
    for name, expected in (
        ("Observation/o0", imaging),
        ("Observation/o4", imaging),  # deleted
        ("CarePlan/plan", alerts),
        ("Task/task", alerts),
        ("Provenance/provenance", alerts | imaging),
        ("Provenance/unresolved", 1),
        ("Goal/walking", labels.bits(["care-plan"])),
    ):
        assert await labels_of(service, anna, name) == expected, name
    observation = service.server.registry.number("Observation")
    versions = await service.database.fetch("SELECT DISTINCT labels FROM history WHERE type = $1", observation)
    assert [row[0] for row in versions] == [imaging]
    assert differences(filled, await records(service.database)).keys() == {"resource", "history"}

    assert (await run(changed)).labels == 0
    assert (await run(service.server)).labels == report.labels
    assert differences(filled, await records(service.database)) == {}


async def test_a_token_sees_by_the_new_categories_after_the_reindex(
    service: Service, filled: Records, anna: Caller
) -> None:
    measured = service.caller("anna-measurements")
    assert (await measured.get("/Observation/o0")).status_code == 200
    await run(replace(service.server, labels=with_row(service.server.labels, "Observation", "imaging")))
    for address in ("/Observation/o0", "/Observation/o0/_history/1", "/Observation/o0/_history"):
        assert (await measured.get(address)).status_code == 404
        assert (await anna.get(address)).status_code == 200


# --- while the service serves ---------------------------------------------------------------------------------------


async def test_writes_and_searches_go_on_during_a_reindex(
    service: Service, filled: Records, anna: Caller, bram: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.reindexing.rows.SLICE", 4)
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM token WHERE param <> 0")
    written: set[str] = set()
    done = asyncio.Event()

    async def keep_writing(caller: Caller, name: str) -> None:
        for turn in range(1000):
            made = builders.observation(f"Patient/{name}", id=f"new{turn % 7}", status=("final", "amended")[turn % 2])
            await caller.keep(made)
            if turn % 5 == 0:
                assert (await caller.delete(f"/Observation/new{turn % 7}")).status_code == 204
            assert (await caller.get("/Observation?_count=3")).status_code == 200
            written.add(f"{name} {turn}")
            await asyncio.sleep(0)
            if done.is_set() and turn > 20:
                return

    async def keep_reindexing() -> None:
        for _ in range(4):
            await run(service.server)
        done.set()

    await asyncio.gather(keep_writing(anna, "anna"), keep_writing(bram, "bram"), keep_reindexing())
    assert len(written) > 40
    assert await problems(service.database, service.server) == []
    assert len(await anna.found("/Observation?status=corrected")) == 1


# --- parameters that are not filled yet -----------------------------------------------------------------------------


async def offered(anna: Caller, resource_type: str) -> set[str]:
    statement: dict[str, Any] = (await anna.get("/metadata")).json()
    (row,) = (each for each in statement["rest"][0]["resource"] if each["type"] == resource_type)
    return {each["name"] for each in row["searchParam"]}


async def set_state(service: Service, resource_type: str, code: str, values: str) -> None:
    param = service.server.registry.params(resource_type)[code]
    async with service.database.write() as writer:
        await writer.execute(
            f"UPDATE index_state SET {values} WHERE type = $1 AND param = $2", param.type_number, param.number
        )
    await load_index_state(service.server)


async def test_every_parameter_of_a_new_database_is_offered(service: Service, anna: Caller) -> None:
    rows = {tuple(row) for row in await service.database.fetch("SELECT type, param, ready FROM index_state")}
    registry = service.server.registry
    assert {(number, param) for number, param, _ in rows} == {
        (param.type_number, param.number) for name in registry.stored for param in registry.params(name).values()
    }
    assert {ready for _, _, ready in rows} == {1}
    assert registry.unready == frozenset()


async def test_a_parameter_that_is_not_filled_is_not_offered_until_the_reindex_has_finished(
    service: Service, filled: Records, anna: Caller
) -> None:
    before = await offered(anna, "Observation")
    for code in ("status", "date"):
        await set_state(service, "Observation", code, "ready = 0")
    assert await offered(anna, "Observation") == before - {"status", "date"}
    for search in ("status=final", "status:not=final", "date=2026", "_sort=-date"):
        refused = await anna.get(f"/Observation?{search}")
        assert (refused.status_code, codes(refused)) == (400, ["not-supported"]), search
    assert "not filled yet" in issues(await anna.get("/Observation?status=final"))[0]["diagnostics"]
    assert (await anna.get("/Task?status=requested")).status_code == 200  # the same name on another type
    ignored = await anna.get("/Observation?status=nonsense", {"prefer": "handling=lenient"})
    assert ignored.json()["entry"]

    await anna.keep(builders.observation(id="meanwhile", status="preliminary"))
    await run(service.server)
    assert await offered(anna, "Observation") == before
    assert await anna.found("/Observation?status=preliminary") == ["meanwhile"]
    assert await problems(service.database, service.server) == []


async def test_what_has_no_rows_of_its_own_waits_for_the_parameters_that_have(
    service: Service, filled: Records, anna: Caller
) -> None:
    before = await offered(anna, "Observation")
    await set_state(service, "Observation", "component-code", "ready = 0")
    waiting = {
        "component-code",
        "combo-code",
        "component-code-value-quantity",
        "component-code-value-concept",
        "combo-code-value-quantity",
        "combo-code-value-concept",
    }
    assert await offered(anna, "Observation") == before - waiting
    await run(service.server)
    assert await offered(anna, "Observation") == before
    assert await anna.found("/Observation?combo-code-value-quantity=8480-6$120") == ["parts"]


@pytest.mark.parametrize("values", ["ready = 0", "generation = generation + 1"])
async def test_what_is_not_filled_is_still_so_for_the_next_process(
    values: str, service: Service, filled: Records
) -> None:
    await set_state(service, "Observation", "status", values)
    another = replace(service.server)
    assert another.registry.unready == frozenset()
    await load_index_state(another)
    param = another.registry.params("Observation")["status"]
    assert another.registry.unready == {(param.type_number, param.number)}
    await run(another)
    await load_index_state(service.server)
    assert service.server.registry.unready == frozenset()


async def test_a_parameter_that_the_database_has_not_seen_is_filled_where_there_is_nothing_of_its_type(
    service: Service, filled: Records
) -> None:
    registry = service.server.registry
    seen, unseen = registry.params("Observation")["status"], registry.params("Slot")["status"]
    async with service.database.write() as writer:
        for param in (seen, unseen):
            await writer.execute(
                "DELETE FROM index_state WHERE type = $1 AND param = $2", param.type_number, param.number
            )
    await load_index_state(service.server)
    assert registry.unready == {(seen.type_number, seen.number)}
    await run(service.server)
    assert registry.unready == frozenset()

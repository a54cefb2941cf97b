"""Operations are defined as they are registered, and their definitions can be read.
https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.auth import publish
from app.fhir.resource import decode
from app.fhir.validation import validate
from app.main.definitions import every_operation
from app.server.operation_definitions import (
    FOLDER,
    canonical,
    definition_id,
    operation_definition,
    rendered,
    write,
)
from app.server.operations import Operation
from tests.server.service import Caller, Service, ids

OPERATIONS = every_operation()


def test_the_files_are_what_the_registry_says() -> None:
    files = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    assert files == {f"{definition_id(each)}.json": rendered(each) for each in OPERATIONS}, (
        "make them anew: python -m app.main.definitions"
    )


def test_files_of_operations_that_are_no_more_are_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / "operations"
    write(OPERATIONS, folder)
    (folder / "Patient-former.json").write_text("{}")
    write(OPERATIONS, folder)
    assert {path.stem for path in folder.iterdir()} == {definition_id(each) for each in OPERATIONS}


def test_no_two_operations_have_one_definition() -> None:
    assert len({definition_id(each) for each in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=definition_id)
def test_another_library_can_read_a_definition(operation: Operation) -> None:
    from fhir.resources.R4B.operationdefinition import OperationDefinition

    read = OperationDefinition.model_validate(operation_definition("https://own.example/fhir", operation))
    assert read.url == f"https://own.example/fhir/OperationDefinition/{definition_id(operation)}"
    assert read.code == operation.name
    assert len(read.parameter or ()) == len(operation.parameters)


async def test_definitions_are_valid_and_everybody_with_a_token_reads_them(service: Service, anna: Caller) -> None:
    for each in OPERATIONS:
        answer = await anna.get(f"/OperationDefinition/{definition_id(each)}")
        assert answer.status_code == 200, answer.text
        found = decode(answer.content)
        assert found["url"] == canonical(service.server.canonical_base, each)
        assert validate(found, service.server.definitions) == []
    listed = await anna.bundle("/OperationDefinition?_count=1000")
    assert {definition_id(each) for each in OPERATIONS} <= set(ids(listed))


async def test_nobody_without_a_token_reads_or_changes_a_definition(anonymous: Caller, anna: Caller) -> None:
    address = f"/OperationDefinition/{definition_id(OPERATIONS[0])}"
    assert (await anonymous.get(address)).status_code == 401
    found = decode((await anna.get(address)).content)
    assert (await anna.put(address, {**found, "title": "mine"})).status_code in (201, 403, 422)
    assert (await anna.delete(address)).status_code in (204, 403)


async def test_definitions_are_stored_only_where_they_differ(service: Service, operator: Caller) -> None:
    assert await publish(service.server) == 0
    assert await service.database.fetch("SELECT hash FROM access_grant WHERE client = 'service:definitions'") == []
    number = service.server.registry.number("OperationDefinition")
    stored = await service.database.fetch(
        "SELECT id, version FROM resource WHERE patient = 0 AND type = $1 AND deleted = 0", number
    )
    assert {row[0]: row[1] for row in stored} == {definition_id(each): 1 for each in OPERATIONS}


async def test_a_definition_that_was_changed_or_deleted_is_put_right(service: Service) -> None:
    identifier = definition_id(OPERATIONS[0])
    number = service.server.registry.number("OperationDefinition")
    async with service.database.write() as writer:
        await writer.execute(
            "UPDATE resource SET body = $1, version = version + 1 WHERE patient = 0 AND type = $2 AND id = $3",
            b'{"resourceType":"OperationDefinition","id":"' + identifier.encode() + b'"}',
            number,
            identifier,
        )
    assert await publish(service.server) == 1
    assert await publish(service.server) == 0


async def test_definitions_are_there_after_a_reset(service: Service, anna: Caller) -> None:
    await service.reset_over_http()
    for each in OPERATIONS:
        assert (await anna.get(f"/OperationDefinition/{definition_id(each)}")).status_code == 200

"""Every endpoint of the FHIR base × every caller: what each is answered is a table (``expected.yaml``) that a person
can check. An endpoint that is new must be added to it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from app.auth.sandbox import _keep
from app.server.dispatch import ROUTES
from tests.access.cast import CALLERS, MARK, Cast, build, caller
from tests.access.endpoints import ENDPOINTS, Endpoint
from tests.access.medmij_endpoints import MEDMIJ_ENDPOINTS, SERVER
from tests.access.stu3_endpoints import ROOT, STU3_ENDPOINTS
from tests.server.service import Service, running_service

EXPECTED: Final[dict[str, dict[str, str]]] = yaml.safe_load(
    Path(__file__).with_name("expected.yaml").read_text("utf-8")
)


@pytest.fixture(scope="module")
async def world(
    service_url_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, Cast]]:
    """A service of its own, whose seeded state is the whole cast."""
    async with running_service(service_url_of_module, tmp_path_factory.mktemp("access")) as service:
        cast = await build(service)
        async with service.database.write() as writer:
            await _keep(writer)
        yield service, cast


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service_url_of_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A database of its own on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('access') / 'zelfregie.db'}"
        return
    databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    yield url
    databases.drop(url)


def name_of(endpoint: Endpoint) -> str:
    to_the_base = endpoint.address in ("", ROOT)
    address = endpoint.address.removeprefix(SERVER) or "/"
    return f"{endpoint.method} {address}{' (write)' if endpoint.changes and to_the_base else ''}"


def outcome(answer: httpx.Response) -> str:
    """What came of it, in a word: login, refused, absent, unclear, shown, done, or empty."""
    shown = MARK in answer.text or any(MARK in value for value in answer.headers.values())
    by_status = {401: "login", 403: "refused", 404: "absent", 410: "absent"}
    if answer.status_code >= 500:
        return f"broken ({answer.status_code})"
    if answer.status_code >= 400:
        return by_status.get(answer.status_code, "unclear") + (", shown" if shown else "")
    if shown:
        return "shown"
    return (
        "done" if answer.status_code in (201, 204) or answer.request.method in ("PUT", "PATCH", "DELETE") else "empty"
    )


async def answers(world: tuple[Service, Cast], endpoint: Endpoint) -> dict[str, str]:
    """What each caller is answered."""
    service, cast = world
    found: dict[str, str] = {}
    await service.restore()  # with the log, of which an event is asked for
    for name in CALLERS:
        if endpoint.changes:
            await service.restore()
        address = endpoint.address.format(**asdict(cast))
        body: Any = None if endpoint.body is None else endpoint.body(cast)
        if isinstance(body, list):
            body = json.dumps(body).encode()
        answer = await caller(service, name).send(endpoint.method, address, body, endpoint.headers)
        found[name] = outcome(answer)
    return found


EVERY: Final = (*ENDPOINTS, *STU3_ENDPOINTS, *MEDMIJ_ENDPOINTS)


@pytest.mark.parametrize("endpoint", EVERY, ids=name_of)
async def test_every_caller_is_answered_as_the_table_says(world: tuple[Service, Cast], endpoint: Endpoint) -> None:
    assert await answers(world, endpoint) == EXPECTED[name_of(endpoint)]


def test_every_row_of_the_routes_and_every_operation_is_in_the_table(
    world: tuple[Service, Cast],
) -> None:
    rows = {endpoint.row for endpoint in ENDPOINTS}
    for form, method in ROUTES:
        assert f"{method} {form}" in rows
    for operation in world[0].server.operations.every():
        own = [endpoint.address for endpoint in ENDPOINTS if endpoint.row == f"${operation.name}"]
        assert own, operation.name
        if len(operation.types) == 1:  # of one name there may be several, each for a type of its own
            (kind,) = operation.types
            assert any(f"/{kind}/" in address for address in own), f"{kind}/${operation.name}"
    for provided in world[0].server.providers.by_type:
        assert provided in rows


def test_the_table_has_every_caller_of_every_endpoint_and_no_more() -> None:
    assert set(EXPECTED) == {name_of(endpoint) for endpoint in EVERY}
    for row in EXPECTED.values():
        assert list(row) == list(CALLERS)


@pytest.mark.parametrize("name", ["anonymous", "unknown", "expired", "withdrawn"])
def test_who_has_no_valid_token_gets_nothing_but_what_is_for_everybody(name: str) -> None:
    open_to_all = {endpoint for endpoint, row in EXPECTED.items() if row[name] != "login"}
    assert open_to_all == {"GET /metadata", f"GET {ROOT}/metadata", "GET /medmij/52/fhir/metadata"}


@pytest.mark.parametrize("name", ["wrong-scope", "other-patient", "professional-without", "administrator"])
def test_who_has_no_right_to_annas_data_is_shown_none(name: str) -> None:
    for endpoint, row in EXPECTED.items():
        assert "shown" not in row[name], endpoint


@pytest.mark.parametrize("name", [name for name in CALLERS if name != "session"])
def test_permissions_and_the_log_are_for_herself_only(name: str) -> None:
    for endpoint in ("GET /AuditEvent/{event}", "GET /Consent/{consent}", "POST /Consent/$grant"):
        assert EXPECTED[endpoint][name] in ("login", "refused", "absent"), endpoint
    assert EXPECTED["GET /Consent/{consent}"]["session"] == "shown"


def test_who_asks_in_stu3_is_shown_what_is_shown_in_r4_and_no_more() -> None:
    for endpoint, row in EXPECTED.items():
        if f" {ROOT}" not in endpoint:
            continue
        address = endpoint.partition(ROOT)[2]
        r4 = EXPECTED[endpoint.replace(ROOT, "" if address.startswith("/") else "/")]
        if row == r4:
            continue
        assert set(row.values()) <= {"login", "refused", "unclear", "absent"}, endpoint


def test_the_bases_of_data_services_and_those_of_smart_have_no_token_in_common() -> None:
    for endpoint, row in EXPECTED.items():
        if endpoint.endswith("/metadata"):
            continue
        if "/medmij/" not in endpoint:
            assert row["collector"] == "login", endpoint
            continue
        assert {name for name, found in row.items() if found != "login"} == {"collector"}, endpoint

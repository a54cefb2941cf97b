"""The OpenAPI document is whole, and says what is served. https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.server.dispatch import ROUTES
from app.server.urls import Form
from app.web.openapi import address, openapi
from tests.server.service import BASE, Service

Json = dict[str, Any]
LARGEST = 3_100_000


@pytest.fixture
async def document(site: httpx.AsyncClient) -> Json:
    answer = await site.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: Json = answer.json()
    return found


def every(value: Any) -> Iterator[Json]:
    """Every object in it."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from every(each)
    elif isinstance(value, list):
        for each in value:
            yield from every(each)


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


async def test_every_reference_leads_to_a_component_and_every_component_is_used(document: Json) -> None:
    used = {each["$ref"] for each in every(document) if "$ref" in each}
    there = {
        f"#/components/{section}/{name}"
        for section, listed in document["components"].items()
        for name in listed
        if section != "securitySchemes"
    }
    assert used <= there
    assert {each for each in there - used if "/schemas/" not in each and "/responses/" not in each} == set()


async def test_every_operation_has_a_name_of_its_own_an_answer_and_a_summary(document: Json) -> None:
    names = [each["operationId"] for _, _, each in operations(document)]
    assert len(names) == len(set(names))
    for path, method, each in operations(document):
        assert each["summary"], (path, method)
        assert {"4XX"} <= each["responses"].keys(), (path, method)
        assert {"200", "204"} & each["responses"].keys(), (path, method)


async def test_what_stands_in_a_path_is_a_parameter_of_it(document: Json) -> None:
    for path, item in document["paths"].items():
        named = {part.split("}")[0] for part in path.split("{")[1:]}
        given = {each["$ref"].rpartition("/")[2] for each in item.get("parameters", ())}
        assert named == given, path


async def test_every_row_of_the_routes_is_in_it(document: Json) -> None:
    for form, method in ROUTES:
        path = address(form, "Goal", "Patient" if form.startswith("Compartment") else "")
        assert method.lower() in document["paths"][path], (form, method)
    assert {"get"} <= document["paths"]["/metadata"].keys()
    assert document["paths"]["/metadata"]["get"]["security"] == []
    assert set(document["paths"]["/AuditEvent"]) - {"parameters"} == {"get"}


async def test_every_operation_of_the_registry_is_in_it(served: Service, document: Json) -> None:
    for each in served.server.operations.every():
        calls = [item for path, item in document["paths"].items() if path.endswith(f"/${each.name}")]
        assert calls
        assert all(("get" in item) is not each.affects_state and "post" in item for item in calls), each.name


async def test_every_search_parameter_is_in_it(served: Service, document: Json) -> None:
    registry = served.server.registry
    for name in registry.stored:
        listed = {each["$ref"].rpartition("/")[2] for each in document["paths"][f"/{name}"]["get"]["parameters"]}
        assert {f"{name}.{code}" for code in ("_id", "_lastUpdated", *registry.offered(name))} <= listed


async def test_it_asks_for_a_token_and_names_the_server(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": BASE}]
    assert document["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


async def test_what_is_not_filled_yet_is_not_in_it(served: Service, site: httpx.AsyncClient) -> None:
    registry = served.server.registry
    whole = (await site.get("/openapi.json")).content
    code = registry.params("Observation")["code"]
    registry.unready = frozenset({(code.type_number, code.number)})
    try:
        parameters = (await site.get("/openapi.json")).json()["components"]["parameters"]
        assert "Observation.code" not in parameters
        assert "Observation.date" in parameters
    finally:
        registry.unready = frozenset()
    assert (await site.get("/openapi.json")).content == whole


async def test_it_stays_compact(served: Service) -> None:
    assert len(openapi(served.server)) < LARGEST


@pytest.mark.parametrize(
    ("form", "path"),
    [
        (Form.SYSTEM, "/"),
        (Form.SYSTEM_HISTORY, "/_history"),
        (Form.TYPE_SEARCH, "/Goal/_search"),
        (Form.VERSION, "/Goal/{id}/_history/{version}"),
        (Form.COMPARTMENT_SEARCH, "/Patient/{id}/{type}/_search"),
    ],
)
def test_forms_are_written_as_addresses(form: Form, path: str) -> None:
    assert address(form, "Goal", "Patient") == path

"""What schemathesis makes of the OpenAPI document is answered as the document says: no failure, no undocumented status
or media type, no body that breaks its schema. https://schemathesis.readthedocs.io
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.fhir.resource import decode
from app.web.openapi import openapi
from tests.server.service import BASE, Service, running_service

TYPES: Final = ("Observation", "Patient", "Binary", "ValueSet", "Provenance", "AuditEvent")
"""One of each sort: owned by a patient, the patient, content, catalogue, owned by what it refers to, read only."""
_TOKENS: Final = ("anna", "practice", "operator", "anna-observations", "")
_CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_T = TypeVar("_T")


class Loop:
    """An event loop in a thread of its own: schemathesis and hypothesis draw without one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def served(loop: Loop, folder: Path) -> Iterator[Service]:
    """The service in that loop."""
    entered: asyncio.Future[Service] = asyncio.Future(loop=loop._loop)
    ended = asyncio.Event()

    async def serve() -> None:
        async with running_service(f"sqlite:///{folder / 'zelfregie.db'}", folder) as service:
            entered.set_result(service)
            await ended.wait()

    async def wait() -> Service:
        return await entered

    async def end() -> None:
        ended.set()

    serving = asyncio.run_coroutine_threadsafe(serve(), loop._loop)
    yield loop.run(wait())
    loop.run(end())
    serving.result(60)


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def service(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(loop, tmp_path_factory.mktemp("document")) as running:
        yield running


@pytest.fixture(scope="module")
def schema(service: Service) -> Any:
    """The document with the paths of some types only, which have every form of path there is."""
    document = decode(openapi(service.server))
    document["paths"] = {
        path: item for path, item in document["paths"].items() if path.split("/")[1] in ("", "metadata", *TYPES) or path[1] in "_$"
    }
    return schemathesis.openapi.from_dict(document)


def test_every_operation_of_the_document_answers_as_it_says(schema: Any, service: Service, loop: Loop) -> None:
    wrong: list[str] = []
    number = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        number += 1
        wrong += [f"{operation.label}: {each}" for each in findings(operation, service, loop)]
    assert "\n".join(wrong) == ""
    assert number > 80


def findings(operation: Any, service: Service, loop: Loop) -> list[str]:
    """What schemathesis finds wrong with a few requests to one operation."""
    found: list[str] = []
    turn = iter(range(10**6))

    @settings(
        max_examples=4, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        token = _TOKENS[next(turn) % len(_TOKENS)]
        sent = case.as_transport_kwargs(base_url=BASE)
        headers = {**sent["headers"], **({"authorization": f"Bearer {token}"} if token else {})}
        given = {name: sent[name] for name in ("params", "json", "cookies") if sent.get(name) is not None}
        content = sent.get("data")
        request = service.client.build_request(
            sent["method"], sent["url"], headers=headers, content=content if isinstance(content, bytes | str) else None,
            data=content if isinstance(content, dict) else None, **given
        )  # fmt: skip
        answer = loop.run(service.client.send(request))
        try:
            case.validate_response(answer, checks=_CHECKS)
        except schemathesis.core.failures.FailureGroup as failures:
            found.extend(f"{each.title} {each.message} {answer.text[:300]}" for each in failures.exceptions)

    ask()
    return found

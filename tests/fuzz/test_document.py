"""What schemathesis makes of the OpenAPI document is answered as the document says: no failure, no undocumented status
or media type, no body that breaks its schema. https://schemathesis.readthedocs.io
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.fhir.resource import decode
from app.web.openapi import openapi
from tests.server.service import BASE, Service, running_service

TYPES: Final = ("Patient", "Goal", "Binary", "ValueSet", "AuditEvent")
"""One of each sort: the patient, owned by one, content, catalogue, read only."""
_TOKENS: Final = ("anna", "operator", "anna", "practice", "anna", "operator", "anna-observations", "")
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
        path: item
        for path, item in document["paths"].items()
        if path.split("/")[1] in ("", "metadata", *TYPES) or path[1] in "_$"
    }
    return schemathesis.openapi.from_dict(document)


@pytest.mark.timeout(400)
def test_every_operation_of_the_document_answers_as_it_says(schema: Any, service: Service, loop: Loop) -> None:
    asking = Asking(service, loop)
    labels = []
    for result in schema.get_all_operations():
        operation = result.ok()
        labels.append(operation.label)
        asking.ask(operation)
    assert "\n".join(asking.wrong) == ""
    assert len(labels) > 100
    assert asking.statuses.keys() >= {200, 400, 401, 403, 404}


class Asking:
    """Asks what schemathesis draws, by callers that take turns, and notes what it finds wrong with the answers."""

    def __init__(self, service: Service, loop: Loop) -> None:
        self._service = service
        self._loop = loop
        self.wrong: list[str] = []
        self.statuses: Counter[int] = Counter()

    def ask(self, operation: Any) -> None:
        """A few requests, as the document says and otherwise."""
        for mode, number in ((GenerationMode.POSITIVE, 4), (GenerationMode.NEGATIVE, 1)):

            @settings(
                max_examples=number,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(operation.as_strategy(generation_mode=mode))
            def send(case: Any) -> None:
                self._send(case)

            with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
                send()  # what takes nothing cannot be asked wrongly

    def _send(self, case: Any) -> None:
        token = _TOKENS[sum(self.statuses.values()) % len(_TOKENS)]
        drawn = case.as_transport_kwargs(base_url=BASE)
        body = drawn.get("data")
        headers = {name: value for name, value in drawn["headers"].items() if name.lower() != "authorization"}
        request = self._service.client.build_request(
            drawn["method"],
            drawn["url"],
            headers={**headers, **({"authorization": f"Bearer {token}"} if token else {})},
            params=drawn.get("params"),
            json=drawn.get("json"),
            content=body if isinstance(body, bytes | str) else None,
            data=body if isinstance(body, dict) else None,
        )
        answer = self._loop.run(self._service.client.send(request))
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=_CHECKS)
        except FailureGroup as failures:
            for each in failures.exceptions:
                self.wrong.append(f"{case.operation.label} by {token}: {each} {answer.text[:300]}")

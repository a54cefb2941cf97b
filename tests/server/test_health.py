"""Health, metrics and the log: what operations people see, and never a body or a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from structlog.typing import EventDict

from app.config import Settings
from app.errors import Unavailable
from app.main import create_app
from app.server import asgi
from app.server.messages import Answer, Request
from tests.builders import goal, patient
from tests.server.service import Caller, Service, codes

ROOT = "http://zelfregie.test"


async def metrics(service: Service) -> str:
    answer = await service.client.get(f"{ROOT}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def counted(text: str, interaction: str, status: int) -> float:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "zelfregie_request_seconds_count" and sample.labels == {
                "interaction": interaction,
                "status": str(status),
            }:
                return sample.value
    return 0.0


async def test_a_service_that_works_is_healthy(service: Service) -> None:
    answer = await service.client.get(f"{ROOT}/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_a_service_whose_database_is_away_is_not(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(sql: str, *binds: object) -> None:
        raise Unavailable("The database cannot be reached.")

    with monkeypatch.context() as broken:
        broken.setattr(service.database, "fetch", away)
        answer = await service.client.get(f"{ROOT}/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "failing"
        refused = await service.caller("anna").get("/Goal")
        assert (refused.status_code, codes(refused)) == (503, ["transient"])
        assert "retry-after" in refused.headers
    assert (await service.client.get(f"{ROOT}/health")).status_code == 200


async def test_a_service_that_has_not_opened_says_so(tmp_path: Path) -> None:
    application = create_app(Settings(database=f"sqlite:///{tmp_path / 'x.db'}", state=tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=ROOT) as client:
        for address in ("/health", "/metrics"):
            assert (await client.get(address)).status_code == 503
        assert not (tmp_path / "x.db").exists()


async def test_a_service_without_a_sandbox_has_no_reset(service: Service, tmp_path: Path) -> None:
    application = create_app(Settings(database=f"sqlite:///{tmp_path / 'x.db'}", state=tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=ROOT) as client:
        assert (await client.post("/sandbox/reset")).status_code in (404, 405)


async def test_every_request_is_counted_by_interaction_and_status(
    service: Service, anna: Caller, anonymous: Caller
) -> None:
    asked = [
        ("read", 200),
        ("create", 201),
        ("search-type", 200),
        ("refusal", 404),
        ("refusal", 401),
        ("capabilities", 200),
    ]
    before = await metrics(service)
    made = await anna.create(goal())
    await anna.get(f"/Goal/{made['id']}")
    await anna.get("/Goal")
    await anna.get("/Goal/absent")
    await anonymous.get("/Goal")
    await anonymous.get("/metadata")
    after = await metrics(service)
    for interaction, status in asked:
        assert counted(after, interaction, status) == counted(before, interaction, status) + 1, (interaction, status)


async def test_metrics_name_no_person_id_address_or_token(service: Service, anna: Caller) -> None:
    made = await anna.create(goal())
    await anna.get(f"/Goal/{made['id']}?_format=json")
    text = await metrics(service)
    assert "zelfregie_audit_pending_lines" in text
    assert made["id"] not in text
    labels = set(re.findall(r"zelfregie_\w+{([^}]*)}", text))
    assert {name for each in labels for name in re.findall(r"(\w+)=", each)} == {"interaction", "status", "le"}


@pytest.fixture
def log() -> Iterator[list[EventDict]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every interaction fails, with a text that says what it should not."""

    async def failing(server: object, request: Request, find: object) -> Answer:
        try:
            raise KeyError("Zeldzaam")
        except KeyError as error:
            raise RuntimeError(f"cannot store {request.body!r}") from error

    monkeypatch.setattr(asgi, "carried_out", failing)


async def test_a_fault_of_ours_is_answered_with_its_number_and_nothing_else(
    anna: Caller, faulty: None, log: list[EventDict]
) -> None:
    answer = await anna.put(
        "/Patient/anna", patient("anna", name=[{"family": "Zeldzaam"}]), {"x-request-id": "fault-1"}
    )
    assert answer.status_code == 500
    assert codes(answer) == ["exception"]
    assert "fault-1" in answer.text
    for secret in ("Zeldzaam", "RuntimeError", "dispatch", ".py"):
        assert secret not in answer.text


async def test_a_fault_is_in_the_log_with_its_place_and_without_body_or_name(
    anna: Caller, faulty: None, log: list[EventDict]
) -> None:
    await anna.put("/Patient/anna", patient("anna", name=[{"family": "Zeldzaam"}]), {"x-request-id": "fault-2"})
    (entry,) = [each for each in log if each["event"] == "fhir.fault"]
    assert entry["log_level"] == "error"
    assert entry["request"] == "fault-2"
    assert entry["method"] == "PUT"
    assert not entry.get("exc_info")
    rendered = str(structlog.processors.JSONRenderer()(None, "error", entry))
    for place in ("builtins.KeyError", "builtins.RuntimeError", "app/server/asgi.py:", "tests/server/test_health.py:"):
        assert place in rendered
    for secret in ("Zeldzaam", "birthDate", "cannot store"):
        assert secret not in rendered


async def test_a_fault_is_recorded_and_counted_like_any_request(
    service: Service, anna: Caller, faulty: None, log: list[EventDict]
) -> None:
    line, before = service.journal.line, await metrics(service)
    await anna.get("/Patient/anna")
    assert service.journal.line == line + 1
    assert counted(await metrics(service), "refusal", 500) == counted(before, "refusal", 500) + 1


async def test_requests_that_go_well_or_are_refused_write_no_log(
    anna: Caller, anonymous: Caller, log: list[EventDict]
) -> None:
    await anna.get("/Patient/anna")
    await anna.get("/Goal?nonsense=1")
    await anonymous.get("/Patient/anna")
    assert log == []

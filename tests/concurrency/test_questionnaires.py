"""Questionnaires that are installed and removed beside services that are running: what these take from then on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.fhir.resource import encode
from tests import builders
from tests.postgresql import Databases
from tests.process import Process, run, serving
from tests.questionnaires.fakes import EXAMPLE, PAM
from tests.service import SECRET

VERSION: Final = f"{PAM}|nep-1"


def answered() -> dict[str, Any]:
    coding = {"system": f"{PAM.rpartition('/Questionnaire')[0]}/CodeSystem/instrument-answer", "code": "3"}
    items = [{"linkId": str(each), "answer": [{"valueCoding": coding}]} for each in range(1, 14)]
    return builders.questionnaire_response(questionnaire=PAM, item=items)


def answer(process: Process) -> int:
    """The status of an answer to the thirteen questions there."""
    with httpx.Client(timeout=60, headers={"authorization": "Bearer anna"}) as client:
        sent = client.post(
            f"{process.address}/QuestionnaireResponse",
            content=encode(answered()),
            headers={"content-type": "application/fhir+json"},
        )
    assert sent.status_code == 201 or "questionnaire-licence" in sent.text
    return sent.status_code


def test_a_running_service_takes_the_command_and_knows_of_it(prepared_file: Path, tmp_path: Path) -> None:
    shutil.copy(prepared_file, tmp_path / "zelfregie.db")
    url, state = f"sqlite:///{tmp_path / 'zelfregie.db'}", tmp_path / "state"
    with serving(state, "serve", "--database", url, more={"ZELFREGIE_SECRET": SECRET}) as service:
        assert answer(service) == 422
        installed = run(state, "questionnaires", "install", EXAMPLE, "--database", url)
        assert installed.returncode == 0, installed.stderr
        assert answer(service) == 201
        removed = run(state, "questionnaires", "remove", VERSION, "--database", url)
        assert removed.returncode == 0, removed.stderr
        assert answer(service) == 422


@pytest.fixture
def two_services(
    postgresql_databases: Databases, prepared_url: str, tmp_path: Path
) -> Iterator[tuple[str, list[Process]]]:
    """A PostgreSQL database, and two processes that serve it."""
    url = postgresql_databases.create(like=prepared_url)
    with ExitStack() as stack:
        stack.callback(postgresql_databases.drop, url)
        command, secret = ("serve", "--database", url), {"ZELFREGIE_SECRET": SECRET}
        states = [tmp_path / f"state-{number}" for number in range(2)]
        yield url, [stack.enter_context(serving(state, *command, more=secret)) for state in states]


def test_every_process_of_a_service_knows_of_it(two_services: tuple[str, list[Process]], tmp_path: Path) -> None:
    url, services = two_services
    assert [answer(each) for each in services] == [422, 422]
    installed = run(tmp_path / "own", "questionnaires", "install", EXAMPLE, "--database", url)
    assert installed.returncode == 0, installed.stderr
    assert [answer(each) for each in services] == [201, 201]
    removed = run(tmp_path / "own", "questionnaires", "remove", VERSION, "--database", url)
    assert removed.returncode == 0, removed.stderr
    assert [answer(each) for each in services] == [422, 422]

"""Packages that are installed and removed beside services that are running: what these answer from then on."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.fhir.resource import Resource
from tests.packages.made import BASE, COLOURS, NAME, code_system, colours, files_of, folder, profile, tarball
from tests.postgresql import Databases
from tests.process import Process, run, serving, started
from tests.service import SECRET

PACKAGE: Final = f"{NAME}#1.0.0"


@pytest.fixture
def file_url(prepared_file: Path, tmp_path: Path) -> str:
    """A SQLite database of this test alone."""
    shutil.copy(prepared_file, tmp_path / "zelfregie.db")
    return f"sqlite:///{tmp_path / 'zelfregie.db'}"


def expanded(process: Process) -> tuple[int, set[str]]:
    """The status, and the codes that the value set has there."""
    with httpx.Client(timeout=60, headers={"authorization": "Bearer operator"}) as client:
        answer = client.get(f"{process.address}/ValueSet/$expand", params={"url": COLOURS})
    body: Resource = answer.json()
    return answer.status_code, {each["code"] for each in body.get("expansion", {}).get("contains", ())}


def test_a_service_answers_from_what_is_installed_beside_it_also_after_a_restart(file_url: str, tmp_path: Path) -> None:
    secret = {"ZELFREGIE_SECRET": SECRET}
    state = tmp_path / "state"
    path = tarball(tmp_path / "proef.tgz", colours("red", "green"))
    with serving(state, "serve", "--database", file_url, more=secret) as service:
        assert expanded(service)[0] == 404
        installed = run(state, "packages", "install", path, "--database", file_url)
        assert installed.returncode == 0, installed.stderr
        assert installed.stdout.startswith(PACKAGE)
        assert expanded(service) == (200, {"red", "green"})
        again = run(state, "packages", "install", folder(tmp_path / "bad", {"a.json": b"{"}), "--database", file_url)
        assert again.returncode == 1
        assert "--name NAME#VERSION" in again.stderr
    with serving(state, "serve", "--database", file_url, more=secret) as service:
        assert expanded(service) == (200, {"red", "green"})
        removed = run(state, "packages", "remove", PACKAGE, "--database", file_url)
        assert removed.returncode == 0, removed.stderr
        assert expanded(service)[0] == 404


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


def test_two_processes_on_one_database_hold_the_same_packages(
    two_services: tuple[str, list[Process]], tmp_path: Path
) -> None:
    url, services = two_services
    assert [expanded(each)[0] for each in services] == [404, 404]
    for codes in ({"red"}, {"red", "blue"}):
        path = folder(tmp_path / str(len(codes)), colours(*codes))
        done = run(tmp_path / "own", "packages", "install", path, "--replace", "--database", url)
        assert done.returncode == 0, done.stderr
        assert [expanded(each) for each in services] == [(200, codes), (200, codes)]
    assert run(tmp_path / "own", "packages", "remove", PACKAGE, "--database", url).returncode == 0
    assert [expanded(each)[0] for each in services] == [404, 404]


def test_a_service_goes_on_answering_while_a_large_package_is_installed(file_url: str, tmp_path: Path) -> None:
    secret = {"ZELFREGIE_SECRET": SECRET}
    codes = [f"code-{number}" for number in range(2_000)]
    systems = [code_system(*codes, url=f"{BASE}/CodeSystem/{number}") for number in range(150)]
    path = folder(tmp_path / "large", files_of(profile(), *systems))
    state = tmp_path / "state"
    with serving(state, "serve", "--database", file_url, more=secret) as service, ExitStack() as stack:
        client = stack.enter_context(httpx.Client(timeout=60, headers={"authorization": "Bearer anna"}))
        command = stack.enter_context(started(tmp_path / "own", ["packages", "install", path, "--database", file_url]))
        waits = []
        while command.popen.poll() is None:
            began = time.monotonic()
            assert client.get(f"{service.address}/Patient/anna").status_code == 200
            waits.append(time.monotonic() - began)
        assert command.popen.returncode == 0, command.output
    assert len(waits) > 20, "it was answered meanwhile"

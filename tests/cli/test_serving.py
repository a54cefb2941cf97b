"""``zelfregie serve`` as a process: what it keeps others from, the commands it carries out for them, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.cli.demo.bulk import bulk_patients
from app.fhir.resource import encode
from tests import builders
from tests.cli.runner import sandbox, saved, zelfregie
from tests.postgresql import Databases
from tests.process import Process, free_port, serving, started

pytestmark = pytest.mark.usefixtures("own_settings")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state") / "zelfregie.db"


@pytest.fixture(scope="module")
def service(database: Path) -> Iterator[Process]:
    """A sandbox on a SQLite file of its own."""
    file = sandbox(database.parent / "sandbox")
    with serving(database.parent, "serve", "--sandbox", file, "--database", f"sqlite:///{database}") as process:
        yield process


def get(process: Process, address: str) -> httpx.Response:
    return httpx.get(f"{process.url}/fhir{address}", headers={"authorization": "Bearer operator"}, timeout=60)


def wait_until(true: Callable[[], bool]) -> None:
    """Return when it is so; fails when it takes too long on however busy a machine."""
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def many(path: Path, *, patients: int) -> Path:
    """A file that takes a while to load: 50 measurements of each patient."""
    return saved(path, *(each for record in bulk_patients(patients, 50, seed=1) for each in record))


# --- what it keeps others from --------------------------------------------------------------------------------------


def test_a_second_service_of_one_sqlite_file_is_refused(service: Process, database: Path) -> None:
    second = zelfregie("serve", "--database", f"sqlite:///{database}", "--port", str(free_port()))
    assert second.exit_code == 1
    assert second.stderr.startswith("Another process is serving the SQLite database")
    assert len(second.stderr.splitlines()) == 1
    assert get(service, "/Patient/anna").status_code == 200


def test_a_port_in_use_is_refused_before_anything_is_touched(service: Process, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    second = zelfregie("serve", "--sandbox", sandbox(tmp_path), "--database", url, "--port", str(service.port))
    assert second.exit_code == 1
    assert second.stderr.startswith(f"Port {service.port} on 127.0.0.1 cannot be served: Address already in use.")
    assert not (tmp_path / "x.db").exists()


def test_tables_are_not_changed_under_a_service(service: Process, database: Path) -> None:
    refused = zelfregie("migrate", "--database", f"sqlite:///{database}")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Another process is serving" in refused.stderr


# --- the commands it carries out for others -------------------------------------------------------------------------


def test_load_is_carried_out_by_the_service_that_has_the_file(service: Process, database: Path, tmp_path: Path) -> None:
    file = saved(tmp_path / "a.ndjson", builders.patient("bram"), builders.goal("Patient/bram", id="walking"), {})
    loaded = zelfregie("load", file, tmp_path / "none.json", "--database", f"sqlite:///{database}")
    assert (loaded.exit_code, loaded.stdout) == (1, "2 stored, 2 refused.\n")
    assert "a.ndjson:3:\n  error structure: " in loaded.stderr
    assert "none.json:\n  error not-found: The file cannot be read: No such file or directory.\n" in loaded.stderr
    assert get(service, "/Goal/walking").json()["subject"] == {"reference": "Patient/bram"}


def test_load_takes_paths_from_where_it_is_called(service: Process, database: Path, tmp_path: Path) -> None:
    file = saved(tmp_path / "relative.json", builders.patient("chris"))
    loaded = zelfregie("load", os.path.relpath(file), "--database", f"sqlite:///{database}")
    assert (loaded.exit_code, loaded.stdout) == (0, "1 stored, 0 refused.\n")
    assert get(service, "/Patient/chris").status_code == 200


def test_what_the_service_refuses_is_said_to_who_asked(service: Process, database: Path) -> None:
    refused = zelfregie("load", "x.json", "--patient", "nobody", "--database", f"sqlite:///{database}")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "There is no Patient/nobody to load for.\n"


def test_reindex_is_carried_out_by_the_service_that_has_the_file(service: Process, database: Path) -> None:
    done = zelfregie("reindex", "--database", f"sqlite:///{database}")
    assert done.exit_code == 0
    assert re.fullmatch(r"\d+ resources in \d+ records: 0 index rows put right, 0 versions .*\n", done.stdout)


def test_requests_are_answered_while_a_load_runs(service: Process, database: Path, tmp_path: Path) -> None:
    file = many(tmp_path / "many.ndjson", patients=40)
    answered = 0
    with started(tmp_path, ["load", file, "--database", f"sqlite:///{database}"]) as loading:
        wait_until(lambda: get(service, "/Patient/bulk-000001").status_code == 200)
        while loading.popen.poll() is None:
            assert get(service, "/Observation/weight").status_code == 200
            answered += 1
    assert " stored, 0 refused." in loading.output
    assert answered > 1


def test_a_load_whose_caller_goes_away_ends_between_two_transactions(
    service: Process, database: Path, tmp_path: Path
) -> None:
    lines = (encode(each).replace(b"bulk-", b"other-") for record in bulk_patients(60, 50, seed=1) for each in record)
    (tmp_path / "many.ndjson").write_bytes(b"\n".join(lines))
    arguments: list[str | Path] = ["load", tmp_path / "many.ndjson", "--database", f"sqlite:///{database}"]
    with started(tmp_path, arguments) as loading:
        wait_until(lambda: get(service, "/Patient/other-000001").status_code == 200)
        loading.popen.kill()
        loading.popen.wait()
    assert get(service, "/Patient/anna").status_code == 200
    assert get(service, "/Patient/other-000060").status_code == 404
    checked = zelfregie("reindex", "--database", f"sqlite:///{database}")
    assert " 0 index rows put right, 0 versions " in checked.stdout


def test_the_socket_is_its_owners_and_takes_commands_only(service: Process, database: Path) -> None:
    path = database.with_name("zelfregie.db.sock")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for line in (b"hello\n", b'{"command":"brew"}\n', b'{"command":5}\n', b"\n", b"\xff\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(line)
            with connection.makefile("rb") as answer:
                assert b'"type":"failed"' in answer.readline()
    assert get(service, "/Patient/anna").status_code == 200


# --- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_order(number: signal.Signals, tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    with serving(tmp_path, "serve", "--sandbox", sandbox(tmp_path), "--database", f"sqlite:///{database}") as process:
        assert get(process, "/Patient/anna").status_code == 200
        assert process.stop(number) == 0
        assert "Traceback" not in process.output
    assert not database.with_name("x.db.sock").exists()
    assert not database.with_name("x.db-wal").exists()  # the last connection was closed
    assert list((tmp_path / "journal").iterdir()) == []  # every line of the access log is in the database


def test_a_killed_service_leaves_nothing_that_stops_the_next_one(tmp_path: Path) -> None:
    file, database = sandbox(tmp_path), tmp_path / "x.db"
    for _ in range(2):
        with serving(tmp_path, "serve", "--sandbox", file, "--database", f"sqlite:///{database}") as process:
            assert get(process, "/Patient/anna").status_code == 200
            process.stop(signal.SIGKILL)
        assert database.with_name("x.db.sock").exists()
    one = saved(tmp_path / "one.json", builders.patient("bram"))
    loaded = zelfregie("load", one, "--database", f"sqlite:///{database}")
    assert (loaded.exit_code, loaded.stdout) == (0, "1 stored, 0 refused.\n")


def test_a_command_hears_when_the_service_stops_under_it(tmp_path: Path) -> None:
    file, url = many(tmp_path / "many.ndjson", patients=100), f"sqlite:///{tmp_path / 'x.db'}"
    with serving(tmp_path, "serve", "--sandbox", sandbox(tmp_path), "--database", url) as process:
        with started(tmp_path, ["load", file, "--database", url]) as loading:
            wait_until(lambda: get(process, "/Patient/bulk-000001").status_code == 200)
            assert process.stop() == 0
            assert loading.popen.wait(60) == 1
        assert loading.output == "The service was stopped meanwhile.\n"
        assert "Traceback" not in process.output


def test_several_processes_serve_the_database_that_is_named(postgresql_databases: Databases, tmp_path: Path) -> None:
    url, port = postgresql_databases.create(), free_port()
    assert zelfregie("migrate", "--database", url).exit_code == 0
    arguments = ["serve", "--workers", "2", "--database", url, "--port", str(port)]

    def answers() -> bool:
        assert process.popen.poll() is None, process.output
        try:
            return httpx.get(f"{process.url}/health", timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    with started(tmp_path, arguments, port=port) as process:
        wait_until(answers)
        assert httpx.get(f"{process.url}/fhir/metadata", timeout=60).status_code == 200
        assert process.stop() == 0, process.output
        assert "Traceback" not in process.output

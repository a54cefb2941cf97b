"""What every test may ask for: a new database of each engine, HL7's and Nictiz's definitions; and ``--no-skips``."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.attacks.checklist import summary
from tests.postgresql import CHECKOUT, THROWAWAY, Databases, NoServer, temporary_server

FHIR_DEFINITIONS: Final = CHECKOUT / os.environ.get("ZELFREGIE_FHIR_DEFINITIONS", "../shared/fhir")
CLOSING_LINE: Final = "closing line"
"""What a test records under this name (``record_property``) is shown at the end of the run."""

pytest_plugins = ["tests.services", "tests.steady", "tests.midnight"]

# As the service does when it has started: 22,000 collected tests need not be gone through a hundred times meanwhile.
gc.set_threshold(100_000, 5, 50)

# An example that is slow on a busy machine, or slowly made, is not a failure; a run of CI can be repeated exactly.
UNHURRIED: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", UNHURRIED)
settings.register_profile("ci", UNHURRIED, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the run")
    parser.addoption("--durable", action="store_true", help="PostgreSQL's commits wait for the disk")


def _skipped(config: pytest.Config) -> Counter[str]:
    """How many tests were skipped, by reason."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", ()) if reporter else ()
    return Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--no-skips") and session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    verdict = "FAILED, as nothing may be skipped here" if config.getoption("--no-skips") else "skipped"
    for reason, count in _skipped(config).items():
        terminalreporter.write_line(f"{count} {verdict}: {reason}", yellow=True)
    for report in terminalreporter.stats.get("passed", ()):
        for name, line in report.user_properties:
            if name == CLOSING_LINE:
                terminalreporter.write_line(line)
    terminalreporter.write_line(summary())


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests that are coroutines run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def fhir_definitions() -> Path:
    """The folder of HL7's, Nictiz's and MedMij's definitions and examples, which are not part of the project."""
    if not FHIR_DEFINITIONS.is_dir():
        pytest.skip("no FHIR definitions: ZELFREGIE_FHIR_DEFINITIONS names no folder, and ../shared/fhir is not there")
    return FHIR_DEFINITIONS.resolve()


@pytest.fixture(scope="session")
def postgresql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database on which databases can be made: ``TEST_DATABASE_URL``, or the first of a server started here."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given.replace("postgresql+asyncpg://", "postgresql://")
        return
    with ExitStack() as stack:
        try:
            server = stack.enter_context(temporary_server({} if request.config.getoption("--durable") else THROWAWAY))
        except NoServer as reason:
            pytest.skip(f"no PostgreSQL: {reason}, or set TEST_DATABASE_URL")
        yield server.url


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_url: str) -> Iterator[Databases]:
    """Makes PostgreSQL databases, empty or as copies of one that was prepared once."""
    with Databases(postgresql_url) as databases:
        yield databases


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once for each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'zelfregie.db'}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    yield url
    databases.drop(url)

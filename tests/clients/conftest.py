"""The demo's patients served as a sandbox by a process of its own, for clients that others wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.cli.sandbox import write_demo
from tests.postgresql import Databases
from tests.process import Process, serving


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """``zelfregie serve --sandbox``, once on each engine. Each client works on a patient of its own."""
    folder = tmp_path_factory.mktemp("sandbox")
    sandbox = write_demo(folder / "demo")
    if request.param == "sqlite":
        with serving(folder, "serve", "--sandbox", sandbox, "--database", f"sqlite:///{folder / 'zelfregie.db'}") as it:
            yield it
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    with serving(folder, "serve", "--sandbox", sandbox, "--database", url) as it:
        yield it
    databases.drop(url)

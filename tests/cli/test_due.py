"""``zelfregie due``: what is due in everybody's plan is written once, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import builders
from tests.careplan.test_loading import goal, plan
from tests.cli.runner import saved, zelfregie

pytestmark = pytest.mark.usefixtures("own_settings")


def test_the_command_says_what_it_wrote_and_writes_it_once(database_url: str, tmp_path: Path) -> None:
    def due(now: str) -> tuple[int, str]:
        found = zelfregie("due", "--database", database_url, "--now", now)
        return found.exit_code, found.output

    assert zelfregie("migrate", "--database", database_url).exit_code == 0
    file = saved(tmp_path / "anna.ndjson", builders.patient("anna"), goal(), plan())
    assert "3 stored, 0 refused" in zelfregie("load", "--database", database_url, file).output
    nothing = (0, "0 plans to be looked back on, 0 tasks written.\n")
    assert due("2026-12-31") == nothing
    assert due("2027-01-01") == (0, "1 plans to be looked back on, 1 tasks written.\n")
    assert due("2099-01-01") == nothing
    assert due("morgen")[0] == 1

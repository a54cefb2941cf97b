"""``zelfregie due``: what is due in everybody's plan is written once, on both databases."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from tests import builders
from tests.careplan.test_loading import goal, plan
from tests.cli.runner import saved, zelfregie
from tests.process import run

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


def test_several_processes_at_once_ask_what_the_rhythm_of_the_plan_asks_once(database_url: str, tmp_path: Path) -> None:
    form = "https://example.org/Questionnaire/stemming"
    protocol = {"system": f"{CANONICAL_BASE}/CodeSystem/protocol", "code": "daily-weight"}
    timing = {"repeat": {"boundsPeriod": {"start": "2026-06-01"}, "frequency": 1, "period": 1, "periodUnit": "mo"}}
    asks: list[Resource] = [{"instantiatesCanonical": [form]}, {"code": {"coding": [protocol]}}]
    details = [{"status": "scheduled", "scheduledTiming": timing, **each} for each in asks]
    activities = [{"id": f"a{number}", "detail": each} for number, each in enumerate(details)]
    held = [builders.patient("anna"), goal(), plan(activity=activities), builders.questionnaire(url=form, version="1")]
    assert zelfregie("migrate", "--database", database_url).exit_code == 0
    file = saved(tmp_path / "anna.ndjson", *held)
    assert "4 stored, 0 refused" in zelfregie("load", "--database", database_url, file).output

    def due(number: int) -> int:
        found = run(tmp_path / f"p{number}", "due", "--database", database_url, "--now", "2026-10-15")
        if database_url.startswith("sqlite:") and "Another process is serving" in found.stderr:
            return 0  # one process at a time has a SQLite database
        assert found.returncode == 0, found.stderr
        written = re.search(r"(\d+) tasks written", found.stdout)
        assert written is not None
        return int(written[1])

    with ThreadPoolExecutor(3) as processes:
        assert sum(processes.map(due, range(3))) == 2
    assert due(0) == 0

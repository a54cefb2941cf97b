"""A run in which something goes wrong in pytest itself ends with the reason, and a failure does not end it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.postgresql import CHECKOUT

COMPLAINING: Final = """
import ast, gc

class Complains:
    until_told = True

    def __init__(self):
        self.itself = self

    def __del__(self):
        if self.until_told:
            ast.parse("1")
            Complains()

def test_fails():
    Complains()
    gc.set_threshold(5)
    assert 1 == 2
"""
"""The collector comes round all the time to something that parses a source as it goes."""
UNTIL_TOLD: Final = """
import gc, sys

def pytest_exception_interact():
    gc.set_threshold(700)
    sys.modules["test_it"].Complains.until_told = False
"""
HALF_A_CHARACTER: Final = """
import logging

def test_logs():
    logging.getLogger("x").warning("\\ud83d")

def test_fails():
    assert False, "\\ud83d"
"""
BROKEN: Final = """
def pytest_runtest_makereport(call):
    if call.when == "call":
        raise LookupError("not in the list")
"""
SLOW: Final = """
import time, pytest

@pytest.mark.parametrize("number", range(60))
def test_it(number):
    time.sleep(0.1)
"""


def run(folder: Path, workers: int, **files: str) -> tuple[int, list[str]]:
    """Of pytest with these files and with what every run here has: its exit code, and the lines of its output."""
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.steady", f"--numprocesses={workers}", "-c", os.devnull, folder],
        cwd=CHECKOUT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return ran.returncode, ran.stdout.decode(errors="replace").splitlines()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_failure_is_shown_while_the_collector_brings_complaints(tmp_path: Path, workers: int) -> None:
    code, lines = run(tmp_path, workers, test_it=COMPLAINING, conftest=UNTIL_TOLD)
    assert code == pytest.ExitCode.TESTS_FAILED, lines
    assert "1 failed" in lines[-1]


def test_half_a_character_in_a_log_or_a_failure_can_be_sent(tmp_path: Path) -> None:
    code, lines = run(tmp_path, 1, test_it=HALF_A_CHARACTER)
    assert code == pytest.ExitCode.TESTS_FAILED, lines
    assert "1 failed, 1 passed" in lines[-1]


@pytest.mark.parametrize("workers", [0, 1])
def test_the_last_lines_say_what_ended_a_run(tmp_path: Path, workers: int) -> None:
    """The one that is broken is the last, after which pytest-xdist itself would call the run a success."""
    code, lines = run(tmp_path, workers, test_it="def test_it(): assert True", conftest=BROKEN)
    assert code == pytest.ExitCode.INTERNAL_ERROR, lines
    last = "\n".join(lines[-20:])
    assert "what ended the run" in last
    assert "LookupError: not in the list" in "\n".join(lines[-3:])


def test_the_last_lines_say_in_which_test_of_which_worker_it_was(tmp_path: Path) -> None:
    only_there = f"import os\n{BROKEN}".replace("if ", "if os.environ['PYTEST_XDIST_WORKER'] == 'gw1' and ")
    code, lines = run(tmp_path, 2, test_it=SLOW, conftest=only_there)
    assert code == pytest.ExitCode.INTERNAL_ERROR, lines
    assert any(line.startswith("worker gw1, test_it.py::test_it[") for line in lines[-20:]), lines[-20:]
    assert lines[-1] == "LookupError: not in the list"

"""The sessions in ``javascript/``: fhirclient (SMART Health IT) and fhir-kit-client, on Node.js.

https://github.com/smart-on-fhir/client-js https://github.com/Vermonster/fhir-kit-client
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.process import Process

JAVASCRIPT: Final = Path(__file__).parent / "javascript"
_OLDEST: Final = 18


@pytest.fixture(scope="module")
def node() -> str:
    """The program; skips where there is none, or the clients are not installed."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no Node.js: `make system` installs it")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.removeprefix("v").partition(".")[0]) < _OLDEST:
        pytest.skip(f"Node.js {said.strip()} is too old: {_OLDEST} is needed")
    if not (JAVASCRIPT / "node_modules").is_dir():
        pytest.skip("no JavaScript clients: `make test` installs them when npm is there")
    return program


@pytest.mark.parametrize(
    ("client", "patient"), [("fhirclient", "corrie-demosma"), ("fhir-kit-client", "daan-modelaar")]
)
def test_a_whole_session_goes_well(client: str, patient: str, service: Process, node: str) -> None:
    session = subprocess.run(
        [node, "--test", "--test-reporter=tap", f"{client}.test.js"],
        cwd=JAVASCRIPT,
        env={
            **os.environ,
            "FHIR_BASE": f"{service.url}/fhir",
            "FHIR_PATIENT": patient,
            "FHIR_TOKEN": f"demo-{patient}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert session.returncode == 0, f"{session.stdout}\n{session.stderr}"
    counts = dict(re.findall(r"^# (tests|pass|fail|skipped|todo) (\d+)$", session.stdout, re.MULTILINE))
    assert counts["tests"] == counts["pass"], session.stdout
    assert int(counts["pass"]) >= 15, session.stdout

"""``zelfregie erasures verify``: what a proof says, or that it is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from app.auth.rights.proof import Prover, Statement
from tests.cli.runner import zelfregie

SECRET: Final = "een geheim van de dienst"
STATEMENT: Final = Statement("e1", "everything", 1_800_000_000_000_000, 12, 30)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZELFREGIE_SECRET", SECRET)


def saved(folder: Path, text: str) -> Path:
    path = folder / "proof.jws"
    path.write_text(text, "utf-8")
    return path


def test_a_proof_is_told_as_it_was_signed(tmp_path: Path) -> None:
    signed = Prover(SECRET.encode(), "https://zelfregie.example").sign(STATEMENT)
    result = zelfregie("erasures", "verify", saved(tmp_path, signed + "\n"))
    assert result.exit_code == 0
    said = json.loads(result.output)
    assert said["iss"] == "https://zelfregie.example"
    assert said["erased"] == {
        "scope": "everything",
        "at": "2027-01-15T08:00:00.000000Z",
        "resources": 12,
        "versions": 30,
    }


@pytest.mark.parametrize("text", ["", "x.y.z", "geen bewijs"])
def test_what_is_no_proof_is_refused(tmp_path: Path, text: str) -> None:
    result = zelfregie("erasures", "verify", saved(tmp_path, text))
    assert result.exit_code == 1
    assert "no proof of an erasure" in result.output


def test_another_services_proof_and_a_changed_one_are_refused(tmp_path: Path) -> None:
    other = Prover(b"van een ander", "https://zelfregie.example").sign(STATEMENT)
    own = Prover(SECRET.encode(), "https://zelfregie.example").sign(STATEMENT)
    head, _, signature = own.split(".")
    changed = ".".join([head, other.split(".")[1][:-2] + "fQ", signature])
    for text in (other, changed):
        assert zelfregie("erasures", "verify", saved(tmp_path, text)).exit_code == 1


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    result = zelfregie("erasures", "verify", tmp_path / "nergens")
    assert result.exit_code == 1
    assert "cannot be read" in result.output

"""``zelfregie questionnaires``: wording and keys installed, listed and removed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from app.fhir.resource import encode
from tests.cli.runner import zelfregie
from tests.questionnaires.fakes import EXAMPLE, FOREIGN, PAM, file, foreign, saved

VERSION: Final = f"{PAM}|nep-1"
TOLD: Final = ("--licence", "NEP: geen echte licentie", "--holder", "Nephouder", "--source", "made up")


@pytest.fixture
def database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database, and a state folder of its own."""
    monkeypatch.setenv("ZELFREGIE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ZELFREGIE_DATABASE", database_url)
    assert zelfregie("migrate").exit_code == 0
    return database_url


def questionnaires(*arguments: str | Path) -> list[str]:
    """The lines of a command that succeeds."""
    result = zelfregie("questionnaires", *arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_one_is_installed_listed_and_removed(database: str) -> None:
    before = questionnaires("list")
    assert len(before) == 12
    assert sum(each.endswith("cannot be used: its wording is not here") for each in before) == 4
    assert questionnaires("install", EXAMPLE, "--until", "2999-12-31", "--number", "NEP-1") == [
        f"{VERSION} is installed, and can be used until 2999-12-31."
    ]
    assert questionnaires("list")[12:] == [
        f"{VERSION}  Nephouder  installed, can be used until 2999-12-31",
        "  licence NEP-1, from made up for this example, with a key of its own",
    ]
    again = zelfregie("questionnaires", "install", EXAMPLE)
    assert again.exit_code == 1
    assert "To put this in its place, say --replace." in again.output
    assert questionnaires("install", EXAMPLE, "--replace") == [f"{VERSION} is installed, and can be used."]
    assert questionnaires("remove", VERSION)[1] == (
        "  What was answered stays. A task that asks for it cannot be completed any more."
    )
    assert questionnaires("list")[12] == f"{VERSION}  Nephouder  installed, removed"


def test_every_problem_of_a_file_has_its_line(database: str, tmp_path: Path) -> None:
    given = file(licence=None)
    del given["items"]["3"]
    refused = zelfregie("questionnaires", "install", saved(tmp_path, given))
    assert refused.exit_code == 1
    assert "This cannot be installed." in refused.output
    assert "licence: There is no licence line" in refused.output
    assert "items, 3: The wording of item 3 misses." in refused.output
    assert len(questionnaires("list")) == 12


def test_a_whole_questionnaire_is_installed_with_its_key(database: str, tmp_path: Path) -> None:
    path = tmp_path / "nep.json"
    path.write_bytes(encode(foreign()))
    told = {"nl": "Nep.", "en": "Fake."}
    part = {"id": "x", "nl": "Nep", "en": "Fake", "meaning": told, "method": "sum", "items": ["a", "b"]}
    values = {"system": "https://nep.example/antwoord", "codes": {"nee": 0, "ja": 1}}
    key = {"id": "nep", "version": "1", "values": values, "dimensions": [part]}
    refused = zelfregie("questionnaires", "install", path)
    assert refused.exit_code == 1
    assert "There is no licence line" in refused.output
    installed = questionnaires("install", path, *TOLD, "--scoring", saved(tmp_path, key, "key.yaml"), "--safety", "b")
    assert installed == [f"{FOREIGN}|1 is installed, and can be used."]
    assert questionnaires("list")[13].endswith("from made up, with a key of its own")


def test_what_needs_a_key_is_said_when_there_is_none(database: str, tmp_path: Path) -> None:
    lines = questionnaires("install", saved(tmp_path, file(key=None)))
    assert lines[1] == "  There is no key in it: what needs one is not computed."


def test_a_tenant_that_is_not_there_is_refused(database: str) -> None:
    refused = zelfregie("questionnaires", "install", EXAMPLE, "--tenant", "7")
    assert (refused.exit_code, "There is no such tenant." in refused.output) == (1, True)
    absent = zelfregie("questionnaires", "remove", VERSION)
    assert (absent.exit_code, "is not installed" in absent.output) == (1, True)

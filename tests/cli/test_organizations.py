"""``zelfregie organizations``: register, list and close organisations and identity providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import zelfregie


@pytest.fixture
def database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database, and a state folder of its own."""
    monkeypatch.setenv("ZELFREGIE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ZELFREGIE_DATABASE", database_url)
    assert zelfregie("migrate").exit_code == 0
    return database_url


def test_an_organisation_with_its_provider_is_added_listed_and_closed(database: str, tmp_path: Path) -> None:
    added = zelfregie("organizations", "add", "De Proeftuin", "--agb", "01234567", "--ura", "12345678")
    assert added.exit_code == 0, added.output
    organization = added.output.strip()
    secret = tmp_path / "secret"
    secret.write_text("a secret of our own\n")
    arguments = ["--organization", organization, "--name", "Praktijk", "--secret-file", str(secret), "--strong", "high"]
    provider = zelfregie("organizations", "add-provider", "https://idp.example", "zelfregie", *arguments)
    assert provider.exit_code == 0, provider.output
    listed = zelfregie("organizations", "list").output
    assert f"{organization}  De Proeftuin  AGB 01234567  URA 12345678  active" in listed
    assert "https://idp.example  for De Proeftuin  active" in listed
    assert "a secret" not in listed
    assert zelfregie("organizations", "close", organization).output.strip() == "De Proeftuin is closed."
    assert listed.count("active") == 2
    closed = zelfregie("organizations", "list").output
    assert closed.count("closed") == 2


def test_a_provider_for_patients_is_closed(database: str) -> None:
    provider = zelfregie("organizations", "add-provider", "https://idp.example", "zelfregie").output.strip()
    assert "for patients  active" in zelfregie("organizations", "list").output
    assert zelfregie("organizations", "close-provider", provider).exit_code == 0
    assert "for patients  closed" in zelfregie("organizations", "list").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "De Proeftuin"], "An AGB code or a URA is needed"),
        (["add", "De Proeftuin", "--agb", "1234"], "An AGB code has eight digits"),
        (["add", " ", "--ura", "12345678"], "A name of at most 200 characters is needed"),
        (["close", "nobody"], "There is no such organisation"),
        (["close-provider", "nobody"], "There is no such identity provider"),
        (["add-provider", "http://idp.example", "zelfregie"], "An issuer is an https address"),
        (["add-provider", "https://idp.example", "zelfregie", "--organization", "x"], "There is no such organisation"),
        (
            ["add-provider", "https://idp.example", "zelfregie", "--secret-file", "/nowhere"],
            "The secret cannot be read",
        ),
    ],
)
def test_what_cannot_be_is_said_plainly(database: str, arguments: list[str], said: str) -> None:
    result = zelfregie("organizations", *arguments)
    assert result.exit_code == 1
    assert said in result.output


def test_a_number_belongs_to_one_organisation(database: str) -> None:
    assert zelfregie("organizations", "add", "De Proeftuin", "--agb", "01234567").exit_code == 0
    again = zelfregie("organizations", "add", "De Andere Tuin", "--agb", "01234567")
    assert again.exit_code == 1
    assert "Another organisation has this number" in again.output

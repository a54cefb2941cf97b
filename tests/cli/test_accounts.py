"""``zelfregie accounts``, alone and beside a service that holds the database; and accounts in sandbox files."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import yaml

from app.auth.sandbox import read_sandbox
from app.config import CANONICAL_BASE
from app.database import Row, open_database
from app.database.migrations import migrate
from app.errors import Invalid
from tests import builders
from tests.cli.runner import sandbox, saved, zelfregie
from tests.process import run, serving

pytestmark = pytest.mark.usefixtures("own_settings")
ACCOUNT = {"patient": "anna", "password": "drie-groene-fietsen", "totp": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}
EMAIL = "anna@example.org"


@pytest.fixture
def migrated(database_url: str) -> str:
    asyncio.run(migrate(database_url, canonical_base=CANONICAL_BASE))
    return database_url


def fetched(url: str, sql: str) -> list[Row]:
    async def fetch() -> list[Row]:
        database = await open_database(url, connections=1)
        try:
            return list(await database.fetch(sql))
        finally:
            await database.close()

    return asyncio.run(fetch())


def test_an_administrator_gets_a_link_that_is_kept_as_a_hash(migrated: str) -> None:
    result = zelfregie("accounts", "administrator", "Baas@Example.org", "--database", migrated)
    link = re.fullmatch(r"http://127\.0\.0\.1:8000/recover/([\w-]{43})\n", result.stdout)
    assert (result.exit_code, link is not None) == (0, True)
    listed = zelfregie("accounts", "list", "--database", migrated)
    assert listed.stdout == "baas@example.org  administrator  new  no record  no second factor\n"
    assert link is not None
    assert all(link[1].encode() not in bytes(row[0]) for row in fetched(migrated, "SELECT hash FROM ticket"))
    again = zelfregie("accounts", "administrator", "baas@example.org", "--database", migrated)
    assert again.exit_code == 0  # who lost the link gets another one


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["administrator", "geen adres"], "This is no e-mail address."),
        (["unlock", "nobody@example.org"], "There is no account with this e-mail address."),
        (["unlock", "nobody@example.org", "--second-factor"], "There is no account with this e-mail address."),
        (["link-code", "nobody"], "There is no Patient/nobody."),
        (["link-code", "0000000000001"], "There is no Patient/0000000000001."),
    ],
)
def test_what_cannot_be_done_is_said(migrated: str, arguments: list[str], said: str) -> None:
    result = zelfregie("accounts", *arguments, "--database", migrated)
    assert (result.exit_code, result.stderr, result.stdout) == (1, f"{said}\n", "")


def test_a_patient_that_was_loaded_gets_a_code(migrated: str, tmp_path: Path) -> None:
    zelfregie("load", saved(tmp_path / "anna.json", builders.patient("anna")), "--database", migrated)
    result = zelfregie("accounts", "link-code", "anna", "--database", migrated)
    assert (result.exit_code, len(result.stdout.strip())) == (0, 43)


def test_beside_a_running_service_the_service_does_it(tmp_path: Path) -> None:
    file = sandbox(tmp_path)
    file.write_text(file.read_text() + yaml.safe_dump({"accounts": {EMAIL: ACCOUNT}}))
    state, url = tmp_path / "state", f"sqlite:///{tmp_path / 'zelfregie.db'}"
    with serving(state, "serve", "--sandbox", file, "--database", url):
        listed = run(state, "accounts", "list", "--database", url)
        assert listed.stdout == f"{EMAIL}  patient  active  record  app\n"
        cleared = run(state, "accounts", "unlock", EMAIL, "--second-factor", "--database", url)
        assert cleared.stdout == "The next log-in sets up a new second factor.\n"
        listed = run(state, "accounts", "list", "--database", url)
        assert listed.stdout == f"{EMAIL}  patient  active  record  no second factor\n"
        (mail,) = (state / "outbox").glob("*.eml")
        assert f"To: {EMAIL}" in mail.read_text()
    assert EMAIL not in "".join(path.read_text() for path in state.glob("output-*"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "kort"}, "at least 12 characters"),
        ({"totp": "1!"}, "base 32"),
        ({"nonsense": 1}, "Extra inputs"),
        ({"language": "xx"}, "'nl' or 'en'"),
    ],
)
def test_mistakes_in_the_accounts_of_a_sandbox_file_are_named(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    file = sandbox(tmp_path)
    file.write_text(file.read_text() + yaml.safe_dump({"accounts": {EMAIL: {**ACCOUNT, **change}}}))
    with pytest.raises(Invalid) as refused:
        read_sandbox(file, [])
    assert said in str([each.diagnostics for each in refused.value.issues])
    assert "drie-groene" not in str(refused.value.issues)

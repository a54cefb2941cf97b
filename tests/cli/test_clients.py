"""``zelfregie clients`` and ``zelfregie keys``, with and without a service that holds the database."""

from __future__ import annotations

import json
from pathlib import Path

from tests.process import run
from tests.server.clients import key


def command(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """A command on the database in ``folder``; its exit code, and all that it said."""
    ended = run(folder / "state", *arguments, "--database", f"sqlite:///{folder / 'zelfregie.db'}")
    return ended.returncode, ended.stdout + ended.stderr


def test_a_client_is_registered_listed_renewed_and_disabled(tmp_path: Path) -> None:
    assert command(tmp_path, "migrate")[0] == 0
    where = ("--redirect-uri", "https://a.example/one", "--redirect-uri", "https://a.example/two")
    code, said = command(
        tmp_path, "clients", "add", "Een app", "--id", "an-app", "--kind", "secret", "--scopes", "patient/*.rs", *where
    )
    assert code == 0, said
    first = said.split()[-1]
    assert len(first) == 43
    code, said = command(tmp_path, "clients", "secret", "an-app")
    assert (code, said.split()[-1] != first) == (0, True)
    assert command(tmp_path, "clients", "disable", "an-app")[0] == 0
    code, said = command(tmp_path, "clients", "list")
    assert said.startswith("an-app  Een app  secret  for patients  disabled  patient/*.rs")
    assert first not in said
    assert command(tmp_path, "clients", "enable", "an-app")[0] == 0
    assert command(tmp_path, "clients", "disable", "nobody")[0] == 1
    code, said = command(tmp_path, "keys", "rotate")
    assert (code, "signs from now on" in said) == (0, True)


def test_a_system_is_registered_with_its_public_keys(tmp_path: Path) -> None:
    assert command(tmp_path, "migrate")[0] == 0
    file = tmp_path / "keys.json"
    usual = ("clients", "add", "Een systeem", "--kind", "private_key_jwt", "--users", "none", "--scopes", "system/*.rs")
    file.write_text(json.dumps({"keys": [key("x").as_dict(private=True)]}))
    code, said = command(tmp_path, *usual, "--organization", "practice", "--jwks", file)
    assert code == 1
    assert "make a new pair" in said
    file.write_text(json.dumps({"keys": [key("x").as_dict(private=False)]}))
    assert command(tmp_path, *usual, "--organization", "practice", "--jwks", file)[0] == 0
    file.write_text("{")
    assert command(tmp_path, *usual, "--organization", "practice", "--jwks", file)[0] == 1
    assert command(tmp_path, *usual, "--organization", "practice", "--jwks", tmp_path / "absent")[0] == 1


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    assert command(tmp_path, "migrate")[0] == 0
    code, said = command(
        tmp_path, "clients", "add", "Een app", "--scopes", "system/*.rs", "--redirect-uri", "http://a.example"
    )
    assert code == 1
    assert "redirect_uris" in said
    assert "scopes" in said


def test_a_client_of_the_profile_medmij_names_its_data_services(tmp_path: Path) -> None:
    assert command(tmp_path, "migrate")[0] == 0
    usual = ("clients", "add", "Een verzamelaar", "--id", "collector", "--scopes", "patient/*.rs")
    where = ("--redirect-uri", "https://a.example/one", "--profile", "medmij")
    code, said = command(tmp_path, *usual, *where)
    assert code == 1
    assert "services" in said
    code, said = command(tmp_path, *usual, *where, "--service", "48", "--service", "49")
    assert code == 0, said
    assert "services 48, 49" in command(tmp_path, "clients", "list")[1]

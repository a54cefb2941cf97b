"""How ``zelfregie serve`` refuses to start: mistakes in a sandbox file, databases and processes that do not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.fhir.resource import encode
from tests import builders
from tests.cli.runner import sandbox, zelfregie
from tests.process import free_port

pytestmark = pytest.mark.usefixtures("own_settings")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, ["sandbox.yaml cannot be read: No such file or directory."]),
        (b"tokens: [", ["sandbox.yaml is not YAML"]),
        (b"\xff\x00", ["sandbox.yaml is not YAML"]),
        (b"- a\n- b\n", ["sandbox.yaml has mistakes.", "the whole file: "]),
        (
            b"""
seed: [none.json, 5]
colour: red
tokens:
  a: {scopes: "patient/*.cruds"}
  b: {patient: anna, patients: all, scopes: openid, labels: [identity, gossip], actions: read}
  c: {patients: [anna, 5], scopes: "system/Observation.sr", purpose: curiosity}
  d: {patients: all, scopes: "patient/*.rs"}
  e: hello
""",
            [
                "sandbox.yaml has mistakes.",
                "seed.1: ",
                "seed.0: there is no file or folder 'none.json'.",
                "colour: Extra inputs",
                "tokens.a: give either patient or patients.",
                "tokens.b: give either patient or patients.",
                "tokens.b.scopes: There is no scope for a resource here",
                "tokens.b.labels: gossip: not a data category; known: ",
                "tokens.b.actions: ",
                "tokens.c.patients: This is a list of ids of Patients, or all.",
                "tokens.c.scopes: 'system/Observation.sr' is not a SMART scope",
                "tokens.c.purpose: ",
                "tokens.d: patient/ scopes need one patient.",
                "tokens.e: ",
            ],
        ),
    ],
    ids=["absent", "no YAML", "no text", "a list", "every mistake"],
)
def test_a_sandbox_file_with_mistakes_is_refused_with_all_of_them(
    content: bytes | None, said: list[str], tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "sandbox.yaml").write_bytes(content)
    refused = zelfregie("serve", "--sandbox", tmp_path / "sandbox.yaml", "--port", str(free_port()))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Traceback" not in refused.stderr
    for text in said:
        assert text in refused.stderr
    if len(said) > 1:
        assert len(refused.stderr.splitlines()) == len(said)


def test_tokens_of_unknown_patients_are_refused_with_the_seeds_that_were(tmp_path: Path) -> None:
    tokens = {
        "a": {"patient": "anna", "scopes": "patient/*.rs"},
        "b": {"patient": "bram", "scopes": "patient/*.rs"},
        "c": {"patients": ["anna", "chris", "dora"], "scopes": "system/*.rs"},
    }
    file = sandbox(tmp_path, tokens)
    with (tmp_path / "seed.ndjson").open("ab") as seed:
        seed.write(b"\n" + encode(builders.patient("bram", birthDate="ooit")))
    refused = zelfregie("serve", "--sandbox", file, "--port", str(free_port()))
    assert (refused.exit_code, refused.stdout) == (1, "")
    for name, token in (("bram", "b"), ("chris", "c"), ("dora", "c")):
        assert f"tokens.{token}: no seeded Patient has the id '{name}'." in refused.stderr
    assert "Patient.birthDate: seed.ndjson:3: " in refused.stderr
    assert len(refused.stderr.splitlines()) == 5


def test_a_database_with_data_and_without_the_mark_is_never_emptied(tmp_path: Path) -> None:
    file, url = sandbox(tmp_path), f"sqlite:///{tmp_path / 'real.db'}"
    assert zelfregie("migrate", "--database", url).exit_code == 0
    assert zelfregie("load", tmp_path / "seed.ndjson", "--database", url).exit_code == 0
    refused = zelfregie("serve", "--sandbox", file, "--database", url, "--port", str(free_port()))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("This database holds data and is not marked as a sandbox")
    kept = zelfregie("reindex", "--database", url)
    assert kept.stdout.startswith("2 resources ")


def test_several_processes_need_postgresql_and_no_sandbox(tmp_path: Path) -> None:
    sqlite = zelfregie("serve", "--workers", "2", "--database", f"sqlite:///{tmp_path / 'x.db'}")
    assert (sqlite.exit_code, sqlite.stderr) == (
        1,
        "Several processes need PostgreSQL; SQLite is served by exactly one.\n",
    )
    with_sandbox = zelfregie("serve", "--workers", "2", "--sandbox", sandbox(tmp_path))
    assert (with_sandbox.exit_code, with_sandbox.stderr) == (2, "A sandbox is served by one process.\n")

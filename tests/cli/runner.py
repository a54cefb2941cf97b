"""``zelfregie`` in the process of the tests, and the files that it is given."""

from __future__ import annotations

from pathlib import Path

import yaml
from typer.testing import CliRunner, Result

from app.cli.commands import app
from app.fhir.resource import Resource, encode
from tests import builders

SEEDS = (builders.patient("anna"), builders.observation("Patient/anna", id="weight"))
TOKENS = {"operator": {"patients": "all", "scopes": "system/*.cruds"}}


def zelfregie(*arguments: str | Path) -> Result:
    """A command to its end; fails when anything but an exit leaves it."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def saved(path: Path, *resources: Resource) -> Path:
    """A file with a resource on each line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(map(encode, resources)))
    return path


def sandbox(folder: Path, tokens: object = TOKENS) -> Path:
    """A sandbox file with a patient and a measurement as its seeds."""
    saved(folder / "seed.ndjson", *SEEDS)
    path = folder / "sandbox.yaml"
    path.write_text(yaml.safe_dump({"seed": ["seed.ndjson"], "tokens": tokens}))
    return path

"""The settings under which the tests of the command line run commands in their own process."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own settings, nothing written but in the test's folder, and the log left as it is."""
    for name in ("DATABASE", "HOST", "PORT", "BASE_URL", "SECRET", "CONNECTIONS", "PARTITIONS", "CANONICAL_BASE"):
        monkeypatch.delenv(f"ZELFREGIE_{name}", raising=False)
    monkeypatch.setenv("ZELFREGIE_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("app.cli.serving.log_as_json", lambda: None)

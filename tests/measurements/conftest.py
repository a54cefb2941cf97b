"""What the tests of measurements share."""

from __future__ import annotations

import json

import pytest

from tests.postgresql import CHECKOUT


@pytest.fixture(scope="session")
def own_codes() -> set[str]:
    """The codes of the code system of ours."""
    path = CHECKOUT / "medmij_profiles" / "codesystems" / "CodeSystem-measurement.json"
    return {each["code"] for each in json.loads(path.read_text("utf-8"))["concept"]}

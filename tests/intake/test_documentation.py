"""docs/profiles-at-writing.md says what the code does: its limits, and the example that it gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from app.fhir.resource import decode
from app.server.intake import effort, held, provenance
from tests.intake.profiles import rules
from tests.server.service import Caller, issues

PAGE: Final = (Path(__file__).parents[2] / "docs" / "profiles-at-writing.md").read_text()


@pytest.mark.parametrize(
    "number",
    [effort.MOST_OF_ONE, effort.MOST_TOGETHER, effort.MOST_RESOLVED, effort.INLINE, held.MOST, provenance.MOST],
)
def test_limits_are_those_of_the_code(number: int) -> None:
    assert re.search(rf"\b{number:,}\b", PAGE)
    assert f"{held.LARGEST // 1024} KB" in PAGE


async def test_the_example_is_answered_as_the_page_says(anna: Caller, practice: Caller) -> None:
    found = re.search(r"```json\n(\{\"resourceType\": \"Goal\".*?)```", PAGE, re.DOTALL)
    assert found is not None
    goal = decode(found[1].encode()) | {"subject": {"reference": "Patient/anna"}}
    refused = await anna.post("/Goal", goal)
    assert refused.status_code == 422
    second = issues(refused)[1]
    assert second["diagnostics"] in PAGE
    assert rules(issues(refused))[1] == ("error", "min", "Goal.expressedBy")
    assert [each["severity"] for each in issues(await practice.post("/Goal", goal))] == [
        "information",
        "warning",
        "warning",
    ]

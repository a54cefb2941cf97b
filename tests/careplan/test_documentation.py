"""docs/care-plan.md says what the tables say, and its example is what a service answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.careplan.cycle import events
from tests.careplan.documentation import BEGIN, PAGE, Example, with_tables
from tests.server.service import Service, running_service
from tests.web.browsing import Time

ANEW = "make it anew: python -m tests.careplan.test_documentation"


@pytest.fixture
def time(service: Service) -> Iterator[Time]:
    """The time of the example."""
    before = service.server.clock
    time = Time(BEGIN)
    object.__setattr__(service.server, "clock", time)
    yield time
    object.__setattr__(service.server, "clock", before)


def test_the_tables_and_the_picture_are_those_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_tables(text), ANEW


def test_the_picture_has_every_event() -> None:
    text = PAGE.read_text("utf-8")
    diagram = re.search(r"```mermaid\n(.*?)```", text, re.DOTALL)
    assert diagram is not None
    for code in events():
        assert code in diagram[1]


async def test_the_example_is_what_a_service_answers(service: Service, time: Time) -> None:
    text = PAGE.read_text("utf-8")
    assert await Example(service, time).page(text) == text, ANEW


async def _made() -> None:
    with TemporaryDirectory() as folder:
        async with running_service(f"sqlite:///{folder}/zelfregie.db", Path(folder)) as service:
            time = Time(BEGIN)
            object.__setattr__(service.server, "clock", time)
            text = await Example(service, time).page(with_tables(PAGE.read_text("utf-8")))
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    asyncio.run(_made())

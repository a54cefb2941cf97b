"""docs/gp-system.md is a day of a GP's system, and its answers are those of a service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.careplan.documentation import BEGIN
from tests.day.documentation import PAGE, GpExample
from tests.server.service import Service, running_service
from tests.web.browsing import Time

ANEW = "make it anew: python -m tests.day.test_documentation"


@pytest.fixture
def time(service: Service) -> Iterator[Time]:
    """The time of the example."""
    before = service.server.clock
    time = Time(BEGIN)
    object.__setattr__(service.server, "clock", time)
    yield time
    object.__setattr__(service.server, "clock", before)


async def test_the_example_is_what_a_service_answers(service: Service, time: Time) -> None:
    text = PAGE.read_text("utf-8")
    example = GpExample(service, time)
    await example.begin()
    assert await example.page(text) == text, ANEW


async def _made() -> None:
    with TemporaryDirectory() as folder:
        async with running_service(f"sqlite:///{folder}/zelfregie.db", Path(folder)) as service:
            time = Time(BEGIN)
            object.__setattr__(service.server, "clock", time)
            example = GpExample(service, time)
            await example.begin()
            text = await example.page(PAGE.read_text("utf-8"))
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    asyncio.run(_made())

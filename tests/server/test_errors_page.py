"""docs/errors.md says what the table says, and its example is what a service answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.server.errors_page import PAGE, WRONG, with_example, with_tables
from tests.server.service import Service, running_service

ANEW = "make it anew: python -m tests.server.test_errors_page"


def test_the_tables_are_those_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert with_tables(text) == text, ANEW


async def test_the_example_is_what_a_service_answers(service: Service) -> None:
    text = PAGE.read_text("utf-8")
    assert json.dumps(WRONG) in text
    assert await with_example(text, service) == text, ANEW


async def _made() -> None:
    with TemporaryDirectory() as folder:
        async with running_service(f"sqlite:///{folder}/zelfregie.db", Path(folder)) as service:
            PAGE.write_text(await with_example(with_tables(PAGE.read_text("utf-8")), service), "utf-8")


if __name__ == "__main__":
    asyncio.run(_made())

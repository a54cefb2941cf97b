"""docs/asking.md says what the tables say, and its example is what a service answers. ``python -m
tests.questionnaires.test_asking_documentation`` makes it anew.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
import yaml

from app.questionnaires.asking.transitions import transitions
from tests.careplan.documentation import BEGIN, Example
from tests.postgresql import CHECKOUT
from tests.server.service import Service, running_service
from tests.web.browsing import Time

PAGE: Final = CHECKOUT / "docs" / "asking.md"
ANEW: Final = "make it anew: python -m tests.questionnaires.test_asking_documentation"
_REFUSALS: Final = CHECKOUT / "app" / "questionnaires" / "refusals.yaml"


def picture() -> Iterator[str]:
    """The transitions as a diagram."""
    table = transitions()
    yield from ("```mermaid", "stateDiagram-v2")
    yield f"  [*] --> {table.begins}: {', '.join(sorted(table.begins_by))}"
    ends: dict[str, None] = {}
    for before, following in table.moves.items():
        for after, move in following.items():
            yield f"  {_state(before)} --> {_state(after)}: {', '.join(sorted(move.by))}"
            if not table.is_open(after):
                ends[after] = None
    yield from (f"  {_state(each)} --> [*]" for each in ends)
    yield "```"


def moves() -> Iterator[str]:
    """The same as a table."""
    yield from ("| from | to | by | needs |", "|---|---|---|---|")
    needs = {"reason": "a reason in `statusReason.text`", "response": "the answers, in the same transaction"}
    for before, following in transitions().moves.items():
        for after, move in following.items():
            told = ", ".join(needs[each] for each in sorted(move.needs)) or "–"
            yield f"| `{before}` | `{after}` | {', '.join(sorted(move.by))} | {told} |"


def refusals() -> Iterator[str]:
    """The rules of asking with their texts."""
    yield from ("| rule | English | Dutch |", "|---|---|---|")
    for code, text in yaml.safe_load(_REFUSALS.read_text("utf-8")).items():
        if code.startswith("ask-"):
            cells = (text[each].replace("<", "&lt;").strip() for each in ("en", "nl"))
            yield f"| `questionnaire-{code}` | {' | '.join(cells)} |"


def with_tables(text: str) -> str:
    """The page with what is made from the tables made anew."""
    for name, rows in (("picture", picture()), ("moves", moves()), ("refusals", refusals())):
        found = re.search(rf"<!-- {name}: [^>]*-->\n.*?<!-- end -->", text, re.DOTALL)
        assert found is not None, name
        head, lines = found[0].partition("\n")[0], "\n".join(rows)
        text = text.replace(found[0], f"{head}\n{lines}\n<!-- end -->")
    return text


def _state(status: str) -> str:
    return status.replace("-", "_")


@pytest.fixture
def time(service: Service) -> Iterator[Time]:
    """The time of the example."""
    before = service.server.clock
    made = Time(BEGIN)
    object.__setattr__(service.server, "clock", made)
    yield made
    object.__setattr__(service.server, "clock", before)


def test_the_tables_and_the_picture_are_those_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_tables(text), ANEW


def test_every_rule_that_the_code_names_has_its_text() -> None:
    source = CHECKOUT / "app" / "questionnaires" / "asking"
    code = "\n".join(each.read_text("utf-8") for each in source.glob("*.py"))
    used = set(re.findall(r'issue\("([a-z-]+)"', code)) | {"not-asker", "not-yours", "not-deleted"}
    texts = {each for each in yaml.safe_load(_REFUSALS.read_text("utf-8")) if each.startswith("ask-")}
    assert {f"ask-{each}" for each in used} == texts


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

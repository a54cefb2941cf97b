"""docs/questionnaires.md says what the instruments' files say. ``python -m tests.questionnaires.test_documentation``
makes its tables anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.config import CANONICAL_BASE
from app.questionnaires.installing.wording import MEMBERS
from app.questionnaires.instruments import Instrument, shipped
from tests.medmij_profiles.package import of_type
from tests.postgresql import CHECKOUT
from tests.questionnaires.fakes import EXAMPLE

PAGE: Final = CHECKOUT / "docs" / "questionnaires.md"


def name_of(instrument: Instrument) -> str:
    return instrument.url.rpartition("/")[2]


def library() -> Iterator[str]:
    yield "| id | title | wording | holder | terms | may be handed on |"
    yield "|---|---|---|---|---|---|"
    for each in shipped(CANONICAL_BASE).values():
        title, licence = of_type("Questionnaire")[each.url]["title"], each.licence
        cells = (f"`{name_of(each)}`", title, each.wording, licence.holder, licence.terms, licence.redistributable)
        yield f"| {' | '.join(cells)} |"


def facts() -> Iterator[str]:
    yield "| instrument | what | mark | source |"
    yield "|---|---|---|---|"
    for each in shipped(CANONICAL_BASE).values():
        for fact in each.row.get("facts", ()):
            yield f"| {each.row['name']} | {fact['what']} | {fact['mark']} | {fact['source']} |"


def page_with(text: str) -> str:
    """The page with its tables made anew."""
    for name, rows in (("library", library()), ("facts", facts())):
        table = "\n".join(rows)
        text = re.sub(
            rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end -->)", lambda found, table=table: f"{found[1]}{table}\n{found[2]}",  # type: ignore[misc]
            text, flags=re.DOTALL,
        )  # fmt: skip
    return text


def test_the_tables_are_those_of_the_instruments() -> None:
    text = PAGE.read_text("utf-8")
    assert page_with(text) == text, "run python -m tests.questionnaires.test_documentation"


def test_every_member_of_a_file_and_of_an_instrument_is_explained() -> None:
    text = PAGE.read_text("utf-8")
    said = set(re.findall(r"`([a-z_]+)`", text))
    assert MEMBERS - said == set()
    members = {name for each in shipped(CANONICAL_BASE).values() for name in each.row}
    assert members - said - {"name"} == set()


def test_the_files_that_the_page_names_are_there() -> None:
    text = PAGE.read_text("utf-8")
    named = [each for each in re.findall(r"\]\(([^)]+)\)", text) if "://" not in each]
    assert EXAMPLE.name in named
    assert [each for each in named if not (Path(PAGE).parent / each).exists()] == []


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text("utf-8")), "utf-8")

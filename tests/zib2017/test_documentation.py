"""docs/zib2017.md says what the table of maps says."""

from __future__ import annotations

from app.bgz.zib2017.table import table
from tests.zib2017.documentation import PAGE, with_tables


def test_the_tables_are_those_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_tables(text), "make it anew: python -m tests.zib2017.test_documentation"


def test_what_can_claim_nothing_says_why_or_what_it_carries() -> None:
    for each in table().maps:
        assert each.mapped, each.name
        assert each.claims, each.name


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")

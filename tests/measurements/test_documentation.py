"""docs/measurements.md says what the table of kinds says."""

from __future__ import annotations

import re

from app.measurements.kinds import kinds
from tests.measurements.documentation import PAGE, with_tables


def test_the_tables_are_those_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_tables(text), "make it anew: python -m tests.measurements.test_documentation"


def test_every_kind_has_its_rows() -> None:
    text = PAGE.read_text("utf-8")
    for name in kinds():
        assert len(re.findall(rf"^\| {re.escape(name)}[ :]", text, re.MULTILINE)) >= 2


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")

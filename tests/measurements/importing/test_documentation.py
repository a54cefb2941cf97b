"""docs/importing.md says what the data say, and its examples are imported."""

from __future__ import annotations

from app.measurements.importing.counting import OUTCOMES
from app.measurements.importing.operations import MOST_IN_FILE, SMALL
from app.measurements.importing.storing import CHUNK
from tests.measurements.importing.documentation import PAGE, example, with_tables
from tests.measurements.importing.files import read


def test_the_tables_are_those_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_tables(text), "make it anew: python -m tests.measurements.importing.test_documentation"


def test_the_examples_are_read_without_a_problem() -> None:
    for name, kinds in (
        ("csv", ["blood-pressure", "weight", "blood-glucose", "steps", "pain"]),
        ("open-mhealth", ["blood-pressure"]),
    ):
        _, lines = read(name, example(name))
        assert [line.problems for line in lines if line.problems] == []
        assert [line.taken.kind.name for line in lines if line.taken] == kinds


def test_the_figures_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert f"Lines go in by {CHUNK}" in text
    assert f"at most {MOST_IN_FILE:,}\nrows" in text
    assert SMALL == 32 * 1024
    assert all(f"`{each}`" in text for each in OUTCOMES)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")

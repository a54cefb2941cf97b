"""docs/protocols.md says what the table of protocols says, and its example comes out as it is there."""

from __future__ import annotations

from fractions import Fraction

from app.measurements.protocols.table import protocols
from tests.measurements.documentation_of_protocols import MEASURED, PAGE, of_example, with_tables


def test_tables_and_example_are_those_of_the_data() -> None:
    text = PAGE.read_text("utf-8")
    assert text == with_tables(text), "make it anew: python -m tests.measurements.test_documentation_of_protocols"
    for name in protocols():
        assert text.count(f"| {name}") >= 3


def test_the_mean_of_the_example_is_that_of_its_numbers() -> None:
    later = [one for day, listed in MEASURED.items() if day for one in listed if one[0] != "12:00"]
    mean = Fraction(sum(systolic for _, systolic, _ in later), len(later))
    assert f"| `96608-5` | {round(float(mean), 2)} |" in of_example()
    assert "11 van de 12 metingen" in of_example()


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")

"""CSV line by line: what is read, and what is said of a line that cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.measurements.importing.csv_file import LONGEST
from app.measurements.importing.csv_rows import called, columns
from app.measurements.importing.formats import CSV
from app.measurements.importing.lines import Line
from app.measurements.importing.numbers import in_own_unit, number_of, unit_of
from app.measurements.kinds import kinds
from tests.measurements.importing.files import codes, csv_of, read


def one(row: str, **more: Any) -> Line:
    """The line of a file with one."""
    _, (line,) = read(CSV, csv_of(row, **more))
    return line


GOOD = {
    "02-11-2026;08:00;gewicht;81,5;;;;;": ("weight", {"weight": "81.5"}, "2026-11-02T08:00:00+01:00"),
    "2-7-2026;8:05;Gewicht;81.5;;kg;;;": ("weight", {"weight": "81.5"}, "2026-07-02T08:05:00+02:00"),
    "2026-11-02;08:00:30;weight;180;;lb;;;": ("weight", {"weight": "81.647"}, "2026-11-02T08:00:30+01:00"),
    "2026-11-02T08:00:00Z;;WEIGHT;81,50;;;;;": ("weight", {"weight": "81.50"}, "2026-11-02T08:00:00Z"),
    "2026-11-02 08:00 +0200;;weight;81;;;;;": ("weight", {"weight": "81"}, "2026-11-02T08:00:00+02:00"),
    "02/11/2026;8.30 uur;lengte;1,82;;m;;;": ("height", {"height": "182"}, "2026-11-02T08:30:00+01:00"),
    "02-11-2026;;stappen;7450;;;;;": ("steps", {"steps": "7450"}, "2026-11-02"),
    "02-11-2026;23:59;stappen;1.234,0;;stappen;;;": ("steps", {"steps": "1234.0"}, "2026-11-02"),
    "02-11-2026;;temperatuur;98,6;;°F;;;": ("temperature", {"temperature": "37"}, "2026-11-02"),
    "02-11-2026;;bloeddruk;120/80;;;;;": ("blood-pressure", {"systolic": "120", "diastolic": "80"}, "2026-11-02"),
    "02-11-2026;;bloeddruk;16;10,6;kPa;;;": (
        "blood-pressure",
        {"systolic": "120.01", "diastolic": "79.51"},
        "2026-11-02",
    ),
    "02-11-2026;;pijn;4;;;;;": ("pain", {"pain": "4"}, "2026-11-02"),
    "02-11-2026;;alcohol;2;;glazen;;;": ("alcohol", {"amount": "2"}, "2026-11-02"),
}


@pytest.mark.parametrize("row", GOOD)
def test_a_good_line_is_a_measurement(row: str) -> None:
    kind, values, effective = GOOD[row]
    taken = one(row).taken
    assert taken is not None
    assert (taken.kind.name, taken.effective) == (kind, effective)
    assert taken.values == {name: Decimal(value) for name, value in values.items()}


BAD = {
    "31-02-2026;08:00;gewicht;81;;;;;": [("date", "datum")],
    "02-13-2026;08:00;gewicht;81;;;;;": [("date", "datum")],
    "02-11-1026;08:00;gewicht;81;;;;;": [("date", "datum")],
    ";08:00;gewicht;81;;;;;": [("date", "datum")],
    "02-11-2026;24:00;gewicht;81;;;;;": [("time", "tijd")],
    "02-11-2026;acht uur;gewicht;81;;;;;": [("time", "tijd")],
    "29-03-2026;02:30;gewicht;81;;;;;": [("no-such-hour", "tijd")],
    "02-11-2026;08:00;gewogen;81;;;;;": [("kind", "soort")],
    "02-11-2026;08:00;;81;;;;;": [("empty", "soort")],
    "02-11-2026;08:00;hba1c;48;;;;;": [("kind-not-entered", "soort")],
    "02-11-2026;08:00;gewicht;;;;;;": [("empty", "waarde")],
    "02-11-2026;08:00;gewicht;81 kg;;;;;": [("number", "waarde")],
    "02-11-2026;08:00;gewicht;1e3;;;;;": [("number", "waarde")],
    "02-11-2026;08:00;gewicht;1,2,3;;;;;": [("number", "waarde")],
    "02-11-2026;;stappen;10.000;;;;;": [("number", "waarde")],
    "02-11-2026;08:00;gewicht;81;;mmHg;;;": [("unit", "eenheid")],
    "02-11-2026;08:00;gewicht;81;2;;;;": [("value-too-many", "waarde2")],
    "02-11-2026;08:00;bloeddruk;120;;;;;": [("empty", "waarde2")],
    "02-11-2026;08:00;gewicht;81;;;op de maan;;": [("context", "context")],
    "02-11-2026;08:00;gewicht;81;;;nuchter;;": [("context", "context")],
    "02-11-2026;08:00;bloeddruk;120/80;;;zittend, staand;;": [("context-twice", "context")],
    f"02-11-2026;08:00;gewicht;81;;;;{'x' * 101};": [("text-too-long", "apparaat")],
    f"02-11-2026;08:00;gewicht;81;;;;;{'x' * 1001}": [("text-too-long", "opmerking")],
    '02-11-2026;08:00;gewicht;81;;;;;"x"y': [("csv-quote", "")],
    "02-11-2026;08:00;gewicht;81;;;;;;extra": [("csv-fields", "")],
    "x;y;z;;;;;;": [("kind", "soort"), ("date", "datum")],
    "x;25:00;gewicht;veel;;stenen;;;": [("date", "datum"), ("number", "waarde"), ("unit", "eenheid")],
}


@pytest.mark.parametrize("row", BAD)
def test_of_a_bad_line_all_that_is_wrong_is_said_by_column(row: str) -> None:
    line = one(row)
    assert line.taken is None
    assert sorted((each.code, each.place) for each in line.problems) == sorted(BAD[row])
    assert all(each.refuses for each in line.problems)


def test_an_hour_that_is_there_twice_is_the_first_and_that_is_said() -> None:
    line = one("25-10-2026;02:30;gewicht;81;;;;;")
    assert line.taken is not None
    assert line.taken.effective == "2026-10-25T02:30:00+02:00"
    assert [(each.code, each.refuses) for each in line.problems] == [("hour-twice", False)]


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_the_separator_is_that_of_the_header(separator: str) -> None:
    head = separator.join(("date", "time", "kind", "value", "note"))
    row = separator.join(("2026-11-02", "08:00", "weight", "81.5", '"a' + separator + 'b"'))
    taken = one(row, head=head).taken
    assert taken is not None
    assert taken.note == f"a{separator}b".replace("\t", " ")


def test_columns_are_found_in_any_order_and_those_that_are_not_known_are_left() -> None:
    _, lines = read(CSV, csv_of("81,5;gewicht;geel;02-11-2026", head="Waarde;SOORT;kleur;Datum"))
    head, line = lines
    assert [(each.code, each.place, each.refuses) for each in head.problems] == [("csv-column-unknown", "3", False)]
    assert line.taken is not None
    assert line.taken.kind.name == "weight"


def test_a_quoted_field_may_hold_lines_and_the_numbers_are_those_of_an_editor() -> None:
    rows = ('02-11-2026;08:00;gewicht;81;;;;;"een\r\ntwee ""drie"""', "", "x;;gewicht;81;;;;;")
    _, lines = read(CSV, csv_of(*rows))
    assert [each.number for each in lines] == [2, 5]
    assert lines[0].taken is not None
    assert lines[0].taken.note == 'een \ntwee "drie"'


def test_a_quote_that_is_never_closed_costs_its_own_line_at_most() -> None:
    rows = ('02-11-2026;08:00;gewicht;81;;;;;"open', *(["02-11-2026;08:00;gewicht;81;;;;;"] * 1000))
    _, lines = read(CSV, csv_of(*rows))
    assert codes(lines[0]) == ["csv-too-long"]
    assert sum(line.taken is not None for line in lines) > 400
    _, (line,) = read(CSV, csv_of('02-11-2026;08:00;gewicht;81;;;;;"open'))
    assert codes(line) == ["csv-quote"]


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    _, lines = read(CSV, csv_of("x" * (40 * LONGEST)), step=4096)
    assert {code for line in lines for code in codes(line)} == {"csv-too-long"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_older_spreadsheets_are_read_too(encoding: str) -> None:
    text = "datum;soort;waarde;opmerking\r\n02-11-2026;gewicht;81,5;na het eten – één beschuit\r\n"
    for step in (1, 3, 10_000):
        _, (line,) = read(CSV, text.encode(encoding), step=step)
        assert line.taken is not None
        assert line.taken.note == "na het eten – één beschuit"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "csv-empty"),
        (b"\n\n", "csv-empty"),
        ("datum;soort;waarde\n".encode("utf-16"), "csv-encoding"),
        (b"datum;soort;waarde;waarde\n", "csv-column-twice"),
        (b"datum;tijd\nx;y\n", "csv-columns-missing"),
        (b"\x81\x8d;x\n", "csv-encoding"),
        (b"\x00\x00\n", "csv-encoding"),
    ],
)
def test_a_file_that_is_no_such_table_is_told(content: bytes, code: str) -> None:
    _, lines = read(CSV, content)
    assert code in [each for line in lines for each in codes(line)]
    assert not any(line.taken for line in lines)


def test_every_kind_that_can_be_entered_is_found_by_every_name_and_no_name_is_of_two() -> None:
    names: dict[str, str] = {}
    for kind in kinds().values():
        for name in called(kind):
            assert names.setdefault(name, kind.name) == kind.name, name
    every = [each for listed in columns().values() for each in listed]
    assert len(every) == len(set(every))


def test_every_unit_of_every_value_is_known_by_its_code_and_by_its_name() -> None:
    for kind in kinds().values():
        for value in kind.values:
            for unit in value.units:
                assert unit_of(unit, value) == unit
            assert unit_of(value.unit_nl, value) in value.units
            assert unit_of("", value) == value.unit
            assert unit_of("ellen", value) is None


def test_numbers_are_read_as_they_are_meant_or_not_at_all() -> None:
    weight, steps = kinds()["weight"].value, kinds()["steps"].value
    assert weight is not None
    assert steps is not None
    for text, found in (
        ("81,5", "81.5"),
        ("+81.5", "81.5"),
        ("-3", "-3"),
        ("1.081,5", "1081.5"),
        ("1,081.5", "1081.5"),
        ("72,500", "72.500"),
    ):
        assert number_of(text, weight) == Decimal(found)
    for text in ("", ".", "8 1", "1.2.3", "0x10", "NaN", "Infinity", "\u0661", "1" * 13, "--1"):
        assert number_of(text, weight) is None, text
    assert number_of("10,000", steps) is None
    assert number_of("10000", steps) == 10000
    assert str(in_own_unit(Decimal("1.82"), "m", kinds()["height"].values[0])) == "182"

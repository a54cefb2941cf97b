"""Whatever comes in: readers say what they cannot read, never raise, and never keep more than they need."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from app.measurements.importing.counting import told_of
from app.measurements.importing.formats import FORMATS, guessed
from tests.measurements.importing.files import csv_of, export_of, ndjson, point, read, record, zipped

EXPORT = export_of(
    record("HeartRate", "61", "count/min"),
    record("StepCount", "100", "count"),
    record("SleepAnalysis", "HKCategoryValueSleepAnalysisAsleepCore", endDate="2026-11-02 09:00:00 +0100"),
    '<Correlation type="HKCorrelationTypeIdentifierBloodPressure">'
    f"{record('BloodPressureSystolic', '120', 'mmHg')}{record('BloodPressureDiastolic', '80', 'mmHg')}</Correlation>",
)
FILES = {
    "csv": [csv_of("02-11-2026;08:00;bloeddruk;120;80;mmHg;zittend;Omron;een", '2026-11-02;;stappen;7450;;;;;"a\nb"')],
    "apple-health": [EXPORT, zipped(EXPORT)],
    "open-mhealth": [
        ndjson([point("body-weight", body_weight={"value": 81.5, "unit": "kg"}), point("step-count", step_count=9)])
    ],
}


def check(name: str, content: bytes, step: int) -> None:
    """That everything that is said can be told."""
    _, lines = read(name, content, step=step)
    for line in lines:
        assert line.number >= 1
        assert line.taken is not None or line.problems
        for problem in line.problems:
            said = told_of(line.number, problem)
            assert said.nl
            assert said.en


@given(st.binary(max_size=2000), st.sampled_from(FORMATS), st.integers(1, 600))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_told(content: bytes, name: str, step: int) -> None:
    check(name, content, step)
    guessed(content)


@given(st.sampled_from(FORMATS), st.integers(0, 10**9), st.integers(1, 5000))
@settings(max_examples=400, deadline=None)
def test_files_that_were_damaged_on_the_way_are_read_or_told(name: str, seed: int, step: int) -> None:
    draw = random.Random(seed)
    content = bytearray(draw.choice(FILES[name]))
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(len(content))
        change = draw.choice(("flip", "cut", "double", "insert", "end"))
        if change == "flip":
            content[place] = draw.randrange(256)
        elif change == "cut":
            del content[place : place + draw.randint(1, 40)]
        elif change == "double":
            content[place:place] = content[place : place + draw.randint(1, 200)]
        elif change == "insert":
            content[place:place] = draw.choice(
                (b'"', b"{", b"]]>", b"<!--", b"&lt;", b";", b"\x00", b"\xff\xfe", b"<Record/>")
            )
        else:
            del content[place:]
        if not content:
            content += b"x"
    check(name, bytes(content), step)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_fields_of_a_line_are_read_or_told(fields: list[str]) -> None:
    row = ";".join('"' + each.replace('"', '""') + '"' for each in fields)
    check(
        "csv",
        f"datum;tijd;soort;waarde;waarde2;eenheid;context;apparaat;opmerking\n{row}\n".encode("utf-8", "replace"),
        50,
    )

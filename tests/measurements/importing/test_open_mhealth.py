"""Data points of Open mHealth, one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.fhir.resource import Resource, encode
from app.measurements.importing.formats import OPEN_MHEALTH
from app.measurements.importing.json_objects import LONGEST
from app.measurements.importing.lines import Line
from app.measurements.importing.open_mhealth import schemas
from tests.measurements.importing.files import codes, ndjson, point, read


def one(told: Resource) -> Line:
    _, (line,) = read(OPEN_MHEALTH, encode(told))
    return line


def quantity(value: Any, unit: str) -> Resource:
    return {"value": value, "unit": unit}


DAY = {"time_interval": {"start_date_time": "2026-11-02T00:00:00+01:00", "end_date_time": "2026-11-02T23:59:00+01:00"}}
NIGHT = {
    "time_interval": {"start_date_time": "2026-11-01T23:00:00+01:00", "end_date_time": "2026-11-02T07:00:00+01:00"}
}
GOOD: list[tuple[str, Resource | None, dict[str, Any], str, dict[str, str]]] = [
    ("body-weight", None, {"body_weight": quantity(180, "lb")}, "weight", {"weight": "81.647"}),
    ("body-height", None, {"body_height": quantity(182.5, "cm")}, "height", {"height": "182.5"}),
    ("body-mass-index", None, {"body_mass_index": quantity(24.6, "kg/m2")}, "bmi", {"bmi": "24.6"}),
    ("heart-rate", None, {"heart_rate": quantity(61, "beats/min")}, "heart-rate", {"heart-rate": "61"}),
    ("body-temperature", None, {"body_temperature": quantity(98.6, "F")}, "temperature", {"temperature": "37"}),
    (
        "oxygen-saturation",
        None,
        {"oxygen_saturation": quantity(97, "%")},
        "oxygen-saturation",
        {"oxygen-saturation": "97"},
    ),
    ("respiratory-rate", None, {"respiratory_rate": quantity(14, "breaths/min")}, "respiration", {"respiration": "14"}),
    ("step-count", DAY, {"step_count": quantity(7450, "steps")}, "steps", {"steps": "7450"}),
    ("step-count", DAY, {"step_count": 7450}, "steps", {"steps": "7450"}),
    (
        "minutes-moderate-activity",
        DAY,
        {"minutes_moderate_activity": quantity(1.5, "h")},
        "activity-minutes",
        {"activity-minutes": "90"},
    ),
    ("sleep-duration", NIGHT, {"sleep_duration": quantity(450, "min")}, "sleep", {"sleep": "7.5"}),
    ("total-sleep-time", NIGHT, {"total_sleep_time": quantity(7.5, "h")}, "sleep", {"sleep": "7.5"}),
]


@pytest.mark.parametrize(("schema", "frame", "body", "kind", "values"), GOOD, ids=lambda each: str(each)[:24])
def test_a_data_point_is_a_measurement(
    schema: str, frame: Resource | None, body: dict[str, Any], kind: str, values: dict[str, str]
) -> None:
    line = one(point(schema, frame, **body))
    assert line.taken is not None, line.problems
    assert line.taken.kind.name == kind
    assert line.taken.values == {name: Decimal(value) for name, value in values.items()}
    assert line.taken.effective == ("2026-11-02" if frame else "2026-11-02T08:00:00+01:00")
    assert line.taken.device is not None
    assert line.taken.device.name == "Weegschaal"


def test_the_circumstances_of_a_measurement_are_kept() -> None:
    pressure = one(
        point(
            "blood-pressure",
            systolic_blood_pressure=quantity(130, "mmHg"),
            diastolic_blood_pressure=quantity(85, "mmHg"),
            body_posture="lying down",
        )
    )
    assert pressure.taken is not None
    assert pressure.taken.context == {"position": "lying"}
    glucose = one(point("blood-glucose", blood_glucose=quantity(126, "mg/dL"), temporal_relationship_to_meal="fasting"))
    assert glucose.taken is not None
    assert (glucose.taken.moment, glucose.taken.values) == ("fasting", {"blood-glucose": Decimal("6.994")})


BAD: list[tuple[Resource, list[tuple[str, str]]]] = [
    (point("body-weight"), [("empty", "body.body_weight")]),
    (point("body-weight", body_weight=quantity("81", "kg")), [("number", "body.body_weight")]),
    (point("body-weight", body_weight={"value": True, "unit": "kg"}), [("number", "body.body_weight")]),
    (point("body-weight", body_weight=quantity(81, "stone")), [("unit", "body.body_weight.unit")]),
    (point("body-weight", body_weight=81), [("unit", "body.body_weight.unit")]),
    (point("body-weight", body_weight=[]), [("number", "body.body_weight")]),
    (point("body-weight", {}, body_weight=quantity(81, "kg")), [("empty", "body.effective_time_frame")]),
    (
        point("body-weight", {"date_time": "gisteren"}, body_weight=quantity(81, "kg")),
        [("date", "body.effective_time_frame.date_time")],
    ),
    (
        point("heart-rate", heart_rate=quantity(61, "beats/min"), descriptive_statistic="average"),
        [("statistic", "body.descriptive_statistic")],
    ),
    (
        point("blood-pressure", systolic_blood_pressure=quantity(130, "mmHg")),
        [("empty", "body.diastolic_blood_pressure")],
    ),
    ({"header": {}, "body": {}}, [("point-without-schema", "header.schema_id")]),
    ({"header": 1, "body": "x"}, [("point-without-schema", "header.schema_id")]),
]


@pytest.mark.parametrize(("told", "problems"), BAD)
def test_of_a_bad_data_point_the_element_is_named(told: Resource, problems: list[tuple[str, str]]) -> None:
    line = one(told)
    assert line.taken is None
    assert [(each.code, each.place) for each in line.problems] == problems


def test_a_day_in_pieces_is_added_up_per_device() -> None:
    def piece(hour: int, steps: int, source: str = "Horloge") -> Resource:
        frame = {"time_interval": {"start_date_time": f"2026-11-02T{hour:02}:00:00+01:00", "duration": {"value": 1}}}
        return point("step-count", frame, source, step_count=steps)

    reader, lines = read(
        OPEN_MHEALTH, ndjson([*(piece(each, 100) for each in range(8, 20)), piece(9, 700, "Telefoon")])
    )
    assert [(line.number, *line.taken.values.values()) for line in lines if line.taken] == [(1, 1200)]
    assert reader.unused == {"less:step-count": 1}


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_points_come_one_by_one_in_lines_or_in_a_list(step: int) -> None:
    points = [point("body-weight", body_weight=quantity(80 + each, "kg"), note='a "{[\\ b') for each in range(5)]
    as_list = b"\xef\xbb\xbf[\n" + b" ,\n".join(map(encode, points)) + b"]\n"
    for content in (as_list, ndjson(points), b"".join(map(encode, points))):
        _, lines = read(OPEN_MHEALTH, content, step=step)
        assert [line.taken.values["weight"] for line in lines if line.taken] == [80, 81, 82, 83, 84]


def test_a_part_that_is_no_json_leaves_the_others() -> None:
    good = encode(point("body-weight", body_weight=quantity(81, "kg")))
    long = encode(point("body-weight", note="x" * LONGEST))
    _, lines = read(
        OPEN_MHEALTH, b"\n".join((good, b"garbage", b'{"a": }', good, long, good, b'{"cut": ')), step=10_000
    )
    assert [line.number for line in lines if line.taken] == [1, 4, 6]
    assert [(line.number, codes(line)) for line in lines if not line.taken] == [
        (number, ["json-broken"]) for number in (2, 3, 5, 7)
    ]
    for content in (b"", b" \n", b"[]"):
        _, lines = read(OPEN_MHEALTH, content)
        assert [codes(line) for line in lines] == [["json-empty"]]


def test_every_schema_is_of_a_kind_and_every_unit_is_one_that_its_value_is_accepted_in() -> None:
    for name, schema in schemas().items():
        assert schema.kind.home
        assert schema.total == schema.kind.per_day, name
        for value, _ in schema.values:
            assert set(schema.units.values()) <= set(value.units), name
        for each in schema.told:
            names = (
                {moment.name for moment in schema.kind.moments}
                if not each.name
                else {
                    choice.name
                    for context in schema.kind.context
                    if context.name == each.name
                    for choice in context.values
                }
            )
            assert set(each.words.values()) <= names, name

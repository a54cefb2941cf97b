"""Apple Health's export, record by record, as it comes from a phone and as it should not."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from decimal import Decimal

import pytest

from app.measurements.importing import zipped as unpacking
from app.measurements.importing.apple_types import apple_types
from app.measurements.importing.formats import APPLE
from app.measurements.importing.lines import Line
from app.measurements.kinds import kinds
from tests.measurements.importing.files import codes, export_of, read, record, zipped


def one(*elements: str) -> Line:
    _, (line,) = read(APPLE, export_of(*elements))
    return line


TYPES = {
    ("HeartRate", "61", "count/min"): ("heart-rate", "61"),
    ("RespiratoryRate", "14.5", "count/min"): ("respiration", "14.5"),
    ("OxygenSaturation", "0.97", "%"): ("oxygen-saturation", "97"),
    ("OxygenSaturation", "1", "%"): ("oxygen-saturation", "100"),
    ("BodyMass", "81.5999755859375", "kg"): ("weight", "81.6"),
    ("BodyMass", "180", "lb"): ("weight", "81.647"),
    ("Height", "1.82", "m"): ("height", "182"),
    ("BodyMassIndex", "24.6", "count"): ("bmi", "24.6"),
    ("WaistCircumference", "95", "cm"): ("waist", "95"),
    ("BodyTemperature", "98.6", "degF"): ("temperature", "37"),
    ("BloodGlucose", "126", "mg/dL"): ("blood-glucose", "6.994"),
    ("BloodGlucose", "6.9", "mmol&lt;180.1558800000541&gt;/L"): ("blood-glucose", "6.9"),
    ("PeakExpiratoryFlowRate", "450", "L/min"): ("peak-flow", "450"),
}


@pytest.mark.parametrize("told", TYPES, ids="-".join)
def test_a_record_is_a_measurement_in_the_unit_of_its_kind(told: tuple[str, str, str]) -> None:
    kind, value = TYPES[told]
    line = one(record(*told))
    assert line.taken is not None, line.problems
    assert (line.taken.kind.name, list(line.taken.values.values())) == (kind, [Decimal(value)])
    assert line.taken.effective == "2026-11-02T08:00:00+01:00"


def test_every_type_is_of_a_kind_and_every_unit_is_one_that_its_value_is_accepted_in() -> None:
    for each in apple_types().values():
        assert each.kind.home
        assert set(each.units.values()) <= set(each.value.units), each.name


def test_a_device_is_told_by_its_label() -> None:
    label = (
        "&lt;&lt;HKDevice: 0x301f6a3a0&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch,"
        " hardware:Watch6,4, software:9.1&gt;"
    )
    taken = one(record("HeartRate", "61", "count/min", sourceName="Watch van Anna", device=label)).taken
    assert taken is not None
    assert taken.device is not None
    assert (taken.device.name, taken.device.manufacturer) == ("Watch van Anna", "Apple Inc.")
    assert taken.device.model == "Watch Watch6,4"


PARTS = (
    record("BloodPressureSystolic", "128", "mmHg"),
    record("BloodPressureDiastolic", "82", "mmHg"),
)
PANEL = (
    '<Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="Horloge"'
    f' startDate="2026-11-02 08:00:00 +0100">{"".join(PARTS)}</Correlation>'
)


@pytest.mark.parametrize(
    "elements", [(*PARTS, PANEL), (PANEL, *PARTS), (PANEL,), PARTS], ids=["before", "after", "alone", "loose"]
)
def test_a_blood_pressure_is_one_panel_however_it_is_in_the_file(elements: tuple[str, ...]) -> None:
    _, lines = read(APPLE, export_of(*elements))
    values = {tuple(each.taken.values.items()) for each in lines if each.taken is not None}
    assert values == {(("systolic", Decimal(128)), ("diastolic", Decimal(82)))}
    assert not [each for line in lines for each in line.problems]


def test_half_a_blood_pressure_is_refused() -> None:
    line = one(PARTS[0])
    assert line.taken is None
    assert codes(line) == ["part-missing"]


def test_steps_are_those_of_the_device_that_counted_most_and_never_added_together() -> None:
    reader, lines = read(
        APPLE,
        export_of(
            *(record("StepCount", "100", "count", f"2026-11-02 {each:02}:00:00 +0100") for each in range(8, 20)),
            *(
                record("StepCount", "90", "count", f"2026-11-02 {each:02}:00:00 +0100", sourceName="Telefoon")
                for each in range(8, 22)
            ),
            record("StepCount", "5", "count", "2026-11-03 08:00:00 +0100", sourceName="Telefoon"),
        ),
    )
    found = [each.taken for each in lines if each.taken]
    assert [(each.effective, each.device.name if each.device else "", str(each.values["steps"])) for each in found] == [
        ("2026-11-02", "Telefoon", "1260"),
        ("2026-11-03", "Telefoon", "5"),
    ]
    assert reader.unused == {"less:HKQuantityTypeIdentifierStepCount": 12}


def test_the_day_of_the_export_is_not_over() -> None:
    line = one(record("StepCount", "100", "count", "2026-11-20 08:00:00 +0100"))
    assert line.taken is None
    assert [(each.code, each.refuses) for each in line.problems] == [("day-not-over", False)]


def test_a_night_is_that_of_the_day_of_waking_and_what_overlaps_counts_once() -> None:
    def night(start: str, end: str, value: str = "AsleepCore", source: str = "Horloge") -> str:
        value = f"HKCategoryValueSleepAnalysis{value}"
        return record(
            "SleepAnalysis",
            value,
            "",
            f"2026-11-{start}:00 +0100",
            endDate=f"2026-11-{end}:00 +0100",
            sourceName=source,
        )

    reader, lines = read(
        APPLE,
        export_of(
            night("01 22:30", "02 07:30", "InBed"),
            night("01 23:00", "02 03:00"),
            night("02 02:00", "02 04:00", "AsleepREM"),
            night("02 04:00", "02 04:30", "Awake"),
            night("02 04:30", "02 07:00", "AsleepDeep"),
            night("02 13:00", "02 14:00", "Asleep"),
            night("01 23:00", "02 06:00", source="Ander horloge"),
            night("02 22:00", "03 06:00"),
        ),
    )
    found = {each.taken.effective: each.taken.values["sleep"] for each in lines if each.taken}
    assert found == {"2026-11-02": Decimal("8.5"), "2026-11-03": Decimal(8)}
    assert reader.unused["HKCategoryValueSleepAnalysisInBed"] == 1
    assert reader.unused["less:HKCategoryTypeIdentifierSleepAnalysis"] == 1


def test_what_is_no_kind_here_is_counted_by_type() -> None:
    reader, lines = read(
        APPLE,
        export_of(
            *[record("ActiveEnergyBurned", "1.5", "kcal")] * 3,
            '<Workout workoutActivityType="HKWorkoutActivityTypeWalking"><WorkoutEvent type="x"/></Workout>',
            '<ActivitySummary dateComponents="2026-11-02"/>',
        ),
    )
    assert lines == []
    assert reader.unused == {"HKQuantityTypeIdentifierActiveEnergyBurned": 3, "Workout": 1, "ActivitySummary": 1}
    assert reader.read == 5


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"value": "veel"}, ("number", "value")),
        ({"value": "NaN"}, ("number", "value")),
        ({"value": "1e400"}, ("number", "value")),
        ({"unit": "furlong"}, ("unit", "unit")),
        ({"start": "gisteren"}, ("time", "startDate")),
        ({"start": "2026-02-30 08:00:00 +0100"}, ("time", "startDate")),
        ({"start": "2026-02-03 08:00:00"}, ("time", "startDate")),
    ],
)
def test_of_a_bad_record_the_attribute_is_named(told: dict[str, str], problem: tuple[str, str]) -> None:
    line = one(record(**{"kind": "HeartRate", "value": "61", "unit": "count/min", **told}))
    assert line.taken is None
    assert problem in [(each.code, each.place) for each in line.problems]
    assert line.number == 15


def test_a_file_that_ends_too_early_keeps_what_came_before() -> None:
    whole = export_of(*(record("HeartRate", str(60 + each), "count/min") for each in range(30)))
    _, lines = read(APPLE, whole[: len(whole) // 2])
    assert sum(line.taken is not None for line in lines) > 5
    assert codes(lines[-1]) == ["xml-broken"]


LAUGHS = '<!DOCTYPE HealthData [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
OUTSIDE = '<!DOCTYPE HealthData SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'


@pytest.mark.parametrize("doctype", [LAUGHS, OUTSIDE], ids=["laughs", "outside"])
def test_entities_are_not_read(doctype: str) -> None:
    _, lines = read(APPLE, export_of(record("HeartRate", "&b;", "count/min"), doctype=doctype))
    assert [code for line in lines for code in codes(line)] == ["xml-entities"]


def test_an_entity_without_a_document_type_is_an_error() -> None:
    _, lines = read(APPLE, export_of(record("HeartRate", "&x;", "count/min"), doctype=""))
    assert [code for line in lines for code in codes(line)] == ["xml-broken"]


def test_what_no_export_holds_ends_the_reading() -> None:
    huge = record("HeartRate", "6" * 3_000_000, "count/min")
    _, lines = read(APPLE, export_of(huge, record("HeartRate", "61", "count/min")))
    assert [code for line in lines for code in codes(line)] == ["xml-too-much"]
    _, lines = read(APPLE, export_of("<a>" * 1000))
    assert [code for line in lines for code in codes(line)] == ["xml-too-much"]
    names = (record(f"Name{each}", "1", "count") for each in range(3000))
    _, lines = read(APPLE, export_of(*names))
    assert [code for line in lines for code in codes(line)] == ["xml-too-much"]
    _, lines = read(APPLE, b"<?xml version='1.0'?><!-- " + b"x" * 2_000_000)
    assert [code for line in lines for code in codes(line)] == ["xml-not-apple"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("step", [1, 777, 1 << 20])
def test_the_zip_of_a_phone_is_read_in_pieces_of_any_size(method: int, step: int) -> None:
    content = export_of(*(record("HeartRate", str(60 + each), "count/min") for each in range(20)))
    reader, lines = read(APPLE, zipped(content, method=method), step=step)
    assert sum(line.taken is not None for line in lines) == 20
    assert reader.read == 20


def streamed(content: bytes) -> bytes:
    """As a phone writes it that does not know the sizes before: they come behind the content."""
    name = b"apple_health_export/export.xml"
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = packer.compress(content) + packer.flush()
    head = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 8, 8, 0, 0, 0, 0, 0, len(name), 0) + name
    after = struct.pack("<4sIII", b"PK\x07\x08", zlib.crc32(content), len(data), len(content))
    return head + data + after + b"PK\x01\x02"


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_zip_whose_sizes_come_later_is_read(step: int) -> None:
    other = streamed(b"<Something/>").removesuffix(b"PK\x01\x02")
    content = export_of(record("HeartRate", "61", "count/min"))
    _, lines = read(APPLE, other + streamed(content), step=step)
    assert [line.taken.kind.name for line in lines if line.taken] == ["heart-rate"]


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_FREE", 1 << 20)
    spaces = export_of(record("HeartRate", "61", "count/min"), " " * 40_000_000)
    _, lines = read(APPLE, zipped(spaces), step=4096)
    assert "zip-too-large" in [code for line in lines for code in codes(line)]


def test_a_zip_that_cannot_be_read_says_why() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("photo.jpg", b"x")
    good = zipped(export_of(record("HeartRate", "61", "count/min")))
    locked = bytearray(good)
    locked[6] |= 1
    for content, code in (
        (out.getvalue(), "zip-without-export"),
        (bytes(locked), "zip-locked"),
        (good[:4] + b"\xff" * 60, "zip-without-export"),
        (b"PK\x03\x04", "zip-without-export"),
    ):
        _, lines = read(APPLE, content)
        assert [each for line in lines for each in codes(line)] == [code]


def test_kinds_that_are_of_a_day_are_added_up_and_no_others() -> None:
    for each in apple_types().values():
        assert (each.how in ("day", "night")) == each.kind.per_day, each.name
    assert kinds()["steps"].per_day

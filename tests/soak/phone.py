"""An export of Apple Health as large as asked for, made on the fly, with the mix of record types of a person who wears
a watch: energy above all, then heart rate, energy at rest, distance and steps, of which the phone counts some too.
"""

from __future__ import annotations

import random
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Final

MIX: Final = (
    ("ActiveEnergyBurned", "kcal", 0.33),
    ("HeartRate", "count/min", 0.22),
    ("BasalEnergyBurned", "kcal", 0.17),
    ("DistanceWalkingRunning", "km", 0.11),
    ("StepCount", "count", 0.08),
    ("AppleStandTime", "min", 0.03),
    ("PhysicalEffort", "kcal/hr·kg", 0.02),
    ("RespiratoryRate", "count/min", 0.012),
    ("AppleExerciseTime", "min", 0.006),
    ("FlightsClimbed", "count", 0.006),
    ("OxygenSaturation", "%", 0.006),
    ("SleepAnalysis", "", 0.006),
    ("HeartRateVariabilitySDNN", "ms", 0.004),
)
"""Type, unit, share of the records."""
KEPT: Final = ("HeartRate", "RespiratoryRate", "OxygenSaturation")
"""Of which each record is a measurement."""
ADDED_UP: Final = ("StepCount", "AppleExerciseTime", "SleepAnalysis")
"""Of which there is one measurement for a day."""
YEARS: Final = 3
_BEGIN: Final = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp())
_SPAN: Final = YEARS * 365 * 24 * 3600
_LABEL: Final = (
    "&lt;&lt;HKDevice: 0x301f6a3a0&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,4,"
    " software:9.1&gt;"
)
_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (ExportDate,Me,(Record)*)>\n'
    ']>\n<HealthData locale="nl_NL">\n <ExportDate value="2026-01-20 10:00:00 +0100"/>\n'
)


def shares(total: int) -> dict[str, int]:
    """How many records of each type there are among ``total``."""
    return {name: int(total * share) for name, _, share in MIX}


def export(total: int, *, seed: int = 1) -> Iterator[bytes]:
    """The XML in pieces. Records of one type follow each other in time, as a phone writes them."""
    draw = random.Random(seed)
    yield _HEAD.encode()
    for name, unit, _ in MIX:
        count = shares(total)[name]
        lines: list[str] = []
        for number in range(count):
            lines.append(_record(name, unit, _BEGIN + _SPAN * number // count, draw, number))
            if len(lines) == 1000:
                yield "".join(lines).encode()
                lines = []
        yield "".join(lines).encode()
    yield b"</HealthData>\n"


def write_zip(file: IO[bytes], total: int) -> int:
    """The zip that the phone makes of it; the bytes of its XML."""
    size = 0
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("apple_health_export/export.xml", "w", force_zip64=True) as inside,
    ):
        for piece in export(total):
            size += len(piece)
            inside.write(piece)
    return size


def _record(name: str, unit: str, at: int, draw: random.Random, number: int) -> str:
    start, end = (_text(each) for each in (at, at + 180))
    kind = "Category" if name == "SleepAnalysis" else "Quantity"
    source = "iPhone" if name in ("StepCount", "DistanceWalkingRunning") and number % 3 == 0 else "Horloge van Anna"
    record = (
        f' <Record type="HK{kind}TypeIdentifier{name}" sourceName="{source}" sourceVersion="9.1" device="{_LABEL}"'
        f'{f" unit={chr(34)}{unit}{chr(34)}" if unit else ""} creationDate="{start}" startDate="{start}"'
        f' endDate="{end}" value="{_value(name, draw)}"'
    )
    if name == "HeartRate" and number % 2 == 0:
        return record + '>\n  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>\n </Record>\n'
    return record + "/>\n"


def _value(name: str, draw: random.Random) -> str:
    if name == "HeartRate":
        return str(draw.randint(50, 120))
    if name == "OxygenSaturation":
        return f"0.{draw.randint(92, 99)}"
    if name == "RespiratoryRate":
        return f"{draw.uniform(11, 19):.1f}"
    if name == "StepCount":
        return str(draw.randint(1, 80))
    if name == "SleepAnalysis":
        return "HKCategoryValueSleepAnalysisAsleepCore"
    return f"{draw.uniform(0, 3):.3f}"


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds + 3600, UTC).strftime("%Y-%m-%d %H:%M:%S +0100")

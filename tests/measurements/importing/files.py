"""Files of measurements, and what is asked of what became of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, Final

from app.fhir.resource import Resource, decode
from app.measurements.importing.formats import reader_of
from app.measurements.importing.lines import Line, Reader

HEAD: Final = "datum;tijd;soort;waarde;waarde2;eenheid;context;apparaat;opmerking"


def csv_of(*rows: str, head: str = HEAD) -> bytes:
    """A file of these lines."""
    return "\n".join((head, *rows, "")).encode()


def record(kind: str, value: str, unit: str = "", start: str = "2026-11-02 08:00:00 +0100", **more: str) -> str:
    """One Record of Apple Health; ``kind`` without its prefix."""
    prefix = "HKCategoryTypeIdentifier" if kind == "SleepAnalysis" else "HKQuantityTypeIdentifier"
    told = {
        "type": f"{prefix}{kind}",
        "sourceName": "Horloge",
        "unit": unit,
        "creationDate": start,
        "startDate": start,
        "endDate": start,
        "value": value,
        **more,
    }
    return "<Record {}/>".format(" ".join(f'{name}="{text}"' for name, text in told.items() if text))


DOCTYPE: Final = """<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary|ClinicalRecord)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record
  type          CDATA #REQUIRED
  unit          CDATA #IMPLIED
]>
"""
"""As Apple has it, and as badly formed as it was in iOS 16."""


def export_of(*elements: str, doctype: str = DOCTYPE, exported: str = "2026-11-20 10:00:00 +0100") -> bytes:
    """An ``export.xml``."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'{doctype}<HealthData locale="nl_NL">',
        f' <ExportDate value="{exported}"/>',
        *elements,
        "</HealthData>",
        "",
    ]
    return "\n".join(lines).encode()


def zipped(content: bytes, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """As the phone packs it: with other files before and after."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("apple_health_export/workout-routes/route_1.gpx", "<gpx/>")
        archive.writestr("apple_health_export/export_cda.xml", "<ClinicalDocument/>")
        archive.writestr("apple_health_export/other.xml", "<Something/>")
        archive.writestr("apple_health_export/Exporteren.xml", content)
        archive.writestr("apple_health_export/electrocardiograms/ecg_1.csv", "a,b")
    return out.getvalue()


def point(schema: str, frame: Resource | None = None, source: str = "Weegschaal", **body: Any) -> Resource:
    """A data point of Open mHealth."""
    return {
        "header": {
            "id": "1",
            "schema_id": {"namespace": "omh", "name": schema, "version": "3.0"},
            "acquisition_provenance": {"source_name": source},
        },
        "body": {
            "effective_time_frame": {"date_time": "2026-11-02T08:00:00+01:00"} if frame is None else frame,
            **body,
        },
    }


def read(name: str, content: bytes, *, step: int = 1 << 20) -> tuple[Reader, list[Line]]:
    """All lines of a file that comes in pieces of ``step`` bytes."""
    reader, _ = reader_of(name, content[:10])
    lines = [line for start in range(0, len(content), step) for line in reader.feed(content[start : start + step])]
    lines += reader.end()
    return reader, lines


def codes(line: Line) -> list[str]:
    """What is said of a line."""
    return [each.code for each in line.problems]


def parameter(parameters: Resource, name: str) -> Any:
    """The value of a parameter of a status."""
    found = [each for each in parameters["parameter"] if each["name"] == name]
    return next(value for key, value in found[0].items() if key.startswith("value"))


def counted(parameters: Resource, *names: str) -> list[int]:
    """Counts of a status by name of the outcome."""
    return [parameter(parameters, name) for name in names]


def by_name(parameters: Resource, name: str) -> dict[str, int]:
    """Counts of a status by kind, rule or type."""
    found = [each["part"] for each in parameters["parameter"] if each["name"] == name]
    return {part[0]["valueString"]: part[1]["valueInteger"] for part in found}


def entries(content: bytes) -> Sequence[Resource]:
    """The resources of a Bundle."""
    return [each["resource"] for each in decode(content).get("entry", ())]


def ndjson(points: Iterable[Resource]) -> bytes:
    from app.fhir.resource import encode

    return b"\n".join(map(encode, points))

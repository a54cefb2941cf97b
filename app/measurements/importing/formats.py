"""The formats that measurements are imported from, and how one is told from another. https://www.rfc-editor.org/rfc/rfc6838"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from app.measurements.importing.apple_export import AppleReader
from app.measurements.importing.csv_file import CsvReader
from app.measurements.importing.lines import Reader
from app.measurements.importing.open_mhealth import OpenMHealthReader
from app.measurements.importing.zipped import ZipReader

CSV: Final = "csv"
APPLE: Final = "apple-health"
OPEN_MHEALTH: Final = "open-mhealth"
FORMATS: Final = (CSV, APPLE, OPEN_MHEALTH)
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "text/csv": CSV,
    "application/zip": APPLE,
    "application/x-zip-compressed": APPLE,
    "application/xml": APPLE,
    "text/xml": APPLE,
    "application/json": OPEN_MHEALTH,
    "application/x-ndjson": OPEN_MHEALTH,
}
"""By what a file is sent as."""
_ZIP: Final = b"PK\x03\x04"
_STEPS: Final[Mapping[str, int]] = {CSV: 16_384, APPLE: 65_536, OPEN_MHEALTH: 32_768}
_STEP_OF_ZIP: Final = 4_096
_READERS: Final[Mapping[str, Callable[[], Reader]]] = {CSV: CsvReader, OPEN_MHEALTH: OpenMHealthReader}


def reader_of(name: str, beginning: bytes) -> tuple[Reader, int]:
    """A reader for a file that begins so, and how many bytes it is given at a time: what takes a few milliseconds."""
    if name == APPLE:
        packed = beginning.startswith(_ZIP)
        return (ZipReader(), _STEP_OF_ZIP) if packed else (AppleReader(), _STEPS[APPLE])
    return _READERS[name](), _STEPS[name]


def guessed(beginning: bytes) -> str | None:
    """The format of a file that says nothing of itself; None when it looks like nothing that we know."""
    start = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if beginning.startswith(_ZIP) or start == b"<":
        return APPLE
    if start in (b"{", b"["):
        return OPEN_MHEALTH
    return CSV if beginning and b"\0" not in beginning[:1000] else None

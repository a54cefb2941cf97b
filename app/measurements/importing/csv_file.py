"""CSV: one measurement in a line, with the columns of ``csv_columns.yaml``. https://www.rfc-editor.org/rfc/rfc4180

Fields may be quoted and then hold line breaks. The separator is that of the header. A line is UTF-8, or else
Windows-1252 as older spreadsheets write it.
"""

from __future__ import annotations

import csv
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from app.measurements.importing.csv_rows import Row, columns, taken_of
from app.measurements.importing.lines import Line, Problem

LONGEST: Final = 16_384
"""Bytes of a line, with all that is in its quotes."""
_SEPARATORS: Final = ";,\t"
_NEEDED: Final = ("date", "kind", "value")
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class CsvReader:
    """See ``Reader``. Lines are numbered as an editor shows them; one with line breaks in it by its first."""

    def __init__(self) -> None:
        self.unused: Mapping[str, int] = _NONE
        self.read = 0
        self._rest = b""
        self._begun = False
        self._next = 1
        self._pending: list[bytes] = []
        self._size = 0
        self._first = 0
        self._separator = ""
        self._header: dict[str, int] | None = None
        self._width = 0
        self._skipping = False
        self._ended = False

    def feed(self, piece: bytes) -> Sequence[Line]:
        if self._ended:
            return ()
        data = self._rest + piece
        if not self._begun:
            if len(data) < len(BOM_UTF8):
                self._rest = data
                return ()
            self._begun = True
            if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
                self._ended = True
                return [Line(1, None, (Problem("csv-encoding"),))]
            data = data.removeprefix(BOM_UTF8)
        *whole, self._rest = data.split(b"\n")
        found = [line for each in whole for line in self._physical(each)]
        if len(self._rest) > LONGEST:  # the rest of this line is passed over
            if not self._skipping:
                found += self._physical(self._rest)
                self._next -= 1
            self._rest, self._skipping = b"", True
        return found

    def end(self) -> Sequence[Line]:
        found: list[Line] = []
        if not self._begun and not self._ended:
            self._begun = True
            self._rest = self._rest.removeprefix(BOM_UTF8)
        if self._rest:
            found += self._physical(self._rest)
        if self._pending and not self._ended:
            found.append(Line(self._first, None, (Problem("csv-quote"),)))
        if self._header is None and not self._ended:
            found.append(Line(1, None, (Problem("csv-empty"),)))
        self._rest, self._pending, self._ended = b"", [], True
        return found

    def _physical(self, line: bytes) -> Iterator[Line]:
        """Take one line of the text; the record is whole when its quotes are closed."""
        if self._ended:
            return
        if self._skipping:
            self._skipping = False
            self._next += 1
            return
        number, self._next = self._next, self._next + 1
        if not self._pending:
            self._first, self._size = number, 0
        self._size += len(line)
        if self._size > LONGEST:
            self._pending = []
            self.read += 1
            yield Line(self._first, None, (Problem("csv-too-long", facts={"most": str(LONGEST)}),))
            return
        self._pending.append(line)
        if sum(each.count(b'"') for each in self._pending) % 2:
            return
        record, self._pending = b"\n".join(self._pending), []
        if record.strip():
            yield from self._record(record)

    def _record(self, record: bytes) -> Iterator[Line]:
        text = _decoded(record)
        if text is None:
            self.read += 1
            yield Line(self._first, None, (Problem("csv-encoding"),))
        elif self._header is None:
            yield from self._read_header(text)
        else:
            self.read += 1
            yield self._line(text, self._header)

    def _read_header(self, text: str) -> Iterator[Line]:
        self._separator = max(_SEPARATORS, key=text.count)
        names = [each.strip().casefold() for each in _fields(text, self._separator) or ()]
        known = {said: column for column, listed in columns().items() for said in listed}
        found: dict[str, int] = {}
        problems = []
        self._width = len(names)
        for place, name in enumerate(names):
            column = known.get(name)
            if column in found:
                problems.append(Problem("csv-column-twice", columns()[column][0]))
            elif column is not None:
                found[column] = place
            elif name:
                problems.append(Problem("csv-column-unknown", f"{place + 1}", refuses=False))
        missing = [columns()[each][0] for each in _NEEDED if each not in found]
        if missing:
            problems.append(Problem("csv-columns-missing", facts={"columns": ", ".join(missing)}))
        self._ended = any(each.refuses for each in problems)
        self._header = found
        if problems:
            yield Line(self._first, None, problems)

    def _line(self, text: str, header: Mapping[str, int]) -> Line:
        fields = _fields(text, self._separator)
        if fields is None:
            return Line(self._first, None, (Problem("csv-quote"),))
        row: Row = {column: fields[place].strip() if place < len(fields) else "" for column, place in header.items()}
        taken, problems = taken_of(row)
        if len(fields) > self._width and any(each.strip() for each in fields[self._width :]):
            return Line(self._first, None, [*problems, Problem("csv-fields", facts={"most": str(self._width)})])
        return Line(self._first, taken, problems)


def _fields(text: str, separator: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return None


def _decoded(record: bytes) -> str | None:
    record = record.removesuffix(b"\r")
    if b"\0" in record:
        return None
    for encoding in ("utf-8", "cp1252"):
        try:
            return record.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None

"""Files with resources held against FHIR's definitions, for ``zelfregie validate``.

JSON (https://hl7.org/fhir/R4/json.html), XML (https://hl7.org/fhir/R4/xml.html) and NDJSON, one resource a line
(https://hl7.org/fhir/R4/nd-json.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from app.errors import Issue, TooLarge, ZelfregieError
from app.fhir import resource, xml
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.fhir.validation import has_shape, validate

LARGEST: Final = 50 * 1024 * 1024
"""Bytes of one resource: a JSON or XML file, or a line of NDJSON."""
_BOM: Final = b"\xef\xbb\xbf"

_NDJSON: Final = ".ndjson"
_SUFFIXES: Final = (".json", ".xml", _NDJSON)


class Piece(NamedTuple):
    """One resource of a file as it is written: a line of NDJSON with its ``number``, or all of another file (0), and
    the byte at which it starts.
    """

    number: int
    start: int
    content: bytes

    @staticmethod
    def read(path: Path, start: int, size: int) -> bytes:
        """The content again. Raises ``OSError``."""
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)


Look = Callable[[Resource], list[Issue]]
"""What else is said of a resource that has the shape of FHIR's."""


def _no_more(_: Resource) -> list[Issue]:
    return []


def validate_file(path: Path, definitions: Definitions, look: Look = _no_more) -> list[Issue]:
    """All that is wrong with the resources in a file; a file that cannot be read gives one issue that says why.

    The format goes by the suffix ``.json``, ``.xml`` or ``.ndjson``. Texts about NDJSON begin with the line. ``look``
    is asked about what has the shape of a resource.
    """
    if path.suffix.lower() not in _SUFFIXES:
        return [Issue("not-supported", "The name of the file must end on .json, .xml or .ndjson.")]
    found: list[Issue] = []
    try:
        for piece in pieces_of(path):
            issues = _issues(piece.content, path, definitions, look)
            if piece.number:
                issues = [replace(each, diagnostics=f"Line {piece.number}: {each.diagnostics}") for each in issues]
            found += issues
    except OSError as error:
        return [Issue("not-found", f"The file cannot be read: {error.strerror}.", severity="fatal")]
    return found


def pieces_of(path: Path) -> Iterator[Piece]:
    """Each resource in a file; after one that is too large there is none. Raises ``OSError``."""
    with path.open("rb") as file:
        if path.suffix.lower() != _NDJSON:
            yield Piece(0, 0, file.read(LARGEST + 1))
            return
        number = start = 0
        while line := file.readline(LARGEST + 1):
            number += 1
            if line.strip():
                yield Piece(number, start, line)
            if len(line) > LARGEST:
                return
            start += len(line)


def decoded(content: bytes, path: Path, definitions: Definitions) -> Resource:
    """The resource in a piece of a file. Raises ``TooLarge`` and ``Invalid``."""
    if len(content) > LARGEST:
        raise TooLarge(f"The resource is larger than {LARGEST // 1024**2} MB.", "too-long")
    content = content.removeprefix(_BOM)
    return xml.from_xml(content, definitions) if path.suffix.lower() == ".xml" else resource.decode(content)


def _issues(content: bytes, path: Path, definitions: Definitions, look: Look) -> list[Issue]:
    try:
        read = decoded(content, path, definitions)
    except ZelfregieError as error:
        return [replace(issue, severity="fatal") for issue in error.all_issues()]
    found = validate(read, definitions)
    return [*found, *look(read)] if has_shape(found) else found

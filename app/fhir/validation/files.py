"""Files with resources held against FHIR's definitions, for ``zelfregie validate``.

JSON (https://hl7.org/fhir/R4/json.html), XML (https://hl7.org/fhir/R4/xml.html) and NDJSON, one resource a line
(https://hl7.org/fhir/R4/nd-json.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.errors import Issue, ZelfregieError
from app.fhir import resource, xml
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.fhir.validation import has_shape, validate

LARGEST: Final = 50 * 1024 * 1024
"""Bytes of one resource: a JSON or XML file, or a line of NDJSON."""
_BOM: Final = b"\xef\xbb\xbf"

Look = Callable[[Resource], list[Issue]]
"""What else is said of a resource that has the shape of FHIR's."""


def _no_more(_: Resource) -> list[Issue]:
    return []


def validate_file(path: Path, definitions: Definitions, look: Look = _no_more) -> list[Issue]:
    """All that is wrong with the resources in a file; a file that cannot be read gives one issue that says why.

    The format goes by the suffix ``.json``, ``.xml`` or ``.ndjson``. Texts about NDJSON begin with the line. ``look``
    is asked about what has the shape of a resource.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".ndjson":
            return list(_lines(path, definitions, look))
        if suffix not in (".json", ".xml"):
            return [Issue("not-supported", "The name of the file must end on .json, .xml or .ndjson.")]
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        return [Issue("not-found", f"The file cannot be read: {error.strerror}.", severity="fatal")]
    return _content(content, suffix, definitions, look)


def _lines(path: Path, definitions: Definitions, look: Look) -> Iterator[Issue]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LARGEST + 1):
            number += 1
            if line.strip():
                for issue in _content(line, ".json", definitions, look):
                    yield replace(issue, diagnostics=f"Line {number}: {issue.diagnostics}")
            if len(line) > LARGEST:
                return


def _content(content: bytes, suffix: str, definitions: Definitions, look: Look) -> list[Issue]:
    if len(content) > LARGEST:
        return [Issue("too-long", f"The resource is larger than {LARGEST // 1024**2} MB.", severity="fatal")]
    try:
        content = content.removeprefix(_BOM)
        decoded = xml.from_xml(content, definitions) if suffix == ".xml" else resource.decode(content)
    except ZelfregieError as error:
        return [replace(issue, severity="fatal") for issue in error.all_issues()]
    found = validate(decoded, definitions)
    return [*found, *look(decoded)] if has_shape(found) else found

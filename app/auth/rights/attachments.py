"""What is attached to resources, as files: Binary, and Attachment wherever it holds its data itself.

https://hl7.org/fhir/R4/datatypes.html#Attachment https://hl7.org/fhir/R4/binary.html
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from mimetypes import MimeTypes
from typing import Any, Final

from app.fhir.resource import Resource, walk_dicts

_KNOWN: Final = MimeTypes()
"""Python's own table, and not that of the machine."""
_SUFFIXES: Final = {"json": ".json", "xml": ".xml"}
_OTHER: Final = ".bin"


def suffix_of(content_type: str) -> str:
    """The file name's suffix for a media type, such as ``.pdf``."""
    plain = content_type.partition(";")[0].strip().lower()
    known = _KNOWN.guess_extension(plain)
    return known or _SUFFIXES.get(plain.rpartition("+")[2], _OTHER)


def attached(resource: Resource) -> Iterator[tuple[str, bytes]]:
    """The suffix and the bytes of each. What is no base64 stays in the resource only."""
    for each in walk_dicts(resource):
        data, kind = each.get("data"), each.get("contentType")
        if isinstance(data, str) and isinstance(kind, str):
            content = _decoded(data)
            if content is not None:
                yield suffix_of(kind), content


def _decoded(data: Any) -> bytes | None:
    try:
        return b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None

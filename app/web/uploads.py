"""Forms with files, and forms that are larger than most: read whole, within limits.
https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.errors import Invalid, TooLarge
from app.web.forms import Form, read_form

LARGEST: Final = 24 * 1024 * 1024
"""Bytes of a form with its files."""
LARGEST_TEXT: Final = 2 * 1024 * 1024
"""Bytes of a form without files, and of one field of a form with them."""
MOST_FIELDS: Final = 5_000
_MOST_FILES: Final = 40
_TYPE: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was sent. ``name`` is without a path; ``type`` is what the browser says of it."""

    name: str
    type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upload(Form):
    """A form with the files of its fields; a field for a file that was left empty has none."""

    files: Mapping[str, File] = field(default_factory=dict, repr=False)


async def read_upload(request: Request) -> Upload:
    """The form that was posted, with files or without. Raises as ``read_form`` does."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        read = await read_form(request, largest=LARGEST_TEXT, most_fields=MOST_FIELDS)
        return Upload(read.fields)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise TooLarge("This form is too large.", "too-long")

    async def whole() -> AsyncGenerator[bytes, None]:
        yield bytes(body)

    parser = MultiPartParser(
        request.headers, whole(), max_files=_MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LARGEST_TEXT
    )
    try:
        read_in = await parser.parse()
    except (MultiPartException, UnicodeDecodeError) as error:
        raise Invalid("This form cannot be read.", "structure") from error
    fields: list[tuple[str, str]] = []
    files: dict[str, File] = {}
    for name, value in read_in.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            if value.filename or content:
                files[name] = File(_plain(value.filename or ""), value.content_type or "", content)
            await value.close()
        else:
            fields.append((name, value))
    if any("\x00" in name or "\x00" in value for name, value in fields):
        raise Invalid("This form cannot be read.", "structure")
    return Upload(fields, files)


def _plain(name: str) -> str:
    """The name without folders and without what cannot be shown."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[:200]

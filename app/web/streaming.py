"""A form with one large file, read as it comes in: the fields first, then the file piece by piece, none of it kept.
https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import Invalid, TooLarge, UnsupportedMediaType
from app.web.forms import Form

_TYPE: Final = "multipart/form-data"
_LONGEST_FIELD: Final = 4096
_MOST_FIELDS: Final = 20
_LONGEST_HEADER: Final = 4096
_PIECE: Final = 1_048_576


class Streamed:
    """The form of one request. ``fields`` are those before the file, once ``begin`` has returned."""

    def __init__(self, request: Request, *, largest: int) -> None:
        name, options = parse_options_header(request.headers.get("content-type", ""))
        if name != _TYPE.encode() or b"boundary" not in options:
            raise UnsupportedMediaType(f"A form with a file is sent as {_TYPE}.")
        self._stream = request.stream()
        self._largest = largest
        self._size = 0
        self._fields: list[tuple[str, str]] = []
        self._header: list[bytes] = [b"", b""]
        self._name = ""
        self._is_file = False
        self._text = bytearray()
        self._file = bytearray()
        self._began = self._ended = False
        callbacks: Any = {
            "on_part_begin": self._begin_part,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        self._parser = MultipartParser(options[b"boundary"], callbacks)

    async def begin(self) -> Form:
        """The fields before the file. Raises ``Invalid`` or ``TooLarge``."""
        while not self._began and await self._more():
            pass
        return Form(self._fields)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file. Raises ``Invalid`` or ``TooLarge``."""
        while await self._more():
            if len(self._file) >= _PIECE:
                yield bytes(self._file)
                self._file.clear()
        if not self._ended:
            raise _unreadable()
        if self._file:
            yield bytes(self._file)
            self._file.clear()

    async def _more(self) -> bool:
        """Take what comes in next; whether there was anything."""
        chunk = await anext(self._stream, b"")
        self._size += len(chunk)
        if self._size > self._largest:
            raise TooLarge("This file is too large.", "too-long")
        if chunk:
            try:
                self._parser.write(chunk)
            except MultipartParseError as error:
                raise _unreadable() from error
        return bool(chunk)

    def _begin_part(self) -> None:
        if self._is_file or len(self._fields) >= _MOST_FIELDS:
            raise _unreadable()  # the file comes last
        self._name = ""
        self._text.clear()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._add(0, data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._add(1, data[start:end])

    def _add(self, place: int, data: bytes) -> None:
        self._header[place] += data
        if len(self._header[place]) > _LONGEST_HEADER:
            raise _unreadable()

    def _header_end(self) -> None:
        name, value = self._header
        self._header = [b"", b""]
        if name.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            self._is_file = b"filename" in options
            self._began = self._began or self._is_file

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._file += data[start:end]
            return
        self._text += data[start:end]
        if len(self._text) > _LONGEST_FIELD:
            raise _unreadable()

    def _end_part(self) -> None:
        if not self._is_file:
            self._fields.append((self._name, self._text.decode("utf-8", "replace")))

    def _end(self) -> None:
        self._ended = True


def _unreadable() -> Invalid:
    return Invalid("This form cannot be read.", "structure")

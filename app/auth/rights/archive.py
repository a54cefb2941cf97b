"""A zip archive that is written from front to end and given off in pieces, with the SHA-256 of every file in it.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Any, Final, cast

PIECE: Final = 1024 * 1024
"""About how many bytes are given off at a time."""
MANIFEST: Final = "manifest.json"


class _Buffer:
    """What zipfile writes to; it cannot be gone back in."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def write(self, content: bytes) -> int:
        self.bytes += content
        return len(content)

    def flush(self) -> None:
        """Nothing waits elsewhere."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the archive."""

    name: str
    size: int
    digest: str


class Archive:
    """Files are added one after the other; ``taken`` gives what is ready. ``moment``: year to second, of all files."""

    def __init__(self, moment: tuple[int, int, int, int, int, int]) -> None:
        self._moment = moment
        self._buffer = _Buffer()
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._buffer), "w", zipfile.ZIP_DEFLATED)
        self._digest = sha256()
        self.files: list[File] = []
        self.size = 0

    @property
    def digest(self) -> bytes:
        """SHA-256 of all that was taken."""
        return self._digest.digest()

    @contextmanager
    def file(self, name: str) -> Iterator[_Growing]:
        """A file to be written in parts, before the next one."""
        with self._zip.open(self._info(name), "w", force_zip64=True) as stream:
            growing = _Growing(stream)
            yield growing
        self.files.append(File(name, growing.size, growing.digest.hexdigest()))

    def add(self, name: str, content: bytes) -> None:
        """A whole file."""
        self._zip.writestr(self._info(name), content)
        self.files.append(File(name, len(content), sha256(content).hexdigest()))

    def add_json(self, name: str, content: Any) -> None:
        """A whole file of readable JSON."""
        self.add(name, json.dumps(content, ensure_ascii=False, indent=2).encode())

    def finish(self, about: dict[str, Any]) -> None:
        """Write the manifest, ``about`` with every file before it, and the archive's own directory."""
        listed = [{"name": each.name, "size": each.size, "sha256": each.digest} for each in self.files]
        self.add_json(MANIFEST, {**about, "files": listed})
        self._zip.close()

    def taken(self, *, least: int = PIECE) -> bytes:
        """What was written since, when that is at least so much; else nothing yet."""
        if len(self._buffer.bytes) < least:
            return b""
        piece = bytes(self._buffer.bytes)
        self._buffer.bytes.clear()
        self._digest.update(piece)
        self.size += len(piece)
        return piece

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._moment)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return info


class _Growing:
    """A file that is being written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = sha256()
        self.size = 0

    def write(self, content: bytes) -> None:
        """Add to it."""
        self._stream.write(content)
        self.digest.update(content)
        self.size += len(content)

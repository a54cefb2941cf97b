"""The files of a package as it is: a folder, or a tarball as npm makes it. Nothing is unpacked to the disk.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from app.errors import Invalid, TooLarge

MEGABYTE: Final = 1024 * 1024
LARGEST_FILE: Final = 50 * MEGABYTE
LARGEST_PACKAGE: Final = 1024 * MEGABYTE
"""Bytes, unpacked."""
MOST_FILES: Final = 100_000
TARBALLS: Final = (".tgz", ".tar.gz")
_EXAMPLES: Final = frozenset({"example", "examples"})
_OF_THE_MAKER: Final = frozenset({"node_modules"})


@dataclass(frozen=True, slots=True)
class File:
    """One file: ``name`` is its place in the package, with slashes. ``read`` is called before the next file is asked
    for.
    """

    name: str
    read: Callable[[], bytes]

    @property
    def is_example(self) -> bool:
        """Whether it lies in a folder of examples."""
        return any(part.lower() in _EXAMPLES for part in PurePosixPath(self.name).parent.parts)


def files(path: Path) -> Iterator[File]:
    """The JSON and XML files below ``path``, hidden ones and those of the maker's tools left out.

    Raises ``Invalid`` for what is no package, for names and links that lead outside it, and ``TooLarge`` beyond a
    limit.
    """
    if not path.exists():
        raise Invalid(f"There is no {path.name}.", "not-found")
    if path.is_dir():
        found = _of_folder(path.resolve())
    elif path.name.lower().endswith(TARBALLS):
        found = _of_tarball(path)
    else:
        raise Invalid(f"{path.name} is no package: name a folder, or a file that ends on .tgz or .tar.gz.", "value")
    for count, each in enumerate(found, 1):
        if count > MOST_FILES:
            raise TooLarge(f"{path.name} has more than {MOST_FILES} files.")
        if _is_of_interest(PurePosixPath(each.name)):
            yield each


def _is_of_interest(name: PurePosixPath) -> bool:
    return name.suffix.lower() in {".json", ".xml"} and not any(
        part.startswith(".") or part in _OF_THE_MAKER for part in name.parts
    )


def _of_folder(root: Path) -> Iterator[File]:
    left = LARGEST_PACKAGE
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in (*folders, *names):
            path = Path(folder, name)
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise Invalid(
                    f"{path.relative_to(root).as_posix()} is a link that leads out of the folder.", "security"
                )
        for name in sorted(names):
            path = Path(folder, name)
            if not path.is_file():
                continue
            size = path.stat().st_size
            left -= size
            _check_size(path.relative_to(root).as_posix(), size, left)
            yield File(path.relative_to(root).as_posix(), path.read_bytes)


def _of_tarball(path: Path) -> Iterator[File]:
    with _understood(path.name), gzip.open(path) as unpacked:
        source = cast("IO[bytes]", _Bounded(unpacked))
        with tarfile.open(fileobj=source, mode="r|") as archive:
            for member in archive:
                if not member.isdir():
                    _check_member(member)
                    yield File(str(PurePosixPath(member.name)), partial(_content, archive, member, path.name))


@contextmanager
def _understood(name: str) -> Iterator[None]:
    """Raises ``Invalid`` where a tarball cannot be read on."""
    try:
        yield
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise Invalid(f"{name} is no tarball that can be read, or only a part of one.", "structure") from error


def _check_member(member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name:
        raise Invalid("It has a file whose name leads out of the package.", "security")
    if not member.isfile():
        raise Invalid(f"{name} is a link or a device; a package has files only.", "security")
    _check_size(str(name), member.size, LARGEST_PACKAGE)


def _check_size(name: str, size: int, left: int) -> None:
    if size > LARGEST_FILE:
        raise TooLarge(f"{name} is larger than {LARGEST_FILE // MEGABYTE} MB.")
    if left < 0:
        raise TooLarge(_TOO_MUCH)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> bytes:
    with _understood(name):
        file = archive.extractfile(member)
        assert file is not None
        return file.read()


_TOO_MUCH: Final = f"The package is larger than {LARGEST_PACKAGE // MEGABYTE} MB unpacked."


class _Bounded(io.RawIOBase):
    """What comes out of a compressed file, until it is too much."""

    def __init__(self, source: gzip.GzipFile) -> None:
        super().__init__()
        self._source = source
        self._left = LARGEST_PACKAGE

    def read(self, size: int = -1) -> bytes:
        found = self._source.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise TooLarge(_TOO_MUCH)
        return found

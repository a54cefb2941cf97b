"""A package as others install it: an npm tarball, the same bytes for the same files.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from app.cli.authoring.folder import EXAMPLES, MANIFEST, Content
from app.fhir.resource import Resource, encode

_ROOT: Final = "package"
_INDEX: Final = ".index.json"
_INDEXED: Final = ("resourceType", "id", "url", "version", "kind", "type")


def tarball_name(content: Content) -> str:
    """As npm calls it."""
    return f"{content.manifest['name']}-{content.manifest['version']}.tgz"


def packed(content: Content, canonical_base: str) -> bytes:
    """The tarball. ``canonical_base`` takes the place of the one that the manifest says."""
    written, wanted = (encode(each)[1:-1] for each in (content.manifest["canonical"], canonical_base))
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", mtime=0, filename="") as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in _files(content):
            member = tarfile.TarInfo(f"{_ROOT}/{name}")
            placed = data.replace(written, wanted)
            member.size = len(placed)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(placed))
    return stream.getvalue()


def _files(content: Content) -> Iterator[tuple[str, bytes]]:
    """Definitions beside each other, examples in their folder, each with the list of what is there."""
    yield MANIFEST, (content.folder / MANIFEST).read_bytes()
    for folder, resources in (("", content.resources), (f"{EXAMPLES}/", content.examples)):
        named = {_name(path, each): (path, each) for path, each in resources.items()}
        yield folder + _INDEX, _index({name: each for name, (_, each) in named.items()})
        for name, (path, _) in sorted(named.items()):
            yield folder + name, path.read_bytes()


def _name(path: Path, resource: Resource) -> str:
    """The file's name begins with the type, also where that shows from its folder alone."""
    kind = resource["resourceType"]
    return path.name if path.name.startswith(f"{kind}-") else f"{kind}-{path.name}"


def _index(resources: dict[str, Resource]) -> bytes:
    files: list[dict[str, Any]] = [
        {"filename": name, **{each: resource[each] for each in _INDEXED if isinstance(resource.get(each), str)}}
        for name, resource in sorted(resources.items())
    ]
    return encode({"index-version": 1, "files": files}) + b"\n"

"""The bytes of a resource with room for what only the write knows: version and time. Made before the lock is taken.

``meta`` comes right after the id and begins with ``versionId`` and ``lastUpdated``:
https://hl7.org/fhir/R4/resource.html#Meta
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from app.fhir.resource import Resource, encode

_SERVICE_OWNS: Final = ("versionId", "lastUpdated")
_FRAMED: Final = ("resourceType", "id", "meta")


class Frame(msgspec.Struct, frozen=True):
    """``head``, version, ``_TIME``, time, ``tail``: joined by ``stamp``."""

    head: bytes
    tail: bytes

    def stamp(self, version: int, updated: bytes) -> bytes:
        """The bytes as they are stored and served."""
        return b'%b%d","lastUpdated":"%b%b' % (self.head, version, updated, self.tail)


def frame(resource: Resource, resource_id: str) -> Frame:
    """The frame of a valid resource; its own ``meta.versionId`` and ``lastUpdated`` are left out."""
    head = _head(resource["resourceType"], resource_id)
    meta = resource.get("meta")
    rest = encode(_without(resource, _FRAMED))
    tail = b'"}' if rest == b"{}" else b'"},'
    if meta:
        kept = _without(meta, _SERVICE_OWNS)
        if kept:
            tail = b'",' + encode(kept)[1:] + tail[2:]
    return Frame(head, tail + rest[1:])


def renamed(made: Frame, resource_type: str, resource_id: str) -> Frame:
    """The same resource under another id."""
    return Frame(_head(resource_type, resource_id), made.tail)


def _without(value: Resource, names: Iterable[str]) -> Resource:
    kept = value.copy()
    for name in names:
        kept.pop(name, None)
    return kept


def _head(resource_type: str, resource_id: str) -> bytes:
    return f'{{"resourceType":"{resource_type}","id":"{resource_id}","meta":{{"versionId":"'.encode()

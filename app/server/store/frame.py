"""The bytes of a resource with room for what only the write knows: version and time. Made before the lock is taken.

``meta`` comes right after the id and begins with ``versionId`` and ``lastUpdated``:
https://hl7.org/fhir/R4/resource.html#Meta
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.fhir.resource import Resource, encode

_SERVICE_OWNS: Final = frozenset({"versionId", "lastUpdated"})
_FRAMED: Final = frozenset({"resourceType", "id", "meta"})


@dataclass(frozen=True, slots=True)
class Frame:
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
    rest = encode({name: value for name, value in resource.items() if name not in _FRAMED})
    tail = b'"}' if rest == b"{}" else b'"},'
    if meta:
        kept = {name: value for name, value in meta.items() if name not in _SERVICE_OWNS}
        if kept:
            tail = b'",' + encode(kept)[1:] + tail[2:]
    return Frame(head, tail + rest[1:])


def renamed(made: Frame, resource_type: str, resource_id: str) -> Frame:
    """The same resource under another id."""
    return Frame(_head(resource_type, resource_id), made.tail)


def _head(resource_type: str, resource_id: str) -> bytes:
    return f'{{"resourceType":"{resource_type}","id":"{resource_id}","meta":{{"versionId":"'.encode()

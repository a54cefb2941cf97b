"""Bundles, made by joining the stored bytes. https://hl7.org/fhir/R4/bundle.html"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from app.fhir.resource import encode


def links_json(links: Sequence[tuple[str, str]]) -> bytes:
    """``Bundle.link`` for (relation, url) pairs."""
    return encode([{"relation": relation, "url": url} for relation, url in links])


@lru_cache(maxsize=1024)
def _entry(base: str, resource_type: str) -> bytes:
    return b'{"fullUrl":"%b%b/%%b","resource":%%b,"search":{"mode":"match"}}' % (
        base.replace("%", "%%").encode(),
        resource_type.encode(),
    )


def match_entry(base: str, resource_type: str, resource_id: str, body: bytes) -> bytes:
    """A searchset entry for what matched."""
    return _entry(base, resource_type) % (resource_id.encode(), body)


def searchset(links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """A searchset of entries that are ready."""
    return bundle_of("searchset", links, entries)


def bundle_of(kind: str, links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """A Bundle of another type, of entries that are ready."""
    linked = b',"link":' + links_json(links) if links else b""
    head = b'{"resourceType":"Bundle","type":"%b"%b' % (kind.encode(), linked)
    return b"".join((head, b',"entry":[', b",".join(entries), b"]}")) if entries else head + b"}"

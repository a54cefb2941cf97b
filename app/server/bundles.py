"""Bundles, made by joining the stored bytes. https://hl7.org/fhir/R4/bundle.html"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.fhir.resource import encode


def links_json(links: Iterable[tuple[str, str]]) -> bytes:
    """``Bundle.link`` for (relation, url) pairs."""
    return encode([{"relation": relation, "url": url} for relation, url in links])


def searchset(links: Iterable[tuple[str, str]], entries: Sequence[tuple[str, bytes, bytes]]) -> bytes:
    """A searchset of (fullUrl, resource, search mode)."""
    parts = [b'{"resourceType":"Bundle","type":"searchset","link":', links_json(links)]
    if entries:
        parts.append(b',"entry":[')
        for full_url, body, mode in entries:
            parts += (b'{"fullUrl":"', full_url.encode(), b'","resource":', body, b',"search":{"mode":"', mode, b'"}},')
        parts[-1] = b'"}}]'
    parts.append(b"}")
    return b"".join(parts)


def bundle_of(kind: str, links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """A Bundle of another type, of entries that are ready."""
    listed = b',"entry":[' + b",".join(entries) + b"]" if entries else b""
    linked = b',"link":' + links_json(links) if links else b""
    return b'{"resourceType":"Bundle","type":"%b"%b%b}' % (kind.encode(), linked, listed)

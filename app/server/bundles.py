"""Bundles, made by joining the stored bytes. https://hl7.org/fhir/R4/bundle.html"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.fhir.resource import encode


def links_json(links: Sequence[tuple[str, str]]) -> bytes:
    """``Bundle.link`` for (relation, url) pairs."""
    return encode([{"relation": relation, "url": url} for relation, url in links])


def matches(base: str, resource_type: str, rows: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """Searchset entries of (id, resource) below one address."""
    entry = b'{"fullUrl":"%b%b/%%b","resource":%%b,"search":{"mode":"match"}}' % (
        base.replace("%", "%%").encode(),
        resource_type.encode(),
    )
    return [entry % (resource_id.encode(), body) for resource_id, body in rows]


def searchset(links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """A searchset of entries that are ready."""
    return bundle_of("searchset", links, entries)


def bundle_of(kind: str, links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """A Bundle of another type, of entries that are ready."""
    listed = b',"entry":[' + b",".join(entries) + b"]" if entries else b""
    linked = b',"link":' + links_json(links) if links else b""
    return b'{"resourceType":"Bundle","type":"%b"%b%b}' % (kind.encode(), linked, listed)

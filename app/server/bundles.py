"""Bundles, made by joining the stored bytes. https://hl7.org/fhir/R4/bundle.html"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from app.fhir.resource import encode


def links_json(links: Sequence[tuple[str, str]]) -> bytes:
    """``Bundle.link`` for (relation, url) pairs."""
    return encode([{"relation": relation, "url": url} for relation, url in links])


@lru_cache(maxsize=1024)
def match_frame(base: str, resource_type: str, mode: str = "match") -> bytes:
    """A searchset entry with places for the id and the body, to be filled in by ``%``."""
    return b'{"fullUrl":"%b%b/%%b","resource":%%b,"search":{"mode":"%b"}}' % (
        base.replace("%", "%%").encode(),
        resource_type.encode(),
        mode.encode(),
    )


def match_entry(base: str, resource_type: str, resource_id: str, body: bytes, mode: str = "match") -> bytes:
    """A searchset entry for what matched, or, by ``mode``, for what comes with it."""
    return match_frame(base, resource_type, mode) % (resource_id.encode(), body)


def match_entries(base: str, resource_type: str, rows: Iterable[Sequence[Any]]) -> list[bytes]:
    """The entries of matches of one type; each row begins with id and body."""
    entry = match_frame(base, resource_type)
    return [entry % (row[0].encode(), row[1]) for row in rows]


def outcome_entry(outcome: bytes) -> bytes:
    """A searchset entry that says something about the search. https://hl7.org/fhir/R4/valueset-search-entry-mode.html"""
    return b'{"resource":%b,"search":{"mode":"outcome"}}' % outcome


def searchset(links: Sequence[tuple[str, str]], entries: Sequence[bytes], total: int | None = None) -> bytes:
    """A searchset of entries that are ready."""
    return bundle_of("searchset", links, entries, total)


def bundle_of(kind: str, links: Sequence[tuple[str, str]], entries: Sequence[bytes], total: int | None = None) -> bytes:
    """A Bundle of another type, of entries that are ready."""
    linked = b',"link":' + links_json(links) if links else b""
    counted = b"" if total is None else b',"total":%d' % total
    head = b'{"resourceType":"Bundle","type":"%b"%b%b' % (kind.encode(), counted, linked)
    return b"".join((head, b',"entry":[', b",".join(entries), b"]}")) if entries else head + b"}"

"""Bundles, made by joining the stored bytes. https://hl7.org/fhir/R4/bundle.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from app.fhir.resource import encode

Entry = tuple[bytes, ...]
"""An entry in pieces, which are joined with the whole Bundle: joined twice, each body is copied twice, and that cost
more than all else in a page.
"""
_RESOURCE: Final = b'","resource":'
_MODES: Final = {mode: b',"search":{"mode":"%b"}}' % mode.encode() for mode in ("match", "include", "outcome")}
_MATCH: Final = _MODES["match"]


def links_json(links: Sequence[tuple[str, str]]) -> bytes:
    """``Bundle.link`` for (relation, url) pairs."""
    return encode([{"relation": relation, "url": url} for relation, url in links])


@lru_cache(maxsize=1024)
def _head(base: str, resource_type: str) -> bytes:
    """How the entries of a type begin, up to the id."""
    return f'{{"fullUrl":"{base}{resource_type}/'.encode()


def match_entry(base: str, resource_type: str, resource_id: str, body: bytes, mode: str = "match") -> Entry:
    """A searchset entry for what matched, or, by ``mode``, for what comes with it."""
    return _head(base, resource_type), resource_id.encode(), _RESOURCE, body, _MODES[mode]


def match_entries(base: str, resource_type: str, rows: Iterable[Sequence[Any]]) -> list[Entry]:
    """The entries of matches of one type; each row begins with id and body."""
    head = _head(base, resource_type)
    return [(head, row[0].encode(), _RESOURCE, row[1], _MATCH) for row in rows]


def mixed_entries(base: str, names: Mapping[int, str], rows: Sequence[Sequence[Any]]) -> list[Entry]:
    """The same for several types; each row begins with id, body and the number of its type."""
    heads = {number: _head(base, names[number]) for number in {row[2] for row in rows}}
    return [(heads[row[2]], row[0].encode(), _RESOURCE, row[1], _MATCH) for row in rows]


def outcome_entry(outcome: bytes) -> Entry:
    """A searchset entry that says something about the search. https://hl7.org/fhir/R4/valueset-search-entry-mode.html"""
    return b'{"resource":', outcome, _MODES["outcome"]


def searchset(links: Sequence[tuple[str, str]], entries: Sequence[Entry], total: int | None = None) -> bytes:
    """A searchset of entries that are ready."""
    pieces = [_opening("searchset", links, total)]
    if not entries:
        return pieces[0] + b"}"
    pieces.append(b',"entry":[')
    for entry in entries:
        pieces += entry
        pieces.append(b",")
    pieces[-1] = b"]}"
    return b"".join(pieces)


def bundle_of(kind: str, links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """A Bundle of another type, of entries that are ready."""
    opening = _opening(kind, links, None)
    return b"".join((opening, b',"entry":[', b",".join(entries), b"]}")) if entries else opening + b"}"


def _opening(kind: str, links: Sequence[tuple[str, str]], total: int | None) -> bytes:
    linked = b',"link":' + links_json(links) if links else b""
    counted = b"" if total is None else b',"total":%d' % total
    return b'{"resourceType":"Bundle","type":"%b"%b%b' % (kind.encode(), counted, linked)

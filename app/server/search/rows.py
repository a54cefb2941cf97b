"""The index rows of one resource, and how they are kept beside it, so that an update touches only those that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from app.server.search.terms import Term, Words

_pack = msgspec.msgpack.Encoder().encode
NO_KEYS: Final = _pack([[], [], [], [], [], [], []])


@dataclass(slots=True)
class Rows:
    """The index rows of one resource without patient, type and ``n``; each begins with its parameter's number.

    ``date`` goes into every token row. ``tokens``: hash. ``periods``: low, high in µs. ``texts``: head, order, folded,
    exact. ``links``: type number and id of the target. ``lookups``: hash. ``ranges``: unit, low, high. ``pairs``: hash,
    kind, unit, low, high. ``words`` are not rows: all of them together become one token.
    """

    date: int
    present: int
    tokens: list[tuple[int, int]] = field(default_factory=list)
    periods: list[tuple[int, int, int]] = field(default_factory=list)
    texts: list[tuple[int, str, int, str, str]] = field(default_factory=list)
    links: list[tuple[int, int, str]] = field(default_factory=list)
    lookups: list[tuple[int, int]] = field(default_factory=list)
    ranges: list[tuple[int, int, float, float]] = field(default_factory=list)
    pairs: list[tuple[int, int, int, int, float, float]] = field(default_factory=list)
    terms: set[Term] = field(default_factory=set)
    words: list[Words] = field(default_factory=list)

    def by_table(self) -> Iterator[tuple[str, Sequence[tuple[Any, ...]]]]:
        """Each index table that there are rows for, and these."""
        if self.tokens:
            yield "token", self.tokens
        if self.periods:
            yield "period", self.periods
        if self.texts:
            yield "text", self.texts
        if self.links:
            yield "link", self.links
        if self.lookups:
            yield "lookup", self.lookups
        if self.ranges:
            yield "range", self.ranges
        if self.pairs:
            yield "pair", self.pairs

    def copy(self) -> Rows:
        """The same, to be added to."""
        return Rows(
            self.date,
            self.present,
            self.tokens.copy(),
            self.periods.copy(),
            self.texts.copy(),
            self.links.copy(),
            self.lookups.copy(),
            self.ranges.copy(),
            self.pairs.copy(),
            self.terms.copy(),
            self.words.copy(),
        )

    def packed(self) -> bytes:
        """For ``resource.keys``."""
        return _pack([self.tokens, self.periods, self.texts, self.links, self.lookups, self.ranges, self.pairs])


class _Keys(msgspec.Struct, array_like=True):
    tokens: list[tuple[int, int]]
    periods: list[tuple[int, int, int]]
    texts: list[tuple[int, str, int, str, str]]
    links: list[tuple[int, int, str]]
    lookups: list[tuple[int, int]]
    ranges: list[tuple[int, int, float, float]]
    pairs: list[tuple[int, int, int, int, float, float]]


_unpack = msgspec.msgpack.Decoder(_Keys).decode


def unpack(keys: bytes, date: int) -> Rows:
    """The rows that ``resource.keys`` and ``resource.date`` stand for."""
    read = _unpack(keys)
    return Rows(
        date, 0, read.tokens, read.periods, read.texts, read.links, read.lookups, read.ranges, read.pairs, set()
    )

"""The index rows of a resource: what it can be found by. Written with it, and compared with the rows it had before.

A parameter is skipped with one look at the resource's members when none of its elements is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.fhir.dates import NO_DATE
from app.fhir.resource import Resource, parse_reference
from app.server.search import dates, strings, tokens
from app.server.search.registry import EVERY, WIDE, WIDTH, Param, Registry
from app.server.search.tokens import Term

_pack = msgspec.msgpack.Encoder().encode
NO_KEYS: Final = _pack([[], [], [], [], []])


@dataclass(slots=True)
class Rows:
    """The index rows of one resource without patient, type and ``n``; ``date`` goes into every token row."""

    date: int
    present: int
    tokens: list[tuple[int, int]]
    periods: list[tuple[int, int, int]]
    texts: list[tuple[int, str, int, str, str]]
    links: list[tuple[int, int, str]]
    lookups: list[tuple[int, int]]
    terms: set[Term]

    def packed(self) -> bytes:
        """For ``resource.keys``."""
        return _pack([self.tokens, self.periods, self.texts, self.links, self.lookups])


class _Keys(msgspec.Struct, array_like=True):
    tokens: list[tuple[int, int]]
    periods: list[tuple[int, int, int]]
    texts: list[tuple[int, str, int, str, str]]
    links: list[tuple[int, int, str]]
    lookups: list[tuple[int, int]]


_unpack = msgspec.msgpack.Decoder(_Keys).decode


def unpack(keys: bytes, date: int) -> Rows:
    """The rows that ``resource.keys`` and ``resource.date`` stand for."""
    read = _unpack(keys)
    return Rows(date, 0, read.tokens, read.periods, read.texts, read.links, read.lookups, set())


Fill = Callable[[Rows, list[tuple[str, Any]]], None]


class Indexer:
    """Makes the rows of one resource type. ``base`` is this server's address: references to it count as relative."""

    def __init__(self, registry: Registry, resource_type: str, *, base: str) -> None:
        self._base = base
        self._numbers = registry.definitions.type_numbers
        sort = registry.sort_date(resource_type)
        self._sort = sort.number if sort is not None else -1
        fills = {
            "token": self._fill_token,
            "date": self._fill_date,
            "string": self._fill_text,
            "reference": self._fill_link,
        }
        self._steps: list[tuple[frozenset[str], Callable[[Resource], list[tuple[str, Any]]], Fill, int]] = [
            (frozenset(param.walker.elements), param.walker.walk, fills[param.kind](param), registry.present_bit(param))
            for param in registry.params(resource_type).values()
            if not param.owner
        ]
        self._owner_bits = sum(
            registry.present_bit(param) for param in registry.params(resource_type).values() if param.owner
        )

    def rows(self, resource: Resource, *, owned: bool) -> Rows:
        """All index rows of ``resource``, which is valid; ``owned``: it names its partition's patient as subject."""
        rows = Rows(NO_DATE, self._owner_bits if owned else 0, [(EVERY, EVERY)], [], [], [], [], set())
        members = resource.keys()
        for elements, walk, fill, bit in self._steps:
            if not elements or not elements.isdisjoint(members):
                found = walk(resource)
                if found:
                    rows.present |= bit
                    fill(rows, found)
        return rows

    def _fill_token(self, param: Param) -> Fill:
        number, identifying = param.number, param.identifying

        def fill(rows: Rows, found: list[tuple[str, Any]]) -> None:
            made = tokens.terms(found)
            if len(made) > 1:
                made = list(dict.fromkeys(made))
            rows.tokens += [(number, each[0]) for each in made]
            rows.terms.update(made)
            if identifying:
                rows.lookups += [(number, each[0]) for each in made]

        return fill

    def _fill_date(self, param: Param) -> Fill:
        number, is_sort = param.number, param.number == self._sort

        def fill(rows: Rows, found: list[tuple[str, Any]]) -> None:
            for low, high in dict.fromkeys(dates.intervals(found)):
                rows.periods.append((number, low, high))
                if high - low > WIDTH:
                    rows.periods.append((number + WIDE, low, high))
                if is_sort and (rows.date == NO_DATE or low < rows.date):
                    rows.date = low

        return fill

    def _fill_text(self, param: Param) -> Fill:
        number = param.number

        def fill(rows: Rows, found: list[tuple[str, Any]]) -> None:
            for order, exact in enumerate(dict.fromkeys(strings.strings(found))):
                folded = strings.fold(exact)
                rows.texts.append((number, folded[: strings.HEAD], order, folded, exact))

        return fill

    def _fill_link(self, param: Param) -> Fill:
        number, base, numbers = param.number, self._base, self._numbers

        def fill(rows: Rows, found: list[tuple[str, Any]]) -> None:
            made: dict[tuple[int, int, str], None] = {}
            for kind, value in found:
                text = value.get("reference") if kind == "Reference" else value
                if not isinstance(text, str) or text.startswith("#"):
                    continue
                literal = parse_reference(text)
                if literal is not None and literal.base in ("", base) and literal.type in numbers:
                    made[number, numbers[literal.type], literal.id] = None
                else:
                    made[number, 0, text] = None
            rows.links += made

        return fill

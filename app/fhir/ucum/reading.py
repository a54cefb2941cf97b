"""The grammar of UCUM: https://ucum.org/ucum#section-Full-and-Limited-Conformance

Terms of ``.`` and ``/``, read from left to right, of units with prefixes and exponents, numbers, parentheses and
annotations. As in HL7's and Nictiz's own examples, annotations may hold spaces, and stand behind numbers and
parentheses.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from app.fhir.ucum.atoms import METRIC, NOT_METRIC, PREFIXES
from app.fhir.ucum.units import BASE, ONE, NotUcumError, Unit, scaled, times

LONGEST: Final = 256
"""Characters of a code."""
REMEMBERED: Final = 4096
"""Codes that are kept, because the same few come again and again."""

_TOKEN: Final = re.compile(
    r"(?P<sign>[()./])"
    r"|(?P<annotation>\{[ -z|~]*\})"
    r"|(?P<unit>10[*^]|(?:[A-Za-z%'_]|\[[!-Z\\^-z|~]+\])+)(?P<exponent>[+-]?[0-9]{1,2}(?![0-9]))?"
    r"|(?P<number>[0-9]{1,9}(?![0-9]))"
).match

Row = tuple[str, bool]
"""A definition, and whether the unit takes prefixes."""


@functools.lru_cache(maxsize=REMEMBERED)
def parse(code: str) -> Unit | None:
    """The unit that a case sensitive code stands for; None when it is not UCUM."""
    if not 0 < len(code) <= LONGEST:
        return None
    try:
        return _term(code)
    except NotUcumError:
        return None


def _term(code: str) -> Unit:
    """The unit of a whole code. Parentheses are kept on a stack, so that depth costs no recursion."""
    total, power = ONE, 1
    outer: list[tuple[Unit, int]] = []
    wants_unit, annotated = True, False
    for position, (kind, text, exponent) in enumerate(_tokens(code)):
        if kind == "annotation":
            if annotated:
                raise NotUcumError
            wants_unit, annotated = False, True
            continue
        if text == "(":
            _expect(wants_unit)
            outer.append((total, power))
            total, power = ONE, 1
        elif text == ")":
            _expect(bool(outer) and not wants_unit)
            before, sign = outer.pop()
            total, power = times(before, total, sign), 1
        elif text in (".", "/"):
            _expect(not wants_unit or (text == "/" and position == 0))
            power, wants_unit, annotated = 1 if text == "." else -1, True, False
        else:
            _expect(wants_unit)
            total = times(total, _number(text) if kind == "number" else _unit(text), power * exponent)
            wants_unit = False
    _expect(not outer and not wants_unit)
    return total


def _expect(fits: bool) -> None:  # noqa: FBT001 - reads as a sentence where it stands
    if not fits:
        raise NotUcumError


def _tokens(code: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and exponent of each token."""
    position = 0
    while position < len(code):
        found = _TOKEN(code, position)
        if found is None:
            raise NotUcumError
        kind = next(name for name in ("sign", "annotation", "unit", "number") if found[name] is not None)
        yield kind, found[kind], int(found["exponent"] or 1)
        position = found.end()


def _number(text: str) -> Unit:
    if not int(text):
        raise NotUcumError
    return scaled(ONE, Fraction(int(text)))


def _unit(text: str) -> Unit:
    """An atom, or a prefix and a metric atom."""
    rows = _rows()
    if text in rows:
        return _atom(text)
    prefixes = _prefixes()
    for length in (2, 1):
        atom = text[length:]
        if text[:length] in prefixes and atom in rows and rows[atom][1]:
            return scaled(_atom(atom), prefixes[text[:length]])
    raise NotUcumError


@functools.cache
def _atom(code: str) -> Unit:
    definition = _rows()[code][0]
    kind, _, rest = definition.partition(" ")
    if kind == "base":
        return Unit(tuple(int(name == code) for name in BASE))
    if kind == "arbitrary":
        return Unit(ONE.dimension, ((code, 1),))
    if kind == "function":
        return Unit(_term(rest).dimension, converts=False)
    if kind == "scale":
        number, unit, _, zero = rest.split(" ")
        degree = scaled(_term(unit), Fraction(number))
        return Unit(degree.dimension, factor=degree.factor, offset=degree.factor * Fraction(zero))
    return scaled(_term(rest), Fraction(kind))


@functools.cache
def _rows() -> Mapping[str, Row]:
    """The tables of units, by code."""
    found: dict[str, Row] = {}
    for table, metric in ((METRIC, True), (NOT_METRIC, False)):
        for line in table.split("\n"):
            if line:
                code, definition, _ = line.split(" | ")
                found[code] = (definition, metric)
    return found


@functools.cache
def _prefixes() -> Mapping[str, Fraction]:
    pairs = (each.split() for each in PREFIXES.split(";"))
    return {prefix: Fraction(value) for prefix, value in pairs}

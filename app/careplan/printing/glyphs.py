"""Which characters can be printed. https://learn.microsoft.com/en-us/typography/opentype/spec/cmap

PDF/UA has no place for a character that the fonts do not have. It is not dropped: its name or code is printed instead.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import groupby
from typing import Final

FONTS: Final = ("FiraGO_Regular", "FiraGO_Bold", "NotoSansSymbols2_Regular", "NotoSansSymbols_Regular")
"""Modules of pymupdf-fonts: Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Thai, Georgian, and signs."""
FAMILIES: Final = ("FiraGO", "Noto Sans Symbols2", "Noto Sans Symbols")
LONGEST: Final = 28
"""Characters in one piece that a line takes for certain; a longer word may be broken anywhere."""
_BREAK: Final = "\N{ZERO WIDTH SPACE}"
_JOINERS: Final = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_UNICODE: Final = {(0, 3), (0, 4), (0, 6), (3, 1), (3, 10)}
"""Platform and encoding of the tables that are in Unicode."""


@cache
def font(name: str) -> bytes:
    """The font file of one of ``FONTS``."""
    found: bytes = import_module(f"pymupdf_fonts.{name}").fontbuffer
    return found


@cache
def printable() -> frozenset[int]:
    """The code points that are in regular and bold type, or among the signs."""
    regular, bold, *signs = (frozenset(_covered(font(name))) for name in FONTS)
    return (regular & bold).union(*signs)


def as_printed(text: str) -> tuple[str, bool]:
    """The text with only what can be printed, and whether something stands for something else in it. Long words may
    break; ends of lines stay.
    """
    text = unicodedata.normalize("NFC", text)
    known, pieces, replaced = printable(), list[str](), False
    for kind, run in groupby(text, key=lambda each: _kind(each, known)):
        characters = "".join(run)
        if kind == "shown":
            pieces.append(characters)
        elif kind == "unknown":
            replaced = True
            pieces.append(f"[{_named(characters)}]")
        elif "\t" in characters:
            pieces.append(" ")
    return "\n".join(" ".join(map(_breakable, line.split(" "))) for line in "".join(pieces).split("\n")), replaced


def _kind(character: str, known: frozenset[int]) -> str:
    if character == "\n" or character in _JOINERS or (ord(character) in known and not _is_control(character)):
        return "shown"
    return "dropped" if _is_control(character) or _is_variant(character) else "unknown"


def _is_control(character: str) -> bool:
    """Control and format characters, which nobody sees; private ones mean nothing to a reader either, and are told."""
    return unicodedata.category(character) in ("Cc", "Cf")


def _is_variant(character: str) -> bool:
    return 0xFE00 <= ord(character) <= 0xFE0F


def _named(characters: str) -> str:
    """Signs by name, letters by code."""
    return ", ".join(
        (unicodedata.name(each, "").lower() if unicodedata.category(each)[0] == "S" else "") or f"U+{ord(each):04X}"
        for each in characters
    )


def _breakable(word: str) -> str:
    if len(word) <= LONGEST:
        return word
    return _BREAK.join(word[start : start + LONGEST] for start in range(0, len(word), LONGEST))


def _covered(data: bytes) -> Iterator[int]:
    """The code points of a font's Unicode tables of formats 4 and 12."""
    count = struct.unpack_from(">H", data, 4)[0]
    records = (struct.unpack_from(">4sLLL", data, 12 + 16 * place) for place in range(count))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    tables = struct.unpack_from(">H", data, start + 2)[0]
    for place in range(tables):
        platform, encoding, offset = struct.unpack_from(">HHL", data, start + 4 + 8 * place)
        if (platform, encoding) not in _UNICODE:
            continue
        kind = struct.unpack_from(">H", data, start + offset)[0]
        if kind == 4:
            yield from _segments(data, start + offset)
        elif kind == 12:
            yield from _groups(data, start + offset)


def _segments(data: bytes, at: int) -> Iterator[int]:
    number = struct.unpack_from(">H", data, at + 6)[0] // 2
    ends = struct.unpack_from(f">{number}H", data, at + 14)
    starts = struct.unpack_from(f">{number}H", data, at + 16 + 2 * number)
    deltas = struct.unpack_from(f">{number}H", data, at + 16 + 4 * number)
    offsets = struct.unpack_from(f">{number}H", data, at + 16 + 6 * number)
    for place, (low, high, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
        for code in range(low, min(high, 0xFFFE) + 1):
            glyph = code
            if offset:
                where = at + 16 + 6 * number + 2 * place + offset + 2 * (code - low)
                glyph = struct.unpack_from(">H", data, where)[0]
                if not glyph:
                    continue
            if (glyph + delta) & 0xFFFF:
                yield code


def _groups(data: bytes, at: int) -> Iterator[int]:
    number = struct.unpack_from(">L", data, at + 12)[0]
    for place in range(number):
        low, high, glyph = struct.unpack_from(">LLL", data, at + 16 + 12 * place)
        yield from range(low + (not glyph), high + 1)

"""Formats of the primitive types, https://hl7.org/fhir/R4/datatypes.html#primitive; STU3 is read by the same rules.

The regular expressions are R4's, with three changes: those that can take exponential time are rewritten, what looks
like a date must be one, and no control character is part of a code. Their whitespace is that of XML Schema: space, tab
and line ends.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from app.fhir.validation.problems import Check, Problem, Problems

LONGEST: Final = 1024 * 1024
"""Characters in a string."""
DIGITS: Final = 100
"""Digits of a decimal, and places that its first one stands from the point. FHIR asks for 18; beyond this no number
means anything, and reckoning with it takes more than a request is worth. https://hl7.org/fhir/R4/datatypes.html#decimal
"""

YEAR = r"(?!0000)[0-9]{4}"
TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
MONTH = r"(?:0[1-9]|1[0-2])"

PATTERNS: Final[Mapping[str, str]] = {
    "code": r"[^\s\x00-\x1f]+(?:\s[^\s\x00-\x1f]+)*",
    "date": rf"{YEAR}(?:-{MONTH}(?:-{_DAY})?)?",
    "dateTime": rf"{YEAR}(?:-{MONTH}(?:-{_DAY}(?:T{TIME}{ZONE})?)?)?",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "instant": rf"{YEAR}-{MONTH}-{_DAY}T{TIME}{ZONE}",
    "oid": r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+",
    "time": TIME,
    "uri": r"\S+",
    "uuid": r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
}
_SHAPES: Final[Mapping[str, str]] = {
    "base64Binary": "base64 in characters A-Z, a-z, 0-9, + and / with its padding",
    "boolean": "true or false",
    "canonical": "a URI without whitespace",
    "code": "text without control characters, and without whitespace at the ends or doubled inside",
    "date": "an existing date as YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "an existing date as YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz",
    "decimal": "a JSON number",
    "id": "1 to 64 characters of A-Z, a-z, 0-9, - and .",
    "instant": "an existing moment as YYYY-MM-DDThh:mm:ss.sss+zz:zz",
    "integer": "a whole JSON number from -2147483648 to 2147483647",
    "markdown": "text that is not only whitespace, without control characters",
    "oid": "urn:oid: and an OID",
    "positiveInt": "a whole JSON number from 1 to 2147483647",
    "string": "text that is not only whitespace, without control characters",
    "time": "a time as hh:mm:ss",
    "unsignedInt": "a whole JSON number from 0 to 2147483647",
    "uri": "a URI without whitespace",
    "url": "a URI without whitespace",
    "uuid": "urn:uuid: and a UUID in lower case",
}
_BEYOND: Final = 10**DIGITS
_LEAST: Final = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]").search


def misfit(kind: str, value: Any) -> Problems:
    """What is wrong with a value that is not one of the primitive type ``kind``; never says what it is."""
    if value is None:
        return [
            Problem(
                "structure",
                "A null stands only in an array, for an item that has extensions alone: leave the element out instead.",
                kind="no-null",
            )
        ]
    if isinstance(value, dict | list):
        name = "an array" if isinstance(value, list) else "an object"
        text = f"The JSON has {name} where one {kind} is expected: write the value itself."
        return [Problem("structure", text, kind="not-a-primitive", facts=(("type", kind),))]
    if isinstance(value, str) and len(value) > LONGEST:
        return [
            Problem(
                "too-long", f"The {kind} is longer than {LONGEST} characters: shorten it, or send it as an Attachment."
            )
        ]
    if kind == "decimal" and type(value) in (int, Decimal):
        text = f"The decimal has more than {DIGITS} digits, or stands further than that from the point: round it."
        return [Problem("too-long", text)]
    text = f"This is not a valid {kind}: it must be {_SHAPES[kind]}."
    return [Problem("value", text, kind="primitive", facts=(("type", kind),))]


def primitive(kind: str) -> Check:
    """The check of a primitive type other than xhtml. Raises KeyError for an unknown type."""
    if kind in ("string", "markdown"):
        return _text(kind)
    if kind in _LEAST:
        return _whole(kind)
    if kind in ("date", "dateTime", "instant"):
        return _calendar(kind)
    if kind in ("uri", "url", "canonical"):
        return _uri(kind)
    if kind in PATTERNS:
        return _pattern(kind)
    accepts = {"boolean": _is_boolean, "decimal": _is_decimal, "base64Binary": _is_base64}[kind]
    return _accepted(kind, accepts)


def coded(codes: frozenset[str], text: str) -> Check:
    """The check of a code with a required binding; ``text`` says what is allowed."""
    is_code = re.compile(PATTERNS["code"], re.ASCII).fullmatch

    def check(value: Any) -> Problems | None:
        if type(value) is not str or not is_code(value):
            return misfit("code", value)
        return None if value in codes else [Problem("code-invalid", text)]

    return check


def _text(kind: str) -> Check:
    def check(value: Any) -> Problems | None:
        # isprintable and isspace are far cheaper than a search for control characters, and mostly decide.
        if type(value) is not str or not 0 < len(value) <= LONGEST or value.isspace():
            return misfit(kind, value)
        return None if value.isprintable() or not _CONTROL(value) else misfit(kind, value)

    return check


def _uri(kind: str) -> Check:
    is_uri = re.compile(PATTERNS["uri"], re.ASCII).fullmatch

    def check(value: Any) -> Problems | None:
        if type(value) is str and is_uri(value) and (value.isprintable() or not _CONTROL(value)):
            return None
        return misfit(kind, value)

    return check


def _pattern(kind: str) -> Check:
    matches = re.compile(PATTERNS[kind], re.ASCII).fullmatch

    def check(value: Any) -> Problems | None:
        return None if type(value) is str and matches(value) else misfit(kind, value)

    return check


def _calendar(kind: str) -> Check:
    matches = re.compile(PATTERNS[kind], re.ASCII).fullmatch

    def check(value: Any) -> Problems | None:
        # Every month has 28 days; the pattern has checked the rest.
        if type(value) is str and matches(value) and (value[8:10] <= "28" or _exists(value)):
            return None
        return misfit(kind, value)

    return check


def _exists(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return False
    return True


def _whole(kind: str) -> Check:
    least, most = _LEAST[kind], 2**31 - 1

    def check(value: Any) -> Problems | None:
        return None if type(value) is int and least <= value <= most else misfit(kind, value)

    return check


def _accepted(kind: str, accepts: Callable[[Any], bool]) -> Check:
    def check(value: Any) -> Problems | None:
        return None if accepts(value) else misfit(kind, value)

    return check


def _is_boolean(value: Any) -> bool:
    return type(value) is bool


def _is_decimal(value: Any) -> bool:
    if type(value) is int:
        return -_BEYOND < value < _BEYOND
    if type(value) is not Decimal or not -DIGITS <= value.adjusted() < DIGITS:
        return False
    # Its text is short for nearly all, and then says enough.
    return len(str(value)) <= DIGITS or len(value.as_tuple().digits) <= DIGITS


def _is_base64(value: Any) -> bool:
    if type(value) is not str or not value.isascii():
        return False
    try:
        return bool(base64.b64decode("".join(value.split()), validate=True))
    except binascii.Error:
        return False

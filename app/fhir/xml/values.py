"""Values of primitives between JSON and the XML attribute ``value``. https://hl7.org/fhir/R4/datatypes.html#primitive

What cannot be written as JSON, or has another JSON type than its FHIR type, raises ``ValueError``; formats such as that
of a date are for the validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

_INTEGER: Final = re.compile(r"0|[-+]?[1-9][0-9]*").fullmatch
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_SPECIAL: Final = re.compile('[&<>"\x00-\x1f\ud800-\udfff\ufffe\uffff]').search
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
_BOOLEANS: Final = {"true": True, "false": False}
_BLANKS: Final = " \t\r\n"
_WORD_DIGITS: Final = 18  # as many always fit the 64 bits of a JSON integer
_PLAIN_PLACES: Final = 64  # decimals up to here are written out, beyond with an exponent


def read_token(text: str) -> str:
    """Everything but strings and markdown: the specification says to leave out space around it."""
    return text.strip(_BLANKS)


def _read_text(text: str) -> str:
    return text


def _read_boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.strip(_BLANKS)]
    except KeyError:
        raise ValueError from None


def _read_integer(text: str) -> int:
    text = text.strip(_BLANKS)
    if _INTEGER(text) is None or len(text) > _WORD_DIGITS:
        raise ValueError
    return int(text)


def _read_decimal(text: str) -> int | Decimal:
    """An int where JSON would give one, so that both formats decode to the same."""
    text = text.strip(_BLANKS)
    if _DECIMAL(text) is None:
        raise ValueError
    if len(text) <= _WORD_DIGITS and text.lstrip("-").isdigit() and text != "-0":
        return int(text)
    return Decimal(text)


def write_text(value: Any) -> str:
    """``value`` as the text of an attribute, escaped."""
    if type(value) is not str:
        raise ValueError
    if _SPECIAL(value) is None:
        return value
    if _NOT_XML(value):
        raise ValueError
    return value.translate(_ESCAPES)


def _write_boolean(value: Any) -> str:
    if type(value) is not bool:
        raise ValueError
    return "true" if value else "false"


def _write_integer(value: Any) -> str:
    if type(value) is not int:
        raise ValueError
    return str(value)


def _write_decimal(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if type(value) is not Decimal or not value.is_finite():
        raise ValueError
    text = str(value)
    # STU3 knows no exponents, and Decimal writes 0.00000001 with one.
    return format(value, "f") if "E-" in text and value.adjusted() > -_PLAIN_PLACES else text


READ: Final[dict[str, Callable[[str], Any]]] = {
    "string": _read_text,
    "markdown": _read_text,
    "xhtml": _read_text,
    "boolean": _read_boolean,
    "integer": _read_integer,
    "positiveInt": _read_integer,
    "unsignedInt": _read_integer,
    "decimal": _read_decimal,
}
WRITE: Final[dict[str, Callable[[Any], str]]] = {
    "boolean": _write_boolean,
    "integer": _write_integer,
    "positiveInt": _write_integer,
    "unsignedInt": _write_integer,
    "decimal": _write_decimal,
}

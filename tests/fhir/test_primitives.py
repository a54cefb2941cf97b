"""Formats of the primitive types. https://hl7.org/fhir/R4/datatypes.html#primitive"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir.validation.primitives import DIGITS, LONGEST, PATTERNS, coded, primitive
from app.fhir.validation.quick import REMEMBERED, quick_coded, quick_primitive

GOOD: dict[str, list[Any]] = {
    "base64Binary": ["aGFsbG8=", "aGFs\nbG8=", " aGFsbG8="],
    "boolean": [True, False],
    "canonical": ["http://loinc.org|2.1", "#item"],
    "code": ["a", "a b", "é", "final"],
    "date": ["2024", "2024-02", "2024-02-29", "0001-12-31", "9999"],
    "dateTime": ["2024", "2024-02-29", "2024-02-29T23:59:60Z", "2024-12-31T00:00:00.123456789-14:00"],
    "decimal": [
        *(Decimal("81.50"), Decimal("-0"), 7, 2**64, Decimal("1E+3"), Decimal("1E+99"), Decimal("-1E-99")),
        *(Decimal("-0." + "3" * DIGITS), Decimal("7" * DIGITS)),
    ],
    "id": ["a", "A-1.b", "x" * 64],
    "instant": ["2024-02-29T23:59:59.000+01:00", "2024-02-29T23:59:59Z"],
    "integer": [0, -(2**31), 2**31 - 1],
    "markdown": ["# Weeg\n\n* elke ochtend", " x"],
    "oid": ["urn:oid:2.16.840.1.113883.2.4.6.3", "urn:oid:1.0"],
    "positiveInt": [1],
    "string": ["x", " x ", "één\tregel\r\n", "🙂", "x" * LONGEST],
    "time": ["23:59:59", "00:00:00.1", "12:00:60"],
    "unsignedInt": [0],
    "uri": ["urn:uuid:x", "x", "http://x.example/é"],
    "url": ["https://x.example/a?b=c#d"],
    "uuid": ["urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"],
}
BAD: dict[str, list[Any]] = {
    "base64Binary": ["", "a", "aGFsbG8", "aGFs-bG8=", "é", 7],
    "boolean": ["true", 0, 1],
    "canonical": ["", "a b"],
    "code": ["", " a", "a ", "a  b", "a\n\nb", "\x00", "a\x1fb", 7],
    "date": ["", "24", "2024-2", "2024-13", "2024-02-30", "2023-02-29", "0000", "2024-02-29T10:00:00Z", "٢٠٢٤", 2024],
    "dateTime": [
        *("", "2024-02-30", "2024-02-29T10:00", "2024-02-29T10:00:00", "2024-02-29 10:00:00Z", "2024-02-29T24:00:00Z"),
        *("2024-02-29T10:60:00Z", "2024-02-29T10:00:61Z", "2024-02-29T10:00:00+15:00", "2024-02-29T10:00:00.Z"),
    ],
    "decimal": [
        *("81.5", 81.5, True, None, Decimal("1E+100"), Decimal("-1E-101"), Decimal("0E+999999"), Decimal("1E-999999")),
        *(Decimal("1" + "0" * DIGITS), Decimal("1." + "0" * DIGITS), Decimal("1." + "0" * 200_000 + "1")),
    ],
    "id": ["", "x" * 65, "a_b", "a/b", "é", 1],
    "instant": ["2024-02-29", "2024-02-30T10:00:00Z", "2024-02-29T10:00:00"],
    "integer": [2**31, -(2**31) - 1, Decimal(1), "1", True],
    "markdown": ["", " \n "],
    "oid": ["2.16.840", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1."],
    "positiveInt": [0, -1],
    "string": ["", " ", "\t\n", "\x00", "a\x1fb", "\ud800", "x" * (LONGEST + 1), 7],
    "time": ["24:00:00", "12:00", "12:00:00Z"],
    "unsignedInt": [-1],
    "uri": ["", " ", "a b", "a\nb", "a\x00b"],
    "url": ["", "https://x.example/a b"],
    "uuid": ["urn:uuid:0C1B8A68-5F46-4D3C-9D5B-0E6A4D1F7A11", "0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"],
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_primitive_takes_what_fhir_allows(kind: str) -> None:
    check = primitive(kind)
    assert [value for value in GOOD[kind] if check(value) is not None] == []


@pytest.mark.parametrize("kind", GOOD)
def test_a_primitive_refuses_what_fhir_does_not_allow(kind: str) -> None:
    check = primitive(kind)
    assert [value for value in (*BAD[kind], None, [], {}) if not check(value)] == []


def test_a_type_that_fhir_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        primitive("integer64")


TEXTS = st.one_of(
    st.text(max_size=40),
    *(st.from_regex(pattern, fullmatch=True) for pattern in PATTERNS.values()),
    st.sampled_from([text for texts in (*GOOD.values(), *BAD.values()) for text in texts if isinstance(text, str)]),
)


QUICK = {kind: quick for kind in GOOD if (quick := quick_primitive(kind)) is not None}
EXACT = {kind: primitive(kind) for kind in GOOD}


@given(text=TEXTS)
def test_what_a_quick_check_lets_through_is_valid(text: str) -> None:
    through = [kind for kind, quick in QUICK.items() if quick(text) is None]
    assert [kind for kind in through if EXACT[kind](text) is not None] == []


def test_a_quick_check_of_codes_doubts_what_is_no_text() -> None:
    quick: Callable[[Any], object] = quick_coded(frozenset({"final"}))
    assert all(quick(value) is not None for value in (None, True, 1, ()))


def test_a_quick_check_remembers_a_limited_number_of_texts() -> None:
    quick = QUICK["uri"]
    known: dict[str, object] = quick.__self__  # type: ignore[attr-defined]
    for number in range(REMEMBERED + 10):
        assert quick(f"urn:{number}") is None
    assert len(known) <= REMEMBERED
    assert quick("urn: a") is not None


def test_text_has_quick_checks() -> None:
    assert QUICK.keys() >= {"string", "code", "uri", "id", "dateTime"}


@given(text=TEXTS)
def test_the_quick_check_of_codes_lets_through_codes_only(text: str) -> None:
    codes = frozenset({"final", "a b", "é"})
    assert (quick_coded(codes)(text) is None) == (text in codes) == (coded(codes, "x")(text) is None)


@given(st.dates())
def test_every_day_of_the_calendar_is_a_date(day: date) -> None:
    assert primitive("date")(day.isoformat()) is None


@given(year=st.integers(1, 9999), month=st.integers(1, 12), day=st.integers(29, 31))
def test_the_last_days_of_a_month_are_dates_when_they_exist(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        date.fromisoformat(text)
    except ValueError:
        assert primitive("date")(text)
    else:
        assert primitive("date")(text) is None


@given(moment=st.datetimes(), hours=st.integers(-13, 13), minutes=st.integers(0, 59))
def test_every_moment_in_every_zone_is_an_instant(moment: datetime, hours: int, minutes: int) -> None:
    assert primitive("instant")(f"{moment.isoformat()}{hours:+03}:{minutes:02}") is None


@given(st.binary(min_size=1))
def test_every_content_is_base64(content: bytes) -> None:
    assert primitive("base64Binary")(base64.encodebytes(content).decode()) is None

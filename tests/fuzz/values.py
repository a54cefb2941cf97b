"""Values that are hard on SQL, patterns, escapes, numbers, dates and encodings."""

from __future__ import annotations

import copy
import random
from typing import Any, Final
from urllib.parse import quote

TEXTS: Final = (
    "", " ", "'", '"', "\\", "\\,", "\\|", "\\$", "a\\", "\\\\,b", "%", "%%", "_", "' OR 1=1 --",
    "'; DROP TABLE resource;",
    "$1", ":x", "?", "|", "||", "a|", "|a", "a|b|c", "$", "a$b", "a$b$c$d", "|$|", ",", ",,", ",a,", "a,b", "x" * 5000,
    "a," * 150, "é", "e\u0301", "İ", "ß", "ﬁ", "\U0001d54f", "\u202e", "\ufeff", "\ufffd", "\uffff", "null", "true",
    "false", "*", "(", "(?:", ".*", "^$", "[a-", "{}", "\t", "\n", "\r\n", "\x00", "\x1b", "\x7f", "../..", "/", "//",
    "#a", "#", "Patient/", "/Patient", "Patient/anna", "Patient/anna/_history/1", "http://zelfregie.test/fhir/Goal/x",
    "http://zelfregie.test/fhir/", "https://elders.example/fhir/Patient/anna", "urn:uuid:0c1b8a68", "urn:oid:1.2",
    "http://loinc.org|29463-7", "29463-7", "http://loinc.org|", "|29463-7", "a|b|c|d", "anna", "-", "--", "+", "&", "=",
)  # fmt: skip
NUMBERS: Final = (
    "0", "-0", "1", "-1", "+1", "00", "0.1", ".1", "1.", "1e5", "1e400", "1e-400", "1E+5", "9" * 19, "9" * 400,
    "1e999999999", "-1e999999999", "1e-999999999", "9223372036854775808", "-9223372036854775809", "2147483648", "NaN",
    "Infinity", "-Infinity", "0x10", "1_000", "٣", "1,5", "5.40e-3|http://unitsofmeasure.org|m/s2", "5||", "5||kg",
    "5|u|[in_i]", "81|http://unitsofmeasure.org|kg", "81|http://unitsofmeasure.org|" + "m." * 100 + "m", "5|kg", "|||",
    "1e300|http://unitsofmeasure.org|kg", "9e99|http://unitsofmeasure.org|Ym", "1|http://unitsofmeasure.org|10*9999",
    "1|http://unitsofmeasure.org|m99999999", "1|http://unitsofmeasure.org|(((((m", "-300|http://unitsofmeasure.org|Cel",
)  # fmt: skip
DATES: Final = (
    "2026", "2026-11", "2026-11-20", "2026-11-20T08:00:00+01:00", "2026-11-20T08:00", "2026-11-20T08:00Z", "2026-13",
    "2026-02-30", "2024-02-29", "0000", "0001", "0001-01-01", "9999-12-31T23:59:59.999999999Z", "9999", "10000",
    "9999-12-31T23:59:60Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00+14:00", "2026-01-01T00:00:00-99:99",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-1-1", "-2026", "٢٠٢٦", "2026-11-20 08:00:00",
    "2026-11-20T08:00:00.1234567890123456789Z", "T08:00", "now",
)  # fmt: skip
PREFIXES: Final = ("", "", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap", "zz", "GT", "eqeq")
OF_KIND: Final = {"date": DATES, "quantity": NUMBERS, "number": NUMBERS}
RAW: Final = (b"%", b"%G1", b"%FF", b"%ED%A0%80", b"%C0%80", b"%00", b"+", b"%25", b"%2525", b"\xff", b"\xc3\xa9", b";")
"""Parts of an address that are no good UTF-8 or no good escapes."""
JSON: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 10**18, 10**40, "", " ", "x", "\x00", "\u2028", [], {}, [None], [[]], [{}], {"": ""},
    {"x": None}, {"reference": None}, {"reference": 1}, {"reference": "Patient/anna"}, {"resourceType": "Patient"},
    {"resourceType": None}, {"coding": [{}]}, {"value": "1e400"}, {"extension": []}, {"extension": [{"url": "x"}]},
    [1, "a", None], "2026-11-20", {"id": 1}, {"div": "<div/>"},
)  # fmt: skip


def text(draw: random.Random) -> str:
    """A hostile value of any kind."""
    kind = draw.choice((TEXTS, TEXTS, NUMBERS, DATES))
    found = draw.choice(kind)
    return f"{draw.choice(PREFIXES)}{found}" if draw.random() < 0.4 else found


def json(draw: random.Random) -> Any:
    """A JSON value that is seldom what an element takes; nobody else has it."""
    return copy.deepcopy(draw.choice(JSON))


def written(value: str, draw: random.Random) -> bytes:
    """A value as it may stand in a query string: escaped in full, hardly, or not well."""
    how = draw.random()
    if how < 0.8:
        return quote(value, safe="/:,|$-._~").encode()
    if how < 0.9:
        return quote(value, safe="").encode() + draw.choice(RAW)
    return "".join(f"%{byte:02x}" for byte in value.encode()).encode()

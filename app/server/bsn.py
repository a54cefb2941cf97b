"""The BSN never gets in: a PGO has no ground to use it. Its value is masked before anything is stored, as nl-core has
it.

In words a BSN is known by two things: it is the number of an identifier that comes along with it, or the words call it
one and it passes the eleven test. Any other number of nine digits is left as it is: one in eleven passes that test by
chance, and UZI numbers have nine digits, too. Nobody's BSN is kept to compare with.

https://simplifier.net/packages/nictiz.fhir.nl.r4.nl-core (nl-core-Patient, identifier BSN),
https://hl7.org/fhir/R4/extension-data-absent-reason.html
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from app.fhir.resource import walk_dicts

SYSTEMS: Final = frozenset({"fhir.nl/fhir/namingsystem/bsn", "2.16.840.1.113883.2.4.6.3"})
"""The BSN's own systems, as ``_plain`` writes them."""
_TYPE: Final = "NNNLD"
"""The identifier type of a Dutch national person number. http://terminology.hl7.org/CodeSystem/v2-0203"""
_TRACES: Final = (b"bsn", b"2.16.840.1.113883.2.4.6.3", b"nnnld", b"burgerservice", b"sofi", b"\\")
_NUMBER: Final = r"(?<![0-9])(?:[0-9][ .\-]?){7,8}[0-9](?![0-9])"
"""Eight digits are those of a number that begins with a nought."""
_CALLED: Final = re.compile(
    rf"(?i)(bsn|burgerservicenummer|burger ?service ?nummer|sofi-?nummer)([^0-9]{{0,60}}?)({_NUMBER})"
)
_ANY: Final = re.compile(_NUMBER)
_DIGITS: Final = 9
_STARS: Final = "*" * _DIGITS
_NO_WORDS: Final = frozenset({"id", "reference", "url", "fullUrl", "system", "data", "value", "location", "versionId"})
"""Members that name something, or are no text: a patient's number at a source is what its system makes of it."""
_MASKED: Final = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}


def may_hold(body: bytes) -> bool:
    """Whether a JSON body must be looked through: it names the BSN or its system, or hides letters behind escapes."""
    folded = body.lower()
    return any(trace in folded for trace in _TRACES)


def mask(value: Any, also: Collection[str] = ()) -> int:
    """Take every BSN out of ``value`` (in place), leaving the mark that it was masked; how many there were. ``also``:
    numbers that come along with it elsewhere, as ``numbers_in`` gives them.
    """
    numbers = {*also}
    masked = 0
    for each in walk_dicts(value):
        if "value" in each and (_plain(each.get("system")) in SYSTEMS or _is_typed(each.get("type"))):
            numbers |= {_digits(each["value"])}
            del each["value"]
            each["_value"] = {"extension": [dict(_MASKED)]}
            masked += 1
    return masked + _mask_words(value, {each for each in numbers if is_number(each)})


def numbers_in(value: Any) -> frozenset[str]:
    """The BSNs of the identifiers in ``value``, nine digits each."""
    found = (
        _digits(each["value"])
        for each in walk_dicts(value)
        if "value" in each and (_plain(each.get("system")) in SYSTEMS or _is_typed(each.get("type")))
    )
    return frozenset(each for each in found if is_number(each))


def is_number(digits: str) -> bool:
    """Whether nine digits pass the eleven test. https://www.rvig.nl/bsn"""
    if len(digits) != _DIGITS or not digits.isascii() or not digits.isdecimal() or not digits.strip("0"):
        return False
    weighed = sum((_DIGITS - place) * int(digit) for place, digit in enumerate(digits[:-1]))
    return (weighed - int(digits[-1])) % 11 == 0


def masked_words(text: str, numbers: Collection[str] = ()) -> str:
    """A text without the BSNs that it has: those of ``numbers``, and what it calls so itself."""
    if len(text) < _DIGITS - 1:
        return text
    folded = text.lower()
    if any(word in folded for word in ("bsn", "burger", "sofi")):
        text = _CALLED.sub(_without_called, text)
    return _ANY.sub(lambda found: _STARS if _digits(found[0]) in numbers else found[0], text) if numbers else text


def _without_called(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{_STARS}" if is_number(_digits(found[3])) else found[0]


def _mask_words(value: Any, numbers: Collection[str]) -> int:
    masked = 0
    for each in walk_dicts(value):
        for name, held in each.items():
            if name in _NO_WORDS:
                continue
            if isinstance(held, str):
                text = masked_words(held, numbers)
                if text != held:
                    each[name] = text
                    masked += 1
            elif isinstance(held, list) and held and isinstance(held[0], str):
                texts = [masked_words(one, numbers) if isinstance(one, str) else one for one in held]
                if texts != held:
                    each[name] = texts
                    masked += 1
    return masked


def _digits(text: Any) -> str:
    """Nine digits, whatever is between them; a nought before eight."""
    digits = "".join(each for each in text if each.isdecimal()) if isinstance(text, str) else ""
    return digits.zfill(_DIGITS) if len(digits) == _DIGITS - 1 else digits


def is_system(system: str) -> bool:
    """Whether an identifier of this system is a BSN, however it is written."""
    return _plain(system) in SYSTEMS


def is_asked_for(value: str) -> bool:
    """Whether the value of a search parameter names a BSN, alone or between commas."""
    return any(is_system(each.rpartition("|")[0]) for each in value.replace("\\", "").split(","))


def _plain(system: Any) -> str:
    """A system without what people vary by mistake: capitals, http or https, a last slash, ``urn:oid:``."""
    if not isinstance(system, str):
        return ""
    plain = system.strip().lower().rstrip("/")
    for prefix in ("http://", "https://", "urn:oid:"):
        plain = plain.removeprefix(prefix)
    return plain


def _is_typed(kind: Any) -> bool:
    codings = kind.get("coding") if isinstance(kind, dict) else None
    return isinstance(codings, list) and any(isinstance(each, dict) and each.get("code") == _TYPE for each in codings)

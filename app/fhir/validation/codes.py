"""Codes of other standards, by their form: units, languages, media types, currencies.

https://hl7.org/fhir/R4/terminologies-systems.html; FHIR's tables do not list them. Units are UCUM
(https://ucum.org/ucum), languages BCP 47 (https://www.rfc-editor.org/rfc/rfc5646), media types BCP 13
(https://www.rfc-editor.org/rfc/rfc6838), currencies ISO 4217.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.fhir import ucum
from app.fhir.validation.problems import Check, Problem, Problems

_CURRENCIES: Final = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
USN UYI UYU UYW UZS VED VEF VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER
ZAR ZMW ZWG ZWL
"""
CURRENCIES: Final = frozenset(_CURRENCIES.split())
"""Those in use since R4 was published."""

_LANGTAG: Final = (
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
)
_OLD_TAGS: Final = r"en-gb-oed|sgn-be-(?:fr|nl)|sgn-ch-de|i-[a-z]{3,8}"  # registered before tags had a form
_LANGUAGE: Final = re.compile(rf"{_LANGTAG}|x(?:-[a-z0-9]{{1,8}})+|{_OLD_TAGS}", re.IGNORECASE | re.ASCII).fullmatch

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_WORD: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_PARAMETERS: Final = rf"(?:\s*;\s*{_WORD}=(?:{_WORD}|\"(?:[^\"\\\x00-\x1f]|\\[ -~])*\"))*\s*;?"
_MEDIA_TYPE: Final = re.compile(rf"{_NAME}/{_NAME}{_PARAMETERS}", re.ASCII).fullmatch
_FORMAT: Final = re.compile(rf"{_NAME}(?:/{_NAME})?{_PARAMETERS}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Form:
    """The codes of one standard: which there are, and what to say of another."""

    allows: Callable[[str], object]
    refused: Callable[[str], str]

    def check(self, code: str) -> Problem | None:
        """What is wrong with a code; its text does not repeat it."""
        return None if self.allows(code) else Problem("code-invalid", self.refused(code))


def _no_unit(code: str) -> str:
    meant = ucum.suggestion(code)
    hint = f" Did you mean {meant}?" if meant else " What has no unit of its own is written as an annotation: {tablet}."
    return f"The code is not a unit of UCUM.{hint}"


UNIT: Final = Form(ucum.parse, _no_unit)
LANGUAGE: Final = Form(_LANGUAGE, lambda _: "The code is not a language tag of BCP 47: write it as nl or nl-NL.")
MEDIA_TYPE: Final = Form(
    _MEDIA_TYPE, lambda _: "The code is not a media type: write it as type/subtype, such as image/png or text/plain."
)
FORMAT: Final = Form(_FORMAT, lambda _: "The code is not a format: write json, xml or a media type (type/subtype).")
CURRENCY: Final = Form(
    CURRENCIES.__contains__, lambda _: "The code is not a currency of ISO 4217: write three capitals, such as EUR."
)

VALUE_SETS: Final[Mapping[str, Form]] = {
    "http://hl7.org/fhir/ValueSet/currencies": CURRENCY,
    "http://hl7.org/fhir/ValueSet/mimetypes": MEDIA_TYPE,
    "http://www.rfc-editor.org/bcp/bcp13.txt": MEDIA_TYPE,
    "http://hl7.org/fhir/ValueSet/ucum-units": UNIT,
}
"""Value sets that hold all codes of a standard."""

SYSTEMS: Final[Mapping[str, Form]] = {
    ucum.SYSTEM: UNIT,
    "urn:ietf:bcp:47": LANGUAGE,
    "urn:ietf:bcp:13": MEDIA_TYPE,
    "urn:iso:std:iso:4217": CURRENCY,
}
"""The same by code system, for any Coding and Quantity."""

_FORMATS: Final = ("CapabilityStatement", "TestScript")
_NO_LANGUAGES: Final = ("Expression", "ElementDefinition.mapping")


def form_of(value_set: str, owner: str) -> Form | None:
    """The form of the codes of a value set in an element of ``owner``; a few types say json for a media type."""
    form = VALUE_SETS.get(value_set)
    return FORMAT if form is MEDIA_TYPE and owner.startswith(_FORMATS) else form


def is_language(owner: str, member: str) -> bool:
    """Whether the code in this member is a language of people."""
    return member == "language" and owner not in _NO_LANGUAGES


def formed(check: Check, form: Form) -> Check:
    """``check`` of a code, and that it has the form."""

    def checked(value: Any) -> Problems | None:
        problems = check(value)
        if problems is None and (found := form.check(value)) is not None:
            return [found]
        return problems

    return checked

"""Words about measurements in Dutch and English, side by side. https://hl7.org/fhir/R4/languages.html

A text comes in the language that was asked for, and both are beside it in HL7's extension ``translation``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache, lru_cache
from math import isqrt
from pathlib import Path
from typing import Any, Final, Literal

import yaml

Language = Literal["nl", "en"]
Words = Mapping[str, str]
"""The same in every language of ``LANGUAGES``."""
LANGUAGES: Final[tuple[Language, Language]] = ("nl", "en")
_TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"
_COMMA: Final = {"nl": ",", "en": "."}


@cache
def table(name: str) -> Mapping[str, Any]:
    """A table of words beside this module."""
    text = Path(__file__).parent.joinpath(name).read_text("utf-8")
    found: Mapping[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return found


def filled(row: Mapping[str, str], **facts: Words | str) -> Words:
    """A row of a table with its facts, which may be words in each language themselves."""
    return {
        language: row[language].format(
            **{name: fact if isinstance(fact, str) else fact[language] for name, fact in facts.items()}
        )
        for language in LANGUAGES
    }


def joined(parts: Sequence[Words]) -> Words:
    """Sentences one after the other."""
    return {language: " ".join(each[language] for each in parts) for language in LANGUAGES}


def preferred(languages: Sequence[str]) -> Language:
    """The language to answer in: the first wanted that there is, else Dutch."""
    for wanted in languages:
        folded = wanted.lower().partition("-")[0]
        if folded in LANGUAGES:
            return "en" if folded == "en" else "nl"
    return "nl"


def translations(words: Words) -> dict[str, Any]:
    """What stands beside a text as ``_valueString``: it in each language."""
    return {
        "extension": [
            {
                "url": _TRANSLATION,
                "extension": [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}],
            }
            for language, text in words.items()
        ]
    }


def rounded(value: Fraction | tuple[int, int], decimals: int) -> Decimal:
    """A fraction, or a numerator and a denominator above 0, to so many decimals, once; half goes away from zero.
    Without the zeros at the end.
    """
    numerator, denominator = value if isinstance(value, tuple) else value.as_integer_ratio()
    whole = (2 * abs(numerator) * 10**decimals + denominator) // (2 * denominator)
    return _decimal(-whole if numerator < 0 else whole, decimals)


def root(value: Fraction | tuple[int, int], decimals: int) -> Decimal:
    """The square root of one of 0 or more, rounded in the same way."""
    numerator, denominator = value if isinstance(value, tuple) else value.as_integer_ratio()
    twice = isqrt(4 * numerator * 100**decimals // denominator)
    return _decimal((twice + 1) // 2, decimals)


def _decimal(whole: int, decimals: int) -> Decimal:
    while decimals and whole % 10 == 0:
        whole, decimals = whole // 10, decimals - 1
    return Decimal(whole).scaleb(-decimals)


def number(value: Fraction | tuple[int, int], decimals: int) -> Words:
    """For people: with the decimals that a value is shown with."""
    text = f"{rounded(value, decimals).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"
    return {language: text.replace("-", "\N{MINUS SIGN}").replace(".", _COMMA[language]) for language in LANGUAGES}


@lru_cache(maxsize=1024)
def day(found: date) -> Words:
    """As people write it."""
    months = table("statistics/texts.yaml")["months"]
    return {language: f"{found.day} {months[language][found.month - 1]} {found.year}" for language in LANGUAGES}

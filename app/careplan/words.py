"""Words for people in Dutch and English, side by side, and which of the two somebody wants.

https://hl7.org/fhir/R4/languages.html: a text comes in the language that was asked for, and both are beside it in
HL7's extension ``translation``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from app.fhir.dates import LOCAL, bounds, local_date
from app.fhir.languages import Both

Language = Literal["nl", "en"]
Words = Mapping[str, str]
"""The same in every language of ``LANGUAGES``."""
LANGUAGES: Final[tuple[Language, Language]] = ("nl", "en")
TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"
_HOUR: Final = 3_600_000_000
"""In µs."""
_LONGEST: Final = 90
"""Characters of what is quoted from the plan."""


@cache
def table() -> Mapping[str, Any]:
    """``sentences.yaml``."""
    found: Mapping[str, Any] = yaml.load(
        Path(__file__).with_name("sentences.yaml").read_text("utf-8"), yaml.CSafeLoader
    )
    return found


def each_language(make: Callable[[Language], str]) -> Words:
    """What ``make`` says in each language."""
    return {language: make(language) for language in LANGUAGES}


def filled(row: Mapping[str, str], **facts: Words | str) -> Words:
    """A row of the table with its facts, which may be words in each language themselves."""
    return each_language(
        lambda language: row[language].format(
            **{name: fact if isinstance(fact, str) else fact[language] for name, fact in facts.items()}
        )
    )


def remark(code: str, **facts: str) -> Both:
    """Something that is said beside an answer, in both languages as refusals have it."""
    words = filled(table()["remarks"][code], **facts)
    return Both(words["en"], words["nl"])


def quoted(text: str) -> Words:
    """Words of the plan between quotes, which are the same in each language, cut at a word where they are long."""
    short = " ".join(text.split())
    if len(short) > _LONGEST:
        short = short[:_LONGEST].rsplit(" ", 1)[0].rstrip(",.;:") + "…"
    return dict.fromkeys(LANGUAGES, f"‘{short}’")


def day(text: str) -> Words:
    """A FHIR date, or the Dutch day of a dateTime, as people write it; as it is where it is no whole date."""
    try:
        found = local_date(bounds(text)[0]) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return dict.fromkeys(LANGUAGES, text)
    months = table()["months"]
    return {language: f"{found.day} {months[language][found.month - 1]} {found.year}" for language in LANGUAGES}


def day_of_instant(text: str) -> Words:
    """The Dutch day of an instant."""
    return _day_of_hour(bounds(text)[0] // _HOUR)


@lru_cache(maxsize=256)
def _day_of_hour(hour: int) -> Words:
    """The Dutch day that an hour is part of, counted in UTC: since 1940 our days begin at a whole one."""
    return day(datetime.fromtimestamp(hour * 3600, UTC).astimezone(LOCAL).date().isoformat())


def preferred(languages: Sequence[str]) -> Language:
    """The language to answer in: the first wanted that there is, else Dutch."""
    for wanted in languages:
        folded = wanted.lower().partition("-")[0]
        if folded in LANGUAGES:
            return "en" if folded == "en" else "nl"
    return "nl"


def sentence_of(words: Words) -> Words:
    """The same as a sentence: a capital first, a full stop last."""
    return {language: f"{text[:1].upper()}{text[1:]}." for language, text in words.items()}


def translations(words: Words) -> dict[str, Any]:
    """What stands beside a text as ``_text`` or ``_valueString``: it in each language."""
    return {
        "extension": [
            {
                "url": TRANSLATION,
                "extension": [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}],
            }
            for language, text in words.items()
        ]
    }

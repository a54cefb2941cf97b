"""The text of a consent, exactly as it is shown, and kept: what for, who, which data, what they may do, until when.

The words are data (``texts.yaml``) with a version. What is stored is what was shown: pages show ``ConsentText.text``
as it is, and hand it to ``service.give``. GDPR article 7; https://eur-lex.europa.eu/eli/reg/2016/679/oj
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import yaml

from app.auth.consents.allowances import CATEGORIES, actions_of, categories_of
from app.auth.consents.purposes import purpose_named
from app.fhir.dates import LOCAL
from app.server.access import FOREVER

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME: Final = 253_370_764_800_000_000
"""The year 9999: what is later has no date."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a consent is about, as ``service.give`` takes it. Times in µs."""

    recipient_name: str
    purpose: str
    labels: int
    actions: int
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class ConsentText:
    """``text``: lines with list items that begin with "- ", and empty lines between paragraphs."""

    language: str
    version: str
    text: str

    @property
    def hash(self) -> bytes:
        """SHA-256 of the text in UTF-8."""
        return sha256(self.text.encode()).digest()


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = yaml.load(Path(__file__).with_name("texts.yaml").read_text(), yaml.CSafeLoader)
    return table


def text_versions() -> tuple[str, ...]:
    """Every version of the words, the one in use last."""
    return tuple(_table()["versions"])


def consent_text(
    terms: Terms, *, language: str, now: int, representative: bool = False, version: str | None = None
) -> ConsentText:
    """The text of a consent in ``language`` (``nl``, ``en``), in the words of ``version``, else of the last.
    ``representative``: whoever decides does so on somebody's behalf. Raises ``Unprocessable`` for an unknown purpose.
    """
    version = version or text_versions()[-1]
    words = _table()["versions"][version][language]
    months = _table()["months"][language]
    purpose = purpose_named(terms.purpose)
    recipient = _one_line(terms.recipient_name)
    names = [CATEGORIES[name] for name in categories_of(terms.labels)]
    listed = [each.dutch if language == "nl" else each.english for each in names]
    opening = words["representative" if representative else "own"].format(recipient=recipient)
    lines = [
        opening,
        "",
        words["purpose"].format(purpose=purpose.names[language], explanation=purpose.explanations[language]),
        "",
        words["actions"].format(recipient=recipient),
        *(f"- {words['action'][name]}" for name in actions_of(terms.actions)),
        "",
        words["categories"],
        *(f"- {name}" for name in listed),
        "",
        _beginning(words, months, terms.since, now),
        _end(words, months, terms.until),
        words["withdraw"].format(recipient=recipient),
    ]
    return ConsentText(language, version, "\n".join(lines))


def _one_line(name: str) -> str:
    """A name that cannot look like another part of the text."""
    return " ".join(name.split())


def _local(time: int) -> datetime:
    return (_EPOCH + timedelta(microseconds=time)).astimezone(LOCAL)


def _day(words: Mapping[str, str], months: list[str], when: datetime) -> str:
    return words["day"].format(day=when.day, month=months[when.month - 1], year=when.year)


def _moment(words: Mapping[str, str], months: list[str], when: datetime) -> str:
    return words["moment"].format(
        day=when.day, month=months[when.month - 1], year=when.year, time=f"{when.hour}:{when.minute:02}"
    )


def _beginning(words: Mapping[str, str], months: list[str], since: int, now: int) -> str:
    return words["from-now"] if since <= now else words["from"].format(moment=_moment(words, months, _local(since)))


def _end(words: Mapping[str, str], months: list[str], until: int) -> str:
    if until >= min(FOREVER, _END_OF_TIME):
        return words["forever"]
    when = _local(until)
    if (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0):
        return words["through"].format(day=_day(words, months, when - timedelta(microseconds=1)))
    return words["until"].format(moment=_moment(words, months, when))

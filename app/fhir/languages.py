"""Which language is wanted, and texts that are there in both. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4

``Accept-Language`` is read here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Literal, Self, cast, get_args

Language = Literal["nl", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
"""Those that this service speaks; a person who asks for none is spoken to in the first."""
_LONGEST: Final = 35
"""Characters of a language tag. https://www.rfc-editor.org/rfc/rfc5646#section-4.4.1"""
_MOST: Final = 8
"""Languages that are looked for."""
_FAR_ENOUGH: Final = 1_000
"""Characters of a header that are read."""
_RANGE: Final = re.compile(r"\*|[A-Za-z0-9]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_QUALITY: Final = re.compile(r"0(?:\.[0-9]*)?|1(?:\.0*)?")
_ANY: Final = "*"


class Both(str):
    """A text that is there in English and in Dutch: ``en / nl`` to who may read either, one of them to who said which.

    It is a text like any other; what is made of it without ``in_both`` is one text again.
    """

    __slots__ = ("en", "nl")

    en: str
    nl: str

    def __new__(cls, en: str, nl: str) -> Self:
        made = super().__new__(cls, f"{en} / {nl}")
        made.en = en
        made.nl = nl
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return self.en, self.nl

    def said_in(self, language: Language) -> str:
        """One of the two."""
        return self.nl if language == "nl" else self.en


def in_both(text: str, change: Callable[[str], str]) -> str:
    """``text`` with something changed in it, in either language where it has both."""
    return Both(change(text.en), change(text.nl)) if isinstance(text, Both) else change(text)


def accepted(header: str) -> tuple[str, ...]:
    """The languages of an ``Accept-Language`` header, as they are written there, the one most wanted first; without
    what is refused (``q=0``) and ``*``, which wants none in particular. What cannot be read of it is passed over.
    """
    wanted = [(language, quality) for language, quality in _ranges(header) if quality > 0 and language != _ANY]
    wanted.sort(key=lambda each: -each[1])
    return tuple(language for language, _ in wanted[:_MOST])


def chosen(header: str, known: Sequence[str] = LANGUAGES) -> str | None:
    """The one of ``known``, which have no region, that an ``Accept-Language`` header likes best: ``nl-BE`` likes
    ``nl``. What is refused gives way to what is not named. None where it likes none in particular.
    """
    named: dict[str, float] = {}
    for language, quality in _ranges(header):
        name = language.lower().partition("-")[0]
        named[name] = max(quality, named.get(name, 0.0))
    others = named.pop(_ANY, None)
    if named.keys().isdisjoint(known):
        return None
    qualities = {each: named.get(each, others) for each in (*named, *known) if each in known}
    liked = {each: weight for each, weight in qualities.items() if weight}
    if liked:
        return max(liked, key=liked.__getitem__)
    return next((each for each, weight in qualities.items() if weight is None), None)


def language_of(header: str) -> Language | None:
    """As ``chosen``, of the languages that this service speaks."""
    return cast("Language | None", chosen(header))


def _ranges(header: str) -> tuple[tuple[str, float], ...]:
    """The language ranges with their qualities, in the order of the header, as far as anybody has languages."""
    return _read(header[:_FAR_ENOUGH])


@lru_cache(maxsize=512)
def _read(header: str) -> tuple[tuple[str, float], ...]:
    found: list[tuple[str, float]] = []
    for part in header.split(","):
        language, *parameters = (each.strip() for each in part.split(";"))
        quality = _quality(parameters)
        if quality is not None and len(language) <= _LONGEST and _RANGE.fullmatch(language):
            found.append((language, quality))
    return tuple(found)


def _quality(parameters: Sequence[str]) -> float | None:
    """None for one that cannot be read: whether that was wanted or refused, nobody knows."""
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            text = value.strip()
            return float(text) if _QUALITY.fullmatch(text) else None
    return 1.0

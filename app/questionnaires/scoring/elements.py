"""Reading data that somebody wrote: every value is checked where it stands, and all problems are told at once.
https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

_NAME: Final = "a text that is not empty"
_NUMBER: Final = re.compile(r"[-+]?\d{1,15}(\.\d{1,20})?([eE][-+]?\d{1,2})?")
"""Bounded: a long exponent would be a number of gigabytes. No fractions: what is written has an end."""


class Unreadable(ValueError):
    """Data that is not what it should be. ``problems``: each with the place where it stands; they name places and
    members of the format, and never repeat a value.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Place:
    """One value in the data, with where it stands. Reading it never raises: what is wrong is noted, and something of
    the type that was asked for is given.
    """

    def __init__(self, value: Any, at: str, problems: list[str]) -> None:
        self.value = value
        self.at = at
        self.problems = problems

    def fail(self, text: str) -> None:
        """Note a problem here."""
        self.problems.append(f"{self.at}: {text}" if self.at else text)

    def members(self, *known: str, needed: Sequence[str] = ()) -> Mapping[str, Place]:
        """Those of a mapping that it has; one that is not ``known`` is a problem, as is a ``needed`` one that it
        lacks.
        """
        if not isinstance(self.value, Mapping):
            self.fail("must be a mapping.")
            return {}
        unknown = [str(name) for name in self.value if name not in known]
        if unknown:
            self.fail(f"has {len(unknown)} unknown member(s); known are {', '.join(known)}.")
        for name in needed:
            if name not in self.value:
                self.fail(f"lacks {name}.")
        return {name: self._inner(name) for name in known if name in self.value}

    def each(self) -> Iterator[Place]:
        """The entries of a list."""
        if not isinstance(self.value, list | tuple):
            self.fail("must be a list.")
            return
        for number, value in enumerate(self.value):
            yield Place(value, f"{self.at}[{number}]", self.problems)

    def entries(self) -> Iterator[tuple[Any, Place]]:
        """Keys and values of a mapping of any keys."""
        if not isinstance(self.value, Mapping):
            self.fail("must be a mapping.")
            return
        for number, (key, value) in enumerate(self.value.items()):
            yield key, Place(value, f"{self.at}.({number})", self.problems)

    def text(self) -> str:
        """A text with something in it; a number is one too, since a version may look like one."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | float) or not str(self.value).strip():
            self.fail(f"must be {_NAME}.")
            return ""
        return str(self.value)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.fail("must be true or false.")
        return self.value is True

    def number(self) -> Fraction:
        """A number, exactly as it is written."""
        found = number_of(self.value)
        if found is None:
            self.fail("must be a number.")
        return Fraction(0) if found is None else found

    def whole(self, least: int, most: int) -> int:
        """A whole number between two."""
        found = number_of(self.value)
        if found is None or found.denominator != 1 or not least <= found <= most:
            self.fail(f"must be a whole number from {least} to {most}.")
            return least
        return int(found)

    def pair(self, *, falling: bool = False) -> tuple[Fraction, Fraction]:
        """Two numbers, the first below the second; ``falling``: or above it."""
        found = [each.number() for each in self.each()]
        if len(found) != 2 or found[0] == found[1] or (found[0] > found[1] and not falling):
            self.fail(f"must be two {'different numbers' if falling else 'numbers, the lower one first'}.")
            return Fraction(0), Fraction(1)
        return found[0], found[1]

    def choice(self, *choices: str) -> str:
        """One of some words."""
        if self.value not in choices:
            self.fail(f"must be one of {', '.join(choices)}.")
            return choices[0]
        return str(self.value)

    def table(self) -> Mapping[Fraction, Fraction]:
        """Numbers for numbers."""
        found: dict[Fraction, Fraction] = {}
        for key, place in self.entries():
            one = number_of(key)
            if one is None or one in found:
                place.fail("must stand beside a number that stands there once.")
            else:
                found[one] = place.number()
        return found

    def _inner(self, name: str) -> Place:
        return Place(self.value[name], f"{self.at}.{name}" if self.at else name, self.problems)


def number_of(value: Any) -> Fraction | None:
    """A number as it is written, exactly: 47.1 is 471/10. None for anything else."""
    if isinstance(value, bool) or value is None or not _NUMBER.fullmatch(str(value).strip()):
        return None
    return Fraction(str(value).strip())

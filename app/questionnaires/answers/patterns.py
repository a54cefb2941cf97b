"""Regular expressions of Questionnaires, matched in time that grows with the text and not beyond.
https://hl7.org/fhir/R4/extension-regex.html

Whoever writes a Questionnaire writes the expression, and whoever answers writes the text; Python's own would need years
for some pairs of them. Here all ways through an expression are followed at once (Thompson's construction), which leaves
out what needs a memory: references to groups and looking around. An expression with these is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

MOST_STATES: Final = 5_000
MOST_STEPS: Final = 2_000_000
"""Characters of a text times states of the expression that it is held against."""
_MOST_TIMES: Final = 1_000
_SPACE: Final = " \t\n\r\f\v"
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_HEX: Final = {"x": 2, "u": 4}
_CLASSES: Final = "dwsDWS"

Test = Callable[[str], bool]


class NotUnderstood(ValueError):
    """The expression is none, or needs more than is done here."""


@dataclass(slots=True)
class _State:
    """Goes to ``following`` at once, or to ``then`` by a character that passes ``test``. ``edge``: only at the start
    (``^``) or the end (``$``) of the text.
    """

    test: Test | None = None
    then: int = -1
    following: list[int] = field(default_factory=list)
    edge: str = ""


_Part = tuple[int, int]
"""First and last state of a part of an expression."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression, ready to be matched."""

    states: list[_State]
    start: int
    end: int

    def matches(self, text: str) -> bool:
        """Whether it matches the whole text. Raises ``NotUnderstood`` where that would take too long."""
        if len(text) * len(self.states) > MOST_STEPS:
            raise NotUnderstood("The text is longer than is looked at here.")
        current = self._reached([self.start], at_start=True, at_end=not text)
        for number, character in enumerate(text):
            moved = [
                state.then
                for each in current
                if (state := self.states[each]).test is not None and state.test(character)
            ]
            if not moved:
                return False
            current = self._reached(moved, at_start=False, at_end=number + 1 == len(text))
        return self.end in current

    def _reached(self, begin: Iterable[int], *, at_start: bool, at_end: bool) -> set[int]:
        reached: set[int] = set()
        waiting = list(begin)
        while waiting:
            each = waiting.pop()
            if each in reached:
                continue
            reached.add(each)
            state = self.states[each]
            if (state.edge == "^" and not at_start) or (state.edge == "$" and not at_end):
                continue
            waiting.extend(state.following)
        return reached


@lru_cache(maxsize=256)
def pattern_of(expression: str) -> Pattern:
    """The pattern of an expression. Raises ``NotUnderstood``."""
    reading = _Reading(expression)
    first, last = reading.alternatives()
    if reading.at < len(expression):
        raise NotUnderstood("A bracket is closed that was not opened.")
    return Pattern(reading.states, first, last)


class _Reading:
    """Makes the states of an expression, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.states: list[_State] = []

    def alternatives(self) -> _Part:
        """Sequences between ``|``."""
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        first, last = self._state(), self._state()
        for begin, end in parts:
            self.states[first].following.append(begin)
            self.states[end].following.append(last)
        return first, last

    def _sequence(self) -> _Part:
        first = last = self._state()
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            begin, end = self._repeated()
            self.states[last].following.append(begin)
            last = end
        return first, last

    def _repeated(self) -> _Part:
        start = self.at
        part = self._atom()
        stop = self.at
        times = self._times()
        if times is None:
            return part
        self._take("?")  # lazy or not makes no difference to what matches
        if self.at < len(self.text) and self.text[self.at] in "*+?":
            raise NotUnderstood("Something is repeated twice over.")
        after = self.at
        least, most = times
        made = self._repeat(part, least, most, start)
        self.at = after
        assert stop <= after, "what is made again is read again"
        return made

    def _repeat(self, part: _Part, least: int, most: int | None, start: int) -> _Part:
        """The atom that begins at ``start`` as often as is asked."""
        first = last = self._state()
        copies: list[_Part] = [part]
        number = max(least, 1 if most is None else most)
        while len(copies) < number:
            self.at = start
            copies.append(self._atom())
        skipping = []
        for count, (begin, end) in enumerate(copies[:number]):
            if count >= least:
                skipping.append(last)
            self.states[last].following.append(begin)
            last = end
        if most is None:
            begin, end = copies[number - 1]
            again = self._state()
            self.states[last].following.append(again)
            self.states[again].following.append(begin)
            last = again
        done = self._state()
        for each in (*skipping, last):
            self.states[each].following.append(done)
        return first, done

    def _times(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return times
        if self.at >= len(self.text) or self.text[self.at] != "{":
            return None
        inside, closed, _ = self.text[self.at + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        numbers = [each for each in (low, high) if each]
        if not closed or not numbers or not all(each.isascii() and each.isdecimal() for each in numbers):
            return None  # a bracket that is meant as it stands
        if max(map(len, numbers)) > 4 or max(map(int, numbers)) > _MOST_TIMES:
            raise NotUnderstood("Something is repeated more often than is looked at here.")
        self.at += len(inside) + 2
        least = int(low or "0")
        most = least if not comma else int(high) if high else None
        if most is not None and most < least:
            raise NotUnderstood("Something is repeated at least more often than at most.")
        return least, most

    def _atom(self) -> _Part:
        character = self._next()
        if character == "(":
            return self._group()
        if character in "^$":
            begin, end = self._state(), self._state()
            self.states[begin].edge = character
            self.states[begin].following.append(end)
            return begin, end
        if character in "*+?":
            raise NotUnderstood("Nothing stands before what repeats it.")
        if character == ".":
            return self._tested(lambda each: each not in "\n\r")
        if character == "[":
            return self._tested(self._class())
        if character == "\\":
            return self._tested(self._escape())
        return self._tested(_one(character))

    def _group(self) -> _Part:
        if self._take("?") and not self._take(":"):
            raise NotUnderstood("It looks around, names a group or sets a flag.")
        part = self.alternatives()
        if not self._take(")"):
            raise NotUnderstood("A bracket is not closed.")
        return part

    def _escape(self, *, within: bool = False) -> Test:
        character = self._next()
        if character in _CLASSES:
            return _class_test(character)
        if character in _HEX:
            return _one(self._hexadecimal(_HEX[character]))
        if character in _ESCAPED:
            return _one(_ESCAPED[character])
        if (character == "b" and within) or not character.isalnum():
            return _one("\b" if character == "b" else character)
        raise NotUnderstood("It has an escape that is not known here.")

    def _hexadecimal(self, length: int) -> str:
        digits = self.text[self.at : self.at + length]
        try:
            character = chr(int(digits, 16))
        except ValueError as error:
            raise NotUnderstood("It has a character that cannot be read.") from error
        self.at += length
        return character

    def _class(self) -> Test:
        negated = self._take("^")
        tests: list[Test] = []
        first = True
        while first or not self._take("]"):
            first = False
            low = self._next()
            if low == "\\":
                begin = self.at
                tests.append(self._escape(within=True))
                low = "" if self.text[begin] in _CLASSES else _known(tests[-1])
            else:
                tests.append(_one(low))
            if (
                low
                and self.text[self.at : self.at + 1] == "-"
                and self.text[self.at + 1 : self.at + 2] not in ("]", "")
            ):
                self.at += 1
                high = self._next()
                if high == "\\":
                    high = _known(self._escape(within=True))
                tests[-1] = _range(low, high)
        return lambda each: any(test(each) for test in tests) is not negated

    def _tested(self, test: Test) -> _Part:
        end = self._state()
        begin = self._state()
        self.states[begin].test, self.states[begin].then = test, end
        return begin, end

    def _state(self) -> int:
        if len(self.states) >= MOST_STATES:
            raise NotUnderstood("It is larger than is looked at here.")
        self.states.append(_State())
        return len(self.states) - 1

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise NotUnderstood("It ends too early.")
        self.at += 1
        return self.text[self.at - 1]

    def _take(self, sign: str) -> bool:
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) if found else 0
        return found


class _One:
    """Exactly one character."""

    __slots__ = ("character",)

    def __init__(self, character: str) -> None:
        self.character = character

    def __call__(self, each: str) -> bool:
        return each == self.character


def _one(character: str) -> Test:
    return _One(character)


def _known(test: Test) -> str:
    if not isinstance(test, _One):
        raise NotUnderstood("A range begins or ends with many characters.")
    return test.character


def _range(low: str, high: str) -> Test:
    if low > high:
        raise NotUnderstood("A range ends before it begins.")
    return lambda each: low <= each <= high


def _class_test(letter: str) -> Test:
    tests: dict[str, Test] = {
        "d": lambda each: each.isascii() and each.isdecimal(),
        "w": lambda each: each == "_" or each.isalnum(),
        "s": lambda each: each in _SPACE or each.isspace(),
    }
    test = tests[letter.lower()]
    return test if letter.islower() else lambda each: not test(each)

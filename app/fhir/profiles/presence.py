"""Constraints that only ask what is there, without fhirpathpy, which takes some fifty times as long.

Most of what profiles of measurements ask is of this kind: ``value.exists() or dataAbsentReason.exists()``. So is
``value or dataAbsentReason``, which fhirpathpy cannot evaluate: one value that is no boolean is true.
https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from app.fhir.definitions import Definitions
from app.fhir.profiles.elements import Item, items_of, members_of

Holds = Callable[[Item], bool]
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<word>implies|xor|or|and)\b|(?P<bracket>[()])|(?P<not>\.not\(\))"
    r"|(?P<path>(?!(?:true|false)\b)[A-Za-z]\w*(?:\.(?!exists\b|empty\b|not\b)[A-Za-z]\w*)*)"
    r"(?:\.(?P<call>exists|empty)\(\)|(?=\s*(?:$|\)|(?:implies|xor|or|and)\b))))"
)
_LEVELS: Final[tuple[Mapping[str, Callable[[bool, bool], bool]], ...]] = (
    {"implies": lambda left, right: right or not left},
    {"or": lambda left, right: left or right, "xor": lambda left, right: left is not right},
    {"and": lambda left, right: left and right},
)
"""What binds least comes first. https://hl7.org/fhirpath/N1/#operator-precedence"""


class _OtherwiseError(Exception):
    """The expression asks for more than what is there."""


def presence(expression: str, definitions: Definitions) -> Holds | None:
    """The expression as a test of a value; None when it asks for more than what is there."""
    try:
        tokens = _tokens(expression)
        made = _Reader(tokens, definitions).level(0)
    except _OtherwiseError:
        return None
    return None if tokens else made


def _tokens(expression: str) -> list[tuple[str, str, str]]:
    """(Kind, text, call) of each token, the last one first."""
    found: list[tuple[str, str, str]] = []
    rest = expression.strip()
    while rest:
        token = _TOKEN.match(rest)
        if token is None or token.lastgroup is None:
            raise _OtherwiseError
        kind = "path" if token["path"] else token.lastgroup
        found.append((kind, token[kind].strip(), token["call"] or ""))
        rest = rest[token.end() :].strip()
    return found[::-1]


class _Reader:
    def __init__(self, tokens: list[tuple[str, str, str]], definitions: Definitions) -> None:
        self._tokens = tokens
        self._definitions = definitions

    def level(self, number: int) -> Holds:
        """What the operators from one level on tie together."""
        if number == len(_LEVELS):
            return self._one()
        made = self.level(number + 1)
        operators = _LEVELS[number]
        while self._tokens and self._tokens[-1][1] in operators:
            operator = operators[self._tokens.pop()[1]]
            made = _tied(operator, made, self.level(number + 1))
        return made

    def _one(self) -> Holds:
        if not self._tokens:
            raise _OtherwiseError
        kind, text, call = self._tokens.pop()
        if text == "(":
            made = self.level(0)
            if not self._tokens or self._tokens.pop()[1] != ")":
                raise _OtherwiseError
        elif kind == "path":
            made = self._there(text.split("."), wanted=call != "empty", is_value=not call)
        else:
            raise _OtherwiseError
        while self._tokens and self._tokens[-1][0] == "not":
            self._tokens.pop()
            made = _negated(made)
        return made

    def _there(self, names: list[str], *, wanted: bool, is_value: bool) -> Holds:
        """``is_value``: a path alone, which stands for what it leads to; anything but false is true."""
        definitions = self._definitions

        def reached(item: Item) -> list[Item]:
            found = [item]
            for name in names:
                found = [below for each in found for below in _named(each, name, definitions)]
            return found

        if is_value:
            return lambda item: any(each.value is not False for each in reached(item))
        if len(names) > 1:
            return lambda item: bool(reached(item)) is wanted
        return lambda item: bool(_named(item, names[0], definitions)) is wanted


def _named(item: Item, name: str, definitions: Definitions) -> list[Item]:
    rows = members_of(definitions, item.owner)
    named: Any = rows.get(name) or rows.get(f"{name}[x]")
    return items_of(item.object, named) if named else []


def _tied(operator: Callable[[bool, bool], bool], left: Holds, right: Holds) -> Holds:
    return lambda item: operator(left(item), right(item))


def _negated(holds: Holds) -> Holds:
    return lambda item: not holds(item)

"""The grammar of search expressions: text to a tree. https://hl7.org/fhir/R4/fhirpath.html

It is the part of FHIRPath (http://hl7.org/fhirpath/N1/#grammar) that the expressions of HL7's search parameters use,
in R4's form (``value as Quantity``) and in STU3's (``value.as(Quantity)``). ``as`` and ``ofType`` mean the same here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal


class ExpressionError(ValueError):
    """An expression that is not FHIRPath, lies outside our part of it, or names an element that does not exist."""


@dataclass(frozen=True, slots=True)
class Focus:
    """What the expression is evaluated on; ``%resource`` where ``resource`` is set."""

    resource: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, number or boolean written in the expression."""

    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Member:
    """``base.name``; ``first`` for a name that starts a path and may therefore be the name of a type."""

    base: Node
    name: str
    first: bool


@dataclass(frozen=True, slots=True)
class Call:
    """``base.function(arguments)``."""

    base: Node
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """``base[position]``."""

    base: Node
    position: int


@dataclass(frozen=True, slots=True)
class TypeTest:
    """``base is type`` (a boolean) or ``base as type`` (what is of that type)."""

    base: Node
    operator: Literal["is", "as"]
    type: str


@dataclass(frozen=True, slots=True)
class Operation:
    """``left operator right``."""

    operator: str
    left: Node
    right: Node


Node = Focus | Constant | Member | Call | Index | TypeTest | Operation

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<number>\d+)
      | (?P<name>[A-Za-z_]\w*|`[^`]+`)
      | (?P<mark>%resource\b|!=|[.()\[\]|=,])
      | (?P<end>$)
    )""",
    re.VERBOSE,
)
# From loose to tight, http://hl7.org/fhirpath/N1/#operator-precedence; `is` and `as` bind tighter than all of these.
_OPERATORS: Final = (("or",), ("and",), ("=", "!="), ("|",))
_TYPE_FUNCTIONS: Final[dict[str, Literal["is", "as"]]] = {"is": "is", "as": "as", "ofType": "as"}
_ESCAPE: Final = re.compile(r"\\(.)")


def parse(expression: str) -> Node:
    """The tree of ``expression``. Raises ``ExpressionError`` with the position of what cannot be read."""
    return _Parser(expression).parse()


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = self._scan()
        self._kind, self._text = next(self._tokens)

    def parse(self) -> Node:
        tree = self._operation(0)
        if self._kind != "end":
            raise self._error()
        return tree

    def _scan(self) -> Iterator[tuple[str, str]]:
        position = 0
        while True:
            found = _TOKEN.match(self._expression, position)
            if found is None or found.lastgroup is None:
                raise ExpressionError(f"Cannot read {self._expression[position:]!r} in {self._expression!r}")
            yield found.lastgroup, found[found.lastgroup]
            position = found.end()

    def _error(self) -> ExpressionError:
        return ExpressionError(f"Unexpected {self._text or 'end'!r} in {self._expression!r}")

    def _take(self, *expected: str) -> bool:
        """Step over the token if it is one of these marks or words."""
        if self._kind in ("mark", "name") and self._text in expected:
            self._kind, self._text = next(self._tokens)
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._take(mark):
            raise self._error()

    def _word(self, kind: str) -> str:
        if self._kind != kind:
            raise self._error()
        text = self._text
        self._kind, self._text = next(self._tokens)
        return text.strip("`") if kind == "name" else text

    def _operation(self, level: int) -> Node:
        if level == len(_OPERATORS):
            return self._typed()
        left = self._operation(level + 1)
        operator = self._text
        while self._take(*_OPERATORS[level]):
            left = Operation(operator, left, self._operation(level + 1))
            operator = self._text
        return left

    def _typed(self) -> Node:
        node = self._path()
        while True:
            if self._take("is"):
                node = TypeTest(node, "is", self._word("name"))
            elif self._take("as"):
                node = TypeTest(node, "as", self._word("name"))
            else:
                return node

    def _path(self) -> Node:
        node = self._term()
        while True:
            if self._take("."):
                node = self._invocation(node, first=False)
            elif self._take("["):
                node = Index(node, int(self._word("number")))
                self._need("]")
            else:
                return node

    def _term(self) -> Node:
        if self._take("("):
            node = self._operation(0)
            self._need(")")
            return node
        if self._take("%resource"):
            return Focus(resource=True)
        if self._kind == "string":
            return Constant(_ESCAPE.sub(r"\1", self._word("string")[1:-1]))
        if self._kind == "number":
            return Constant(int(self._word("number")))
        if self._kind == "name" and self._text in ("true", "false"):
            return Constant(self._word("name") == "true")
        return self._invocation(Focus(), first=True)

    def _invocation(self, base: Node, *, first: bool) -> Node:
        name = self._word("name")
        if not self._take("("):
            return Member(base, name, first)
        if name in _TYPE_FUNCTIONS:
            type_name = self._word("name")
            self._need(")")
            return TypeTest(base, _TYPE_FUNCTIONS[name], type_name)
        arguments: list[Any] = []
        while not self._take(")"):
            arguments.append(self._operation(0))
            if self._text != ")":
                self._need(",")
        return Call(base, name, tuple(arguments))

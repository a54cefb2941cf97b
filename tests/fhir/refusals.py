"""A resource with one thing wrong, and what must be said about it: the rows of the tables of refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.fhir.definitions import Definitions
from app.fhir.validation import validate

Fact = tuple[str, tuple[str, ...], str | None]
"""Code, expressions and rule of an issue."""


@dataclass(frozen=True)
class Refused:
    """``resource`` has one thing wrong, and the issue that says so has this code, expression and rule."""

    resource: dict[str, Any]
    code: str
    expression: str
    rule: str | None = None

    @property
    def expected(self) -> list[Fact]:
        """The one issue."""
        return [(self.code, (self.expression,), self.rule)]

    def found(self, definitions: Definitions) -> list[Fact]:
        """The issues that validation gives."""
        return [(issue.code, issue.expression, issue.rule) for issue in validate(self.resource, definitions)]

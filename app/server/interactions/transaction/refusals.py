"""The problems of all entries of a transaction, told at once."""

from __future__ import annotations

from dataclasses import replace

from app.errors import Issue, ZelfregieError


def in_entry(index: int, error: ZelfregieError, member: str = "") -> list[Issue]:
    """The issues of an error, said of the entry or of a member of it; what is told beside them, of what is stored,
    keeps its own elements too.
    """
    where = f"Bundle.entry[{index}]{member}"
    return [
        replace(each, expression=(where, *each.expression) if each.severity == "information" else (where,))
        for each in error.all_issues()
    ]


class Refusals:
    """Collects what is wrong with entries while the rest is looked at."""

    __slots__ = ("_issues", "_kind")

    def __init__(self) -> None:
        self._kind: type[ZelfregieError] | None = None
        self._issues: list[Issue] = []

    def add(self, index: int, error: ZelfregieError, member: str = "") -> None:
        """One more; the first one says what kind of refusal it is."""
        self._kind = self._kind or type(error)
        self._issues += in_entry(index, error, member)

    def check(self, text: str) -> None:
        """Raise what there is, with all issues."""
        if self._kind is not None:
            raise self._kind(text, issues=tuple(self._issues))

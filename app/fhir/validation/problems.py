"""Problems while they travel up from the element to the resource: https://hl7.org/fhir/R4/operationoutcome.html.

A check answers None when all is well. Otherwise it answers its problems, and each level on the way up appends one step
to their paths: a valid resource builds no path at all, and a part of a resource need not know where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from app.errors import Issue, Severity

MOST = 200
"""Issues that one answer names: a body can hold a problem every few bytes. Checks stop looking beyond it."""


class Problem:
    """One problem; ``path`` holds the steps (``.code``, ``[1]``) from the innermost outwards."""

    __slots__ = ("code", "facts", "kind", "path", "rule", "severity", "text")

    pending = False
    """Whether something around the element may yet show that all is well."""

    def __init__(
        self,
        code: str,
        text: str,
        *,
        path: Iterable[str] = (),
        rule: str | None = None,
        severity: Severity = "error",
        kind: str = "",
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.code = code
        self.kind = kind
        self.facts = facts
        self.text = text
        self.path = list(path)
        self.rule = rule
        self.severity = severity


class MissingItems(Problem):
    """Nulls in an array of primitives, which are right when the array beside it has extensions at their ``indexes``."""

    __slots__ = ("indexes",)

    pending = True

    def __init__(self, indexes: list[int]) -> None:
        text = (
            "A null needs an extension at the same place of the array beside it (_name): add it, or leave the null out."
        )
        super().__init__("structure", text, path=(f"[{indexes[0]}]",), kind="no-null")
        self.indexes = indexes


class LocalReference(Problem):
    """A reference to ``#fragment``, right when the resource around it contains that, of a type in ``targets``."""

    __slots__ = ("fragment", "targets")

    pending = True

    def __init__(self, fragment: str, targets: frozenset[str]) -> None:
        text = (
            "The reference names a contained resource that is not there: contain one with that id, or refer to Type/id."
        )
        super().__init__("invariant", text, rule="ref-1")
        self.fragment = fragment
        self.targets = targets


class ConditionalReference(Problem):
    """A reference that is a search, which is right in a transaction."""

    __slots__ = ()

    pending = True

    def __init__(self) -> None:
        super().__init__(
            "value",
            "Only a transaction may refer by a search: write Type/id, or send a Bundle of type transaction.",
            kind="conditional-reference",
        )


Problems = list[Problem]
Check = Callable[[Any], Problems | None]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch


class Collected(Problems):
    """Problems of the parts of something; ``enough`` when there are more that nothing can solve than are listed."""

    __slots__ = ("definite",)

    def __init__(self) -> None:
        super().__init__()
        self.definite = 0

    @property
    def enough(self) -> bool:
        return self.definite > MOST


def joined(problems: Collected | None, found: Problems, step: str) -> Collected:
    """``problems`` with those found in the part that ``step`` leads to."""
    if problems is None:
        problems = Collected()
    for problem in found:
        problem.path.append(step)
        problems.append(problem)
        problems.definite += not problem.pending
    return problems


def foreign(name: str, version: str) -> Problem:
    """A resource type that ``version`` of FHIR does not have."""
    return Problem(
        "structure",
        f"FHIR {version} has no such resource type{f': {name}' if _NAME(name) else ''}. Capitals matter.",
        kind="unknown-type",
        facts=(("version", version),),
    )


def unknown(name: str, owner: str, known: Iterable[str]) -> Problem:
    """A member that ``owner`` does not have; ``known`` are those that it has, one of which may be meant.

    Something that cannot be a name is not repeated: it may be anything.
    """
    if not _NAME(name):
        text = f"A member of {owner} has a name that no element has: take it out."
        return Problem("structure", text, kind="unknown-element")
    near = _nearest(name.removeprefix("_"), known)
    hint = f" Did you mean {near}?" if near else " Take it out, or use an extension."
    text = f"{owner} has no element {name}.{hint}"
    return Problem("structure", text, path=("." + name.removeprefix("_"),), kind="unknown-element")


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant: one that goes on with a type (``value``), or differs by a letter or two."""
    alike = [each for each in known if each[0] == name[0].lower()]
    if len(name) > 2 and (longer := next((each for each in alike if each.startswith(name)), None)):
        return longer
    # Comparing is slow, and a body can hold very many wrong names.
    similar = [each for each in alike if abs(len(each) - len(name)) <= 2]
    return next(iter(get_close_matches(name, similar, n=1)), None)


def issues(problems: Problems, root: str) -> list[Issue]:
    """The problems as issues of the resource type ``root``, in the order of the resource."""
    named = [
        Issue(
            problem.code,
            problem.text,
            expression=(root + "".join(reversed(problem.path)),),
            severity=problem.severity,
            rule=problem.rule,
            kind=problem.kind,
            facts=problem.facts,
        )
        for problem in problems[:MOST]
    ]
    if len(problems) > MOST:
        named.append(
            Issue(
                "informational",
                "There are more problems; these are the first. Solve these and send it again.",
                severity="information",
                kind="more-problems",
            )
        )
    return named

"""Problems while they travel up from the element to the resource: https://hl7.org/fhir/R4/operationoutcome.html.

A check answers None when all is well. Otherwise it answers its problems, and each level on the way up appends one step
to their paths: a valid resource builds no path at all, and a part of a resource need not know where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from app.errors import Issue

MOST = 200
"""Issues that one answer names; a body can hold a problem every few bytes."""


class Problem:
    """One problem; ``path`` holds the steps (``.code``, ``[1]``) from the innermost outwards."""

    __slots__ = ("code", "path", "rule", "text")

    def __init__(self, code: str, text: str, *, path: Iterable[str] = (), rule: str | None = None) -> None:
        self.code = code
        self.text = text
        self.path = list(path)
        self.rule = rule


class MissingItem(Problem):
    """A null in an array of primitives, which is right when the extensions beside it have something at ``index``."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        super().__init__("structure", "A null must have an extension at the same place of the array beside it.")
        self.index = index


class LocalReference(Problem):
    """A reference to ``#fragment``, right when the resource around it contains that, of a type in ``targets``."""

    __slots__ = ("fragment", "targets")

    def __init__(self, fragment: str, targets: frozenset[str]) -> None:
        text = "The reference names a contained resource that is not there."
        super().__init__("invariant", text, rule="ref-1")
        self.fragment = fragment
        self.targets = targets


class ConditionalReference(Problem):
    """A reference that is a search, which is right in a transaction."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("value", "Only a transaction may refer by a search.")


Problems = list[Problem]
Check = Callable[[Any], Problems | None]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch


def joined(problems: Problems | None, found: Problems, step: str) -> Problems:
    """``problems`` with those found in the part that ``step`` leads to."""
    for problem in found:
        problem.path.append(step)
    if problems is None:
        return found
    problems.extend(found)
    return problems


def unknown(name: str, owner: str) -> Problem:
    """A member that ``owner`` does not have. Something that cannot be a name is not repeated: it may be anything."""
    if not _NAME(name):
        return Problem("structure", f"A member of {owner} has a name that no element has.")
    return Problem("structure", f"{owner} has no element {name}.", path=("." + name.removeprefix("_"),))


def issues(problems: Problems, root: str) -> list[Issue]:
    """The problems as issues of the resource type ``root``, in the order of the resource."""
    named = [
        Issue(problem.code, problem.text, expression=(root + "".join(reversed(problem.path)),), rule=problem.rule)
        for problem in problems[:MOST]
    ]
    if len(problems) > MOST:
        left = len(problems) - MOST
        named.append(Issue("informational", f"{left} more problems are not listed.", severity="information"))
    return named

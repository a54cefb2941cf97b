"""The scopes of one grant, united: which types, which actions, and what narrows each.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from app.fhir.scopes.actions import LETTERS
from app.fhir.scopes.grammar import EVERY_TYPE, LEVELS, Level, Scope, read_scopes
from app.fhir.scopes.narrowing import Query, implies


@dataclass(frozen=True, slots=True)
class Scopes:
    """The resource scopes of one grant. ``every_type`` and ``by_type``: the actions that are allowed at all;
    ``narrowed`` has those that a query narrows, and is None where none is, so that asking costs nothing. ``levels`` of
    all that the text has, counted or not.
    """

    text: str
    every_type: int
    by_type: dict[str, int]
    narrowed: Narrowed | None = None
    levels: frozenset[Level] = frozenset()

    def allow(self, resource_type: str, action: int) -> bool:
        """Whether ``action`` on ``resource_type`` is among them; ``limits`` says of which resources."""
        return bool((self.every_type | self.by_type.get(resource_type, 0)) & action)

    def types(self, action: int) -> frozenset[str] | Literal["every"]:
        """The types that allow ``action``."""
        if self.every_type & action:
            return "every"
        return frozenset(name for name, actions in self.by_type.items() if actions & action)

    def limits(self, resource_type: str, action: int) -> tuple[Query, ...] | None:
        """The queries of which a resource must meet one for ``action``: none that any meets where it is not allowed at
        all; None where nothing is asked of a resource.
        """
        return None if self.narrowed is None else self.narrowed.limits(resource_type, action)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Per type and action, the queries that scopes are narrowed by; those of every type beside a type's own. ``free``:
    what a scope without a query allows.
    """

    by_type: Mapping[tuple[str, int], tuple[Query, ...]]
    free: frozenset[tuple[str, int]]

    def limits(self, resource_type: str, action: int) -> tuple[Query, ...] | None:
        """As ``Scopes.limits``."""
        if (resource_type, action) in self.free or (EVERY_TYPE, action) in self.free:
            return None
        found = (*self.by_type.get((EVERY_TYPE, action), ()), *self.by_type.get((resource_type, action), ()))
        return widest(found)


def widest(queries: Collection[Query]) -> tuple[Query, ...]:
    """Without those that find nothing that another one does not."""
    each_once = sorted(set(queries))
    return tuple(
        query for query in each_once if not any(implies(query, other) for other in each_once if other != query)
    )


def parse_scopes(text: str, levels: Collection[Level] = LEVELS) -> Scopes:
    """Read a space-separated scope string, as far as it is of ``levels``. Raises ``Invalid`` for a resource scope that
    is none.

    Scopes that name no resource (``openid``, ``launch``) say nothing about data and are passed over.
    """
    _, scopes = read_scopes(text)
    every_type = 0
    by_type: dict[str, int] = {}
    counted = [each for each in scopes if each.level in levels]
    for scope in counted:
        if scope.type == EVERY_TYPE:
            every_type |= scope.actions
        else:
            by_type[scope.type] = by_type.get(scope.type, 0) | scope.actions
    return Scopes(text, every_type, by_type, _narrowed(counted), frozenset(each.level for each in scopes))


def _narrowed(scopes: list[Scope]) -> Narrowed | None:
    if not any(scope.query for scope in scopes):
        return None
    by_type: dict[tuple[str, int], list[Query]] = {}
    free: set[tuple[str, int]] = set()
    for scope in scopes:
        for action in LETTERS.values():
            if scope.actions & action:
                if scope.query:
                    by_type.setdefault((scope.type, action), []).append(scope.query)
                else:
                    free.add((scope.type, action))
    return Narrowed({key: widest(queries) for key, queries in by_type.items()}, frozenset(free))

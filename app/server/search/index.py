"""From a resource to its index rows: what it can be found by.

A parameter is skipped when none of its elements is among the resource's members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import Final

from app.fhir.dates import NO_DATE
from app.fhir.resource import Resource
from app.server.search.kind import Fill, Language, Walk
from app.server.search.kinds import KINDS
from app.server.search.references import fill_identifiers
from app.server.search.registry import EVERY, Param, Registry
from app.server.search.rows import Rows
from app.server.search.terms import wording
from app.server.search.tokens import WORDING

Step = tuple[frozenset[str], Walk, Fill, int]
"""Of one parameter: the members it needs one of, its walker, what it adds, its bits of ``present``."""

_MOST_PLANS: Final = 200
_MARK: Final = 1 << 63


class Indexer:
    """Makes the rows of one resource type. ``base`` is this server's address."""

    def __init__(self, registry: Registry, resource_type: str, *, base: str) -> None:
        language = Language(registry, base)
        params = registry.params(resource_type).values()

        # A composite without rows of its own is there when all its components are; each has a mark behind the bits.
        joint = [param for param in params if param.joint]
        components = dict.fromkeys(each for param in joint for each in param.components)
        marks = {each: _MARK << place for place, each in enumerate(components)}

        def bits(param: Param) -> int:
            """Its own, and those of what it is a part of."""
            wholes = (each for each in params if param in each.parts)
            return reduce(or_, map(bits, wholes), registry.present_bit(param) | marks.get(param, 0))

        def step(param: Param) -> Step:
            kind = KINDS[param.kind]
            return frozenset(param.walker.elements), kind.walk(param), kind.fill(param, language), bits(param)

        leaves = dict.fromkeys(leaf for param in params for leaf in param.leaves)
        filled = [param for param in leaves if not param.joint]
        owners = [param for param in filled if param.owner]
        steps = [step(param) for param in filled if not param.owner]
        self._owned_steps = list(steps)
        if owners:
            # All of them find the same; the shortest path is the fastest.
            elements, walk, _, _ = step(min(owners, key=lambda param: len(param.definition.expression)))
            self._owned_steps.append((elements, walk, fill_identifiers(owners), 0))
        self._owner_bits = reduce(or_, map(bits, owners), 0)
        # Who is named as subject and is not the record's patient: a Device, a Group, somebody elsewhere.
        self._unowned_steps = [*steps, *map(step, owners)]
        self._plans: dict[tuple[bool, tuple[str, ...]], list[Step]] = {}
        self._joint = [(reduce(or_, (marks[each] for each in param.components)), bits(param)) for param in joint]
        self._present: dict[int, int] = {}

    def rows(self, resource: Resource, *, owned: bool) -> Rows:
        """All index rows of ``resource``, which is valid; ``owned``: it names its partition's patient as subject."""
        rows = Rows(NO_DATE, 0, [(EVERY, EVERY)])
        members = tuple(resource)
        steps = self._plans.get((owned, members))
        if steps is None:
            steps = self._plan(members, owned=owned)
        return self._ended(rows, _taken(steps, resource, rows, self._owner_bits if owned else 0))

    def alike(self, resource: Resource, *, owned: bool, varying: frozenset[str]) -> Alike:
        """For resources that have the same members as this one, and only say something else in those of ``varying``:
        what the others come to is looked for once.
        """
        steps = self._plan(tuple(resource), owned=owned)
        same = [each for each in steps if each[0] and each[0].isdisjoint(varying)]
        rows = Rows(NO_DATE, 0, [(EVERY, EVERY)])
        present = _taken(same, resource, rows, self._owner_bits if owned else 0)
        return Alike(rows, present, [each for each in steps if each not in same], self._ended)

    def _ended(self, rows: Rows, present: int) -> Rows:
        """With what follows from all of its parameters together."""
        rows.present = self._whole(present)
        if rows.words:
            value, terms = wording(tuple(rows.words))
            rows.tokens.append((WORDING, value))
            rows.terms.update(terms)
        return rows

    def _whole(self, present: int) -> int:
        """The bits of what is there, those of composites too; kept for the next one, since most have the same."""
        known = self._present.get(present)
        if known is not None:
            return known
        made = present
        for needed, bit in self._joint:
            if made & needed == needed:
                made |= bit
        if len(self._present) >= _MOST_PLANS:
            self._present.clear()
        self._present[present] = made & _MARK - 1
        return made & _MARK - 1

    def _plan(self, members: tuple[str, ...], *, owned: bool) -> list[Step]:
        """The steps that a resource with these members takes, kept for the next one: most have the same."""
        steps = self._owned_steps if owned else self._unowned_steps
        taken = [each for each in steps if not each[0] or not each[0].isdisjoint(members)]
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[owned, members] = taken
        return taken


class Alike:
    """Makes the rows of resources that resemble each other (``Indexer.alike``)."""

    def __init__(self, rows: Rows, present: int, steps: list[Step], ended: Callable[[Rows, int], Rows]) -> None:
        self._same = rows
        self._present = present
        self._steps = steps
        self._ended = ended

    def rows(self, resource: Resource) -> Rows:
        """All index rows of one of them."""
        rows = self._same.copy()
        return self._ended(rows, _taken(self._steps, resource, rows, self._present))


def _taken(steps: Sequence[Step], resource: Resource, rows: Rows, present: int) -> int:
    """Let each step add its rows; ``present`` with their bits."""
    for _, walk, fill, bit in steps:
        found = walk(resource)
        if found:
            present |= bit
            fill(rows, found)
    return present

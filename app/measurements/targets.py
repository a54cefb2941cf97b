"""Targets are personal: what somebody set for themselves, or with a care provider, as ``Goal.target``.

The measure of the target is a code of the measurement, its detail a range, or a quantity with a comparator. Who set it
is the goal's ``expressedBy``, when is its ``statusDate``, ``startDate`` or last change. There is no default, ever.
https://hl7.org/fhir/R4/goal-definitions.html#Goal.target
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from app.database import Reader
from app.errors import Invalid
from app.fhir.dates import NO_DATE, bounds
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.measurements.kinds import Kind, Value, keys_of, recognised
from app.measurements.readings import quantity_in
from app.server.access import Access
from app.server.search import page
from app.server.search.parse import Part
from app.server.server import FhirServer

MOST_GOALS: Final = 1000
"""That are looked at, the newest first."""
_ACTIVE: Final[Part] = ("lifecycle-status", "active", "lifecycle-status=active")
_BELOW: Final = ("<", "<=")


@dataclass(frozen=True, slots=True)
class Target:
    """From ``low`` to ``high`` in the unit of a value, as far as given; ``without``: the bound itself is not within, as
    with ``<`` and ``>``. ``goal``: where it is from, empty where it was given in the call; ``author``: a Reference.
    """

    low: Fraction | None
    high: Fraction | None
    without: bool = False
    goal: str = ""
    author: Resource | None = None
    date: str = ""
    due: str = ""

    def holds(self, value: Fraction) -> bool:
        """Whether a value is within."""
        if self.without and value in (self.low, self.high):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


async def newest_targets(
    server: FhirServer,
    reader: Reader,
    access: Access,
    kind: Kind,
    *,
    patient: str | None,
    owner: Part | None,
    canonical_base: str,
    now: int,
) -> dict[str, Target]:
    """The newest target in an active goal of each value of a kind, by its name, as far as the caller may see goals;
    ``patient`` and ``owner`` as in a series.
    """
    if not access.scopes.allow("Goal", Action.SEARCH):
        return {}
    query = server.parser.parse("Goal", [_ACTIVE] if owner is None else [owner, _ACTIVE], lenient=False)
    query.count = MOST_GOALS
    if patient is not None:
        query.nothing = query.nothing or bool(query.patient and query.patient[0] != patient)
        query.patient = [patient]
    found = await page.run(server, reader, access, query, now=now)
    newest: dict[str, tuple[int, Target]] = {}
    for row in found.rows:
        if b'"target"' in row[1]:
            for name, target in targets_in({**decode(row[1]), "id": row[0]}, kind, canonical_base):
                at = _when(target.date)
                if name not in newest or at > newest[name][0]:
                    newest[name] = at, target
    return {name: target for name, (_, target) in newest.items()}


def targets_in(goal: Resource, kind: Kind, canonical_base: str) -> Iterator[tuple[str, Target]]:
    """The targets of a goal that are about a value of this kind, with the name of the value."""
    date = goal.get("statusDate") or goal.get("startDate") or goal.get("meta", {}).get("lastUpdated", "")
    for each in goal.get("target", ()):
        value = _measured(each, kind, canonical_base)
        if value is None:
            continue
        limits = _limits(each, value)
        if limits is not None:
            low, high, without = limits
            yield (
                value.name,
                Target(low, high, without, goal["id"], goal.get("expressedBy"), date, each.get("dueDate", "")),
            )


def target_given(low: Decimal | None, high: Decimal | None) -> Target | None:
    """The one that a call has. Raises ``Invalid`` where nothing can be within."""
    if low is None and high is None:
        return None
    if low is not None and high is not None and low > high:
        raise Invalid("target-low is higher than target-high: turn the two round.", "value")
    return Target(None if low is None else Fraction(low), None if high is None else Fraction(high))


def _measured(target: Resource, kind: Kind, canonical_base: str) -> Value | None:
    keys = tuple(keys_of(target.get("measure"), canonical_base))
    own = kind.value
    if own is not None and any(code.key in keys for code in recognised((*kind.codes, *own.codes))):
        return own
    return kind.find(keys)


def _limits(target: Resource, value: Value) -> tuple[Fraction | None, Fraction | None, bool] | None:
    """None for what is no range: a single number is what somebody wants to get to, and nothing is within it."""
    listed: Sequence[Any]
    if "detailRange" in target:
        listed = [target["detailRange"].get(name) for name in ("low", "high")]
        found = [None if each is None else quantity_in(each, value) for each in listed]
        unread = any(each is not None and amount is None for each, amount in zip(listed, found, strict=True))
        return None if unread or found == [None, None] else (found[0], found[1], False)
    quantity = target.get("detailQuantity", {})
    comparator = quantity.get("comparator", "")
    amount = quantity_in({name: each for name, each in quantity.items() if name != "comparator"}, value)
    if not comparator or amount is None:
        return None
    without = "=" not in comparator
    return (None, amount, without) if comparator in _BELOW else (amount, None, without)


def _when(date: str) -> int:
    return bounds(date)[0] if date else NO_DATE

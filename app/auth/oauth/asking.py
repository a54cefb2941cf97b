"""What a person is asked when an app asks for their data: data categories by what may be done with them.

The rules are pure: which cells of that table a request fills, what an earlier answer covers, and how an answer becomes
consents, each of which allows the same actions on all its categories (MODEL 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from app.auth.consents.allowances import ACTIONS, CATEGORIES, CONTENT, labels
from app.auth.oauth.scopes import Granted
from app.fhir.dates import LOCAL
from app.server.access import FOREVER

Cells = Mapping[str, int]
"""Per action (see, add, change) the categories, as a bit set."""
PERIODS: Final[Mapping[str, int]] = {"month": 31, "quarter": 92, "year": 365, "forever": 0}
"""How long a consent may be given for, in days; 0 for no end."""
USUAL: Final = "year"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one consent allows: ``actions`` (bits) on ``labels`` (bits)."""

    labels: int
    actions: int


def asked(scopes: Granted) -> Cells:
    """What an app asks for. Consents and the access log are never part of it."""
    return {name: scopes.labels(labels(), bits, CONTENT) for name, bits in ACTIONS.items()}


def rows(cells: Cells) -> list[tuple[str, tuple[str, ...]]]:
    """Per category with at least one action, in the table's order, its name and the actions."""
    return [
        (name, found)
        for name, category in CATEGORIES.items()
        if (found := tuple(action for action in ACTIONS if cells.get(action, 0) >> category.bit & 1))
    ]


def chosen(ticked: Iterable[str], limit: Cells) -> Cells:
    """The cells that a person ticked, each written ``action:category``; never more than ``limit``."""
    wanted = set(ticked)
    return {
        action: sum(
            1 << category.bit
            for name, category in CATEGORIES.items()
            if f"{action}:{name}" in wanted and limit.get(action, 0) >> category.bit & 1
        )
        for action in ACTIONS
    }


def allowances(cells: Cells) -> list[Allowance]:
    """The cells as consents: one for each combination of actions."""
    by_actions: dict[int, int] = {}
    for name, found in rows(cells):
        actions = 0
        for action in found:
            actions |= ACTIONS[action]
        by_actions[actions] = by_actions.get(actions, 0) | 1 << CATEGORIES[name].bit
    return [Allowance(labels, actions) for actions, labels in sorted(by_actions.items())]


def actions_in(cells: Cells) -> int:
    """Every action that is allowed on anything, as bits."""
    union = 0
    for allowance in allowances(cells):
        union |= allowance.actions
    return union


def covered(cells: Cells, given: Iterable[Allowance]) -> bool:
    """Whether ``given`` allows every cell."""
    united = dict.fromkeys(ACTIONS, 0)
    for each in given:
        for action, bits in ACTIONS.items():
            if not bits & ~each.actions:
                united[action] |= each.labels
    return all(not labels & ~united[action] for action, labels in cells.items())


def inside(given: Allowance, cells: Cells) -> bool:
    """Whether ``given`` says nothing about what is not among ``cells``."""
    return all(not given.labels & ~cells.get(action, 0) for action, bits in ACTIONS.items() if bits & given.actions)


def end_of(period: str, now: int) -> int:
    """When a consent ends that is given now for a period: midnight in the Netherlands, or never (µs)."""
    days = PERIODS[period]
    if not days:
        return FOREVER
    today: date = (_EPOCH + timedelta(microseconds=now)).astimezone(LOCAL).date()
    midnight = datetime.combine(today + timedelta(days=days + 1), time(), LOCAL)
    return int((midnight - _EPOCH) / timedelta(microseconds=1))

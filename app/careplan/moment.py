"""The plan at one moment, by the number of a revision or by a time: which versions it showed, and what of them the
caller may see now. MODEL 2, "Revisions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.careplan.difference import PlanState
from app.careplan.history import History
from app.careplan.names import Names
from app.careplan.past import Key, Member, Named, Revision
from app.careplan.refusals import refused
from app.careplan.words import remark
from app.errors import Gone, Invalid, Issue, NotFound
from app.fhir.dates import OPEN_END, bounds
from app.fhir.resource import Resource
from app.server.store.removal import removed

_NUMBER_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """``members``: every version that the plan showed, in the plan's order, those that may not be seen too. ``missing``
    are versions that a manifest names and that are nowhere, as in a record that was restored in part.
    """

    revision: Revision
    members: Sequence[Member]
    missing: Sequence[Key]

    @property
    def shown(self) -> list[Member]:
        """What the caller may see, as far as it is still there."""
        return [each for each in self.members if each.body is not None]

    def parts(self) -> dict[Named, Member]:
        """The plan, its goals and network, as far as they may be seen, by type and id; the plan first. Raises
        ``NotFound`` where that is not the plan itself.
        """
        plan = next(iter(self.members), None)
        if plan is None or plan.type != "CarePlan" or plan.body is None:
            raise refused(NotFound, "moment-unseen", as_type="not-found")
        parts = {(plan.type, plan.id): plan}
        return parts | {(each.type, each.id): each for each in self.shown if each.type in ("Goal", "CareTeam")}

    def state(self) -> PlanState:
        """The same as plan, goals and network. Raises ``NotFound`` in the same way."""
        return state_of({named: each.resource() or {} for named, each in self.parts().items()})

    def remarks(self) -> list[Issue]:
        """What is not shown, and why: removed at the person's request, or not for the caller to see."""
        found = [
            Issue(
                "deleted",
                removed(f"{each.type}/{each.id}", each.removed or each.updated),
                severity="information",
                kind="erased",
            )
            for each in self.members
            if each.is_erased
        ]
        hidden = sum(each.is_hidden for each in self.members)
        if hidden or not self.revision.seen:
            found.append(Issue("suppressed", remark("left-out"), severity="information"))
        if self.missing:
            found.append(Issue("incomplete", remark("missing"), severity="warning"))
        return found


def state_of(parts: Mapping[Named, Resource]) -> PlanState:
    """A plan, which comes first, with its goals and network, by type and id."""
    sides: dict[str, dict[str, Resource]] = {"CarePlan": {}, "Goal": {}, "CareTeam": {}}
    for (kind, resource_id), resource in parts.items():
        sides[kind][resource_id] = resource
    (plan,) = sides["CarePlan"].values()
    return PlanState(plan, sides["Goal"], sides["CareTeam"])


async def at(history: History, given: str, names: Names) -> Moment:
    """The plan at a number or time as it was written in a request; digits only are a number, also where they look like
    a year. Raises ``Invalid``, ``NotFound`` or ``Gone``.
    """
    text = given.strip()
    if text.isascii() and text.isdecimal():
        return await at_number(history, int(text[: _NUMBER_DIGITS + 1]), names)
    return await at_time(history, text, names)


async def newest(history: History, names: Names) -> Moment:
    """What the plan showed after its newest revision."""
    return await _after(await history.at_time(OPEN_END), history, names)


async def at_number(history: History, number: int, names: Names) -> Moment:
    """What the plan showed after a revision, in those very versions."""
    return await _after(await history.at_number(number), history, names)


async def _after(revision: Revision, history: History, names: Names) -> Moment:
    keys = _kept(revision).manifest(names)
    found = await history.versions(keys)
    return Moment(revision, [found[key] for key in keys if key in found], [key for key in keys if key not in found])


async def at_time(history: History, given: str, names: Names) -> Moment:
    """What the plan showed at the end of a day, second or other time: the parts that the newest revision until then
    names, each as it was then, also where it was changed meanwhile without a revision, and what had been said of its
    goals.
    """
    try:
        before = bounds(given)[1]
    except Invalid as error:
        raise refused(Invalid, "no-moment", as_type="value") from error
    revision = _kept(await history.at_time(before))
    keys = revision.manifest(names)
    found = await history.versions_at(keys, before)
    members = [found[key[:2]] for key in keys if key[:2] in found]
    missing = [key for key in keys if key[:2] not in found]
    # What was said of a goal since is no revision of the plan, and was there to be read with it.
    said = await history.said_of([key[1] for key in keys if key[0] == "Goal"], before)
    members += [each for each in said if each.key[:2] not in found]
    # What was deleted by then was not shown any more.
    return Moment(revision, [each for each in members if each.state != "delete"], missing)


def _kept(revision: Revision) -> Revision:
    if revision.erased:
        raise Gone(removed(f"Revision {revision.number}", revision.updated), kind="erased")
    return revision

"""What each of several revisions changed, in words: the versions that they wrote laid beside those that they replaced.

Only what the caller may see now is told; of the rest, that there was something. MODEL 2, "Revisions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.careplan.difference import Item, PlanState, differences
from app.careplan.history import History
from app.careplan.names import Names
from app.careplan.naming import Who
from app.careplan.past import Key, Member, Revision
from app.careplan.sentences import ERASED_CLAUSE, HIDDEN_CLAUSE, Clause, clause_of, clause_of_member, sentence, words_of
from app.careplan.shallow import NOTHING, Shallow, differing, shallow
from app.careplan.words import Words
from app.fhir.dates import OPEN_END
from app.fhir.resource import Resource

_PARTS: Final = ("CarePlan", "Goal", "CareTeam")


async def sentences_of(history: History, revisions: Sequence[Revision], names: Names) -> dict[int, Words]:
    """A sentence for each revision, by its number."""
    keys: dict[Key, None] = {}
    for revision in revisions:
        for key in revision.written:
            keys[key] = None
        for (kind, resource_id), version in revision.replaced.items():
            keys[kind, resource_id, version] = None
    content = _Content(await history.versions(keys))
    changes = {each.number: _changes(each, history.place.plan, content, names) for each in revisions}
    words = await _words_of_goals(history, [item for each in changes.values() for item in each.items])
    who = await Who.of(history, revisions)
    restored = await _restored(history, revisions)
    found = {}
    for each in revisions:
        told = changes[each.number]
        clauses = [*(clause_of(item, words) for item in told.items), *told.beside]
        found[each.number] = sentence(each, clauses, who.did(each), names, restored=restored.get(each.number, 0))
    return found


async def _restored(history: History, revisions: Sequence[Revision]) -> dict[int, int]:
    """The number of the revision that each one brought back, as far as it is still known."""
    sources = {each.number: each.sources for each in revisions if each.event == "restore"}
    numbers = await history.numbers_of({source for each in sources.values() for source in each})
    return {number: numbers[source] for number, listed in sources.items() for source in listed[:1] if source in numbers}


async def _words_of_goals(history: History, items: Sequence[Item]) -> dict[str, Words]:
    """The words of goals that came or went without being changed themselves, as they are now."""
    wanted = [each.key for each in items if each.part == "goal" and each.before is None and each.after is None]
    keys = [("Goal", each, 1) for each in dict.fromkeys(wanted)]
    found = await history.versions_at(keys, OPEN_END)
    return {key[1]: words_of(each.resource()) for key, each in found.items() if each.body is not None}


class _Content:
    """Versions, each read once: what one revision wrote another one replaced."""

    def __init__(self, members: Mapping[Key, Member]) -> None:
        self.members = members
        self._read: dict[Key, Shallow] = {}

    def of(self, key: Key) -> Shallow:
        """The content of a version; nothing where there is none for the caller."""
        if key not in self._read:
            found = self.members.get(key)
            self._read[key] = NOTHING if found is None else shallow(found.body)
        return self._read[key]


@dataclass(frozen=True, slots=True)
class _Changes:
    """What one revision changed: of the plan's own parts, and what else there is to tell."""

    items: Sequence[Item]
    beside: Sequence[Clause]


def _changes(revision: Revision, plan_id: str, content: _Content, names: Names) -> _Changes:
    stub: Resource = {"resourceType": "CarePlan", "id": plan_id}
    before: dict[str, dict[str, Resource]] = {each: {} for each in _PARTS}
    after: dict[str, dict[str, Resource]] = {each: {} for each in _PARTS}
    beside: list[Clause] = []
    for key in revision.written:
        kind, resource_id, _ = key
        found = content.members.get(key)
        version = revision.replaced.get(key[:2])
        if found is None:
            continue
        now = content.of(key)
        was = NOTHING if version is None else content.of((kind, resource_id, version))
        if not now or (version is not None and not was):
            clause = ERASED_CLAUSE if found.is_erased else HIDDEN_CLAUSE
            beside += [] if clause in beside else [clause]
        elif kind not in _PARTS:
            beside.append(clause_of_member(found, "added" if version is None else "changed", names))
        else:
            old, after[kind][resource_id] = _sides(kind, was, now)
            if was:
                before[kind][resource_id] = old
    old_state, new_state = (
        PlanState(each["CarePlan"].get(plan_id, stub), each["Goal"], each["CareTeam"]) for each in (before, after)
    )
    return _Changes(differences(old_state, new_state, names), beside)


def _sides(kind: str, was: Shallow, now: Shallow) -> tuple[Resource, Resource]:
    """What differs of one part of the plan. Of what was born its words are told, and of the plan its goals and
    agreements, and not each element that it has.
    """
    also = ("resourceType", "id", "description") if kind == "Goal" else ("resourceType", "id")
    if was:
        names = [each for each in {**was, **now} if each != "meta"]
    else:
        names = ["goal", "activity"] if kind == "CarePlan" else []
    return differing(was, now, names, also=also)

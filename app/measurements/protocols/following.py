"""What holds for runs and their results, by whatever door a change comes in. https://hl7.org/fhir/R4/task.html

A result is written when its run is finished, of what is there under the lock. When a reading that it derives from
is corrected, marked as an error or deleted, it is computed again as a new version, with the status ``amended``; one of
which nothing is left is entered in error. Nobody else writes a result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.database import Reader
from app.errors import Conflict, Forbidden, Invalid, Issue, PreconditionFailed
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.measurements.confirming import is_the_person
from app.measurements.kinds import kind_of
from app.measurements.protocols.gathering import Gathering
from app.measurements.protocols.results import MARK as RESULT_MARK
from app.measurements.protocols.results import Origin, basis_of, origin_of, result_of, same
from app.measurements.protocols.table import measured_kinds
from app.measurements.protocols.tasks import MARK as RUN_MARK
from app.measurements.protocols.tasks import OPEN, is_run, result_id
from app.measurements.refusals import issue, text_of
from app.server.access import SERVICE, Access
from app.server.rules import Change, ChangeSet, Rule, Verdict

_KEPT: Final = ("code", "executionPeriod", "input", "output", "status", "for")


@dataclass(frozen=True, slots=True)
class Finishing:
    """What is meant by the change of a Task with its result: the run is over, and this is what comes of it."""

    origin: Origin


class Runs:
    """The rule, for one installation."""

    def __init__(self, definitions: Definitions, canonical_base: str) -> None:
        self._gathering = Gathering(definitions, canonical_base)
        self._base = canonical_base

    def rule(self) -> Rule:
        """For the server's list."""
        return Rule("protocol-runs", frozenset({"Task", "Observation"}), self._check, self._concerns, meant=Finishing)

    def _concerns(self, change: Change) -> bool:
        if change.type == "Task":
            was = change.was is not None and RUN_MARK in change.was
            return was or (change.after is not None and is_run(change.after, self._base))
        if change.type == "Observation":
            return change.was is not None or basis_of(change.after, self._base) is not None
        return False

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        if isinstance(changes.intent, Finishing):
            await self._check_finished(changes, reader, changes.intent)
            return Verdict()
        if changes.access.kind == SERVICE:
            return Verdict()
        issues: list[Issue] = []
        readings: list[Change] = []
        for each in changes.changes:
            if each.type == "Task":
                issues += self._task_issues(each, changes.access)
            elif each.type == "Observation":
                self._protect(each)
                before = each.before
                kind = None if before is None else kind_of(before, self._base)
                if kind is not None and kind.name in measured_kinds():
                    readings.append(each)
        if issues or not readings:
            return Verdict(tuple(issues))
        return Verdict(derived=await self._again(changes, reader, readings))

    def _task_issues(self, change: Change, access: Access) -> Iterable[Issue]:
        before, after = change.before, change.after
        if after is None or not is_run(before if before is not None else after, self._base):
            return
        done = before is not None and before.get("status") == "completed"
        if done and any((before or {}).get(each) != after.get(each) for each in _KEPT):
            yield issue("protocol-fixed", "Task")
        elif after.get("status") == "completed" and not done:
            yield issue("protocol-finish", "Task.status")
        elif after.get("status") in OPEN and (before or {}).get("status") not in OPEN and not is_the_person(access):
            yield issue("protocol-asked-only", "Task.status")

    def _protect(self, change: Change) -> None:
        """Raises ``Forbidden`` and ``Conflict``."""
        was = change.was is not None and RESULT_MARK in change.was and basis_of(change.before, self._base) is not None
        if was and change.after is None:
            raise Conflict(text_of("protocol-result-stays"), "business-rule")
        if was or basis_of(change.after, self._base) is not None:
            raise Forbidden(text_of("protocol-result-by-service"), "business-rule")

    async def _check_finished(self, changes: ChangeSet, reader: Reader, meant: Finishing) -> None:
        """That the result is that of what is there now, under the lock. Raises ``PreconditionFailed``."""
        known = result_id(changes.patient, meant.origin.task_id)
        origin = await self._gathering.with_newest_target(reader, changes.patient, meant.origin)
        readings = await self._gathering.readings(reader, changes.patient, origin.run)
        written = next((each.after for each in changes.changes if each.id == known), None)
        made = result_of(readings, origin, canonical_base=self._base, amended=False)
        if written is None or not same(written, made):
            raise PreconditionFailed("What was measured changed a moment ago; send it again.")

    async def _again(self, changes: ChangeSet, reader: Reader, readings: list[Change]) -> tuple[Resource, ...]:
        """The results that follow from changed readings."""
        held: dict[str, Resource] = {}
        if len(readings) > 1 and not await self._gathering.has_results(reader, changes.patient):
            return ()
        for each in readings:
            for result in await self._gathering.results(reader, changes.patient, each.id):
                if basis_of(result, self._base) is not None:
                    held[result["id"]] = result
        found: list[Resource] = []
        for result_id_, result in held.items():
            try:
                origin = origin_of(result, self._base)
            except Invalid:
                continue  # of a protocol that is not there any more: it stays as it was computed
            origin = await self._gathering.with_target_of(reader, changes.patient, origin)
            found += await self._computed(changes, reader, origin, result_id_)
        return tuple(found)

    async def _computed(self, changes: ChangeSet, reader: Reader, origin: Origin, result: str) -> tuple[Resource, ...]:
        """The result as it is to be; nothing where it is so already."""
        held = await self._gathering.one(reader, changes.patient, "Observation", result)
        stored = await self._gathering.readings(reader, changes.patient, origin.run)
        readings = _with_changes(stored, changes.changes)
        made = result_of(readings, origin, canonical_base=self._base, amended=True)
        return () if held is None or same(held, made) else ({**made, "id": result},)


def _with_changes(stored: list[Resource], changes: Iterable[Change]) -> list[Resource]:
    """Observations as they are after the changes."""
    found = {each["id"]: each for each in stored}
    for each in changes:
        if each.type == "Observation":
            found.pop(each.id, None)
            if each.after is not None:
                found[each.id] = {**each.after, "id": each.id}
    return list(found.values())

"""The write rule of Tasks that ask for a questionnaire: by PUT, PATCH, batch or transaction, what may become of one is
the same. https://hl7.org/fhir/R4/task.html#statemachine

What the service itself writes (load, rhythm, offers) is not looked at, but for what keeps it from others.
"""

from __future__ import annotations

from typing import Final

from app.database import Reader
from app.errors import Conflict, Issue
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, parse_reference
from app.questionnaires import refusals
from app.questionnaires.answers.intake import COMPLETE
from app.questionnaires.asking.people import has_asked, side_of
from app.questionnaires.asking.request import MARK, RESPONSE, TASK, answers_in, codes_of, is_asking
from app.questionnaires.asking.shape import Asked, Shape, issue
from app.questionnaires.asking.transitions import ASKER, PATIENT, REASON, transitions
from app.questionnaires.asking.transitions import RESPONSE as NEEDS_RESPONSE
from app.questionnaires.names import Names
from app.server.access import SERVICE
from app.server.rules import Change, ChangeSet, Rule, Verdict

COMPLETED: Final = "completed"


class AskingRules:
    """The rule, for the server's list."""

    def __init__(self, names: Names, shape: Shape, definitions: Definitions) -> None:
        self._names = names
        self._shape = shape
        self.definitions = definitions

    def rule(self) -> Rule:
        """Looks at Tasks only, and among what changes with one at responses."""
        return Rule("questionnaire-task", frozenset({TASK}), self._check, _concerns)

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        issues: list[Issue] = []
        for each in changes.changes:
            if each.type != TASK or not (is_asking(each.after) or is_asking(each.before)):
                continue
            if changes.access.kind == SERVICE:
                issues += await self._kept_from_others(changes, reader, each)
            else:
                issues += await self._issues(changes, reader, each)
        return Verdict(tuple(issues))

    async def _kept_from_others(self, changes: ChangeSet, reader: Reader, change: Change) -> list[Issue]:
        if change.after is None:
            return []
        asked = await self._shape.asked(self, reader, changes.access.catalogues, change.after)
        return [] if asked is None else self._shape.personal(asked, change.after, "input", care=False)

    async def _issues(self, changes: ChangeSet, reader: Reader, change: Change) -> list[Issue]:
        before, after = change.before, change.after
        if after is None:
            if side_of(changes.access) != PATIENT:
                raise Conflict(refusals.text_of("ask-not-deleted"), "business-rule")
            return []
        if before is None:
            return await self._shape.problems(self, reader, changes.access, after, now=changes.now)
        if not is_asking(before) or not is_asking(after):
            return [issue("fixed", "code", elements="code")]
        return await self._moved(changes, reader, change, before, after)

    async def _moved(
        self, changes: ChangeSet, reader: Reader, change: Change, before: Resource, after: Resource
    ) -> list[Issue]:
        table = transitions()
        differing = {
            name
            for name in before.keys() | after.keys()
            if name.lstrip("_") not in table.free and before.get(name) != after.get(name)
        }
        if not differing:
            return []
        was, now = before.get("status", ""), after.get("status", "")
        if not table.is_open(was):
            return [issue("over", "status", was=was)]
        move = table.moves[was].get(now)
        if was != now and move is None:
            return [issue("move", "status", was=was, now=now, others=", ".join(table.moves[was]))]
        roles = await self._roles(changes, reader, change, before)
        acting = roles if move is None else roles & move.by
        if not acting:
            return [issue("not-asker" if move is not None and PATIENT not in move.by else "not-yours", "status")]
        changing = acting if move is not None else acting & {PATIENT}  # who asked cancels, and changes nothing else
        may = frozenset[str]().union(*(table.changes[each] for each in changing))
        if now != COMPLETED:
            may -= {"output"}
        fixed = sorted(name for name in differing if name.lstrip("_") not in may)
        found = [issue("fixed", fixed[0], elements=", ".join(fixed))] if fixed else []
        if move is not None and REASON in move.needs and not self._is_offer(before) and not _reason(after):
            found.append(issue("reason", "statusReason.text"))
        if move is not None and NEEDS_RESPONSE in move.needs:
            found += await self._unanswered(changes, reader, after)
        return found

    async def _roles(self, changes: ChangeSet, reader: Reader, change: Change, before: Resource) -> frozenset[str]:
        """What the caller is to a Task: the one who is asked, the one who asked, or neither."""
        found = {PATIENT} if side_of(changes.access) == PATIENT else set()
        number = self.definitions.type_numbers[TASK]
        if await has_asked(
            changes.access, reader, changes.patient, before, change.id, number=number, base=self._shape.base
        ):
            found.add(ASKER)
        return frozenset(found)

    def _is_offer(self, task: Resource) -> bool:
        return not transitions().offers.isdisjoint(codes_of(task, self._names.system("plan-task")))

    async def _unanswered(self, changes: ChangeSet, reader: Reader, task: Resource) -> list[Issue]:
        """Why a Task is not answered by what is written with it."""
        outputs = answers_in(task)
        if not outputs:
            return [issue("response", "output")]
        asked = await self._shape.asked(self, reader, changes.access.catalogues, task)
        found = []
        for number, each in outputs:
            place = f"output[{number}].value"
            response = self._written(changes, each.get("valueReference", {}))
            if response is None:
                found.append(issue("response", place))
            elif not _answers(asked, response.after or {}):
                found.append(issue("other-questionnaire", place))
        return found

    def _written(self, changes: ChangeSet, reference: Resource) -> Change | None:
        """The response that a reference names, where it is written and complete for the first time in the same
        transaction.
        """
        literal = parse_reference(str(reference.get("reference", "")))
        if literal is None or literal.type != RESPONSE or literal.base not in ("", self._shape.base):
            return None
        change = next((each for each in changes.changes if each.type == RESPONSE and each.id == literal.id), None)
        if change is None or change.after is None or change.after.get("status") not in COMPLETE:
            return None
        return None if (change.before or {}).get("status") in COMPLETE else change


def _concerns(change: Change) -> bool:
    return is_asking(change.after) or (change.was is not None and MARK in change.was)


def _reason(task: Resource) -> str:
    return str(task.get("statusReason", {}).get("text", "")).strip()


def _answers(asked: Asked | None, response: Resource) -> bool:
    """Whether a response is to the Questionnaire that a Task asks for; a version that the Task names counts."""
    url, _, version = str(response.get("questionnaire", "")).partition("|")
    if asked is None or not url or url != asked.url:
        return False
    return not asked.exact or not version or version == asked.canonical.partition("|")[2]

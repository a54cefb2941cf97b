"""After a plan is agreed, and after a cycle is closed, the service offers the person to tell how it went: a Task that
is theirs alone, which they may decline without a reason. MODEL 5; https://hl7.org/fhir/R4/task.html

Which questionnaires are offered after what, and how often at most, is in their instruments (``offered_after``,
``offered_every``). Each cycle has one offer: when the cycle before is closed, else when its own plan is agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.plan import cycle_of, is_plan
from app.careplan.tasks import plan_task, task_id
from app.database import Reader
from app.fhir.dates import bounds, instant
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.questionnaires.asking.reading import Before, asked_before
from app.questionnaires.asking.request import asking_members, codes_of
from app.questionnaires.instruments import Instrument, shipped
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.licensing import may_be_asked
from app.questionnaires.names import Names as QuestionnaireNames
from app.server.rules import Change, ChangeSet, Rule, Verdict

AGREE: Final = "agree"
CYCLE_CLOSED: Final = "cycle-closed"
_DAY: Final = 24 * 60 * 60 * 1_000_000
_THERE: Final = "SELECT 1 FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
"""Also one that was deleted: who threw it away is not asked again."""


class Experience:
    """What events of the plan do to the questionnaires that the person is asked."""

    def __init__(self, names: Names, library: QuestionnaireLibrary, definitions: Definitions) -> None:
        self._names = names
        self._asked = QuestionnaireNames(names.base)
        self._library = library
        self.definitions = definitions

    def rule(self) -> Rule:
        """Runs for the events of the plan only."""
        return Rule("care-plan-experience", frozenset(), self._check, meant=Intent)

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        assert isinstance(changes.intent, Intent)
        plan = next(
            (each for each in changes.changes if each.type == "CarePlan" and is_plan(each.after, self._names)), None
        )
        if plan is None or plan.after is None:
            return Verdict()
        if changes.intent.event == "close":
            return Verdict(derived=tuple(await self._over(changes, reader, plan.id)))
        occasion = _occasion(changes.intent, plan, self._names)
        offered = [each for each in shipped(self._names.base).values() if occasion in each.row.get("offered_after", ())]
        if not occasion or not offered:
            return Verdict()
        before = await asked_before(reader, self.definitions, changes.patient)
        found = [await self._offer(changes, reader, plan, each, before) for each in offered]
        return Verdict(derived=tuple(each for each in found if each is not None))

    async def _offer(
        self, changes: ChangeSet, reader: Reader, plan: Change, instrument: Instrument, before: Sequence[Before]
    ) -> Resource | None:
        """The Task that offers a questionnaire; None where it was offered for this cycle, or not long ago."""
        after = plan.after or {}
        cycle = cycle_of(after, self._names)
        held = await self._library.find(self, reader, changes.access.catalogues, instrument.url)
        if cycle is None or held is None or not may_be_asked(held, now=changes.now):
            return None
        since = changes.now - instrument.row.get("offered_every", 0) * _DAY
        if any(each.url == instrument.url and (each.is_open or _asked_at(each) > since) for each in before):
            return None
        task = task_id(changes.patient, plan.id, "experience", f"{instrument.url} {cycle.cycle}")
        if await reader.fetch(_THERE, changes.patient, self.definitions.type_numbers["Task"], task):
            return None
        # Without its version: the newest is filled in.
        members = asking_members(self._asked, instrument.url, "experience")
        patient_id = after["subject"]["reference"].rpartition("/")[2]
        made = plan_task(
            self._names, "experience", task, plan_id=plan.id, patient_id=patient_id, now=changes.now, **members
        )
        about = ("basedOn", "focus")  # it is of the person, and in no list of the plan
        return {name: value for name, value in made.items() if name not in about}

    async def _over(self, changes: ChangeSet, reader: Reader, plan_id: str) -> list[Resource]:
        """What a closed plan asked for by its rhythm and is still open, as it is then: it is not asked any more."""
        own = self._names.system("plan-task")
        found: list[dict[str, Any]] = []
        for each in await asked_before(reader, self.definitions, changes.patient):
            of_plan = each.task.get("focus", {}).get("reference") == f"CarePlan/{plan_id}"
            if of_plan and each.is_open and "questionnaire" in codes_of(each.task, own):
                found.append({**each.task, "status": "cancelled", "lastModified": instant(changes.now)})
        return found


def _occasion(intent: Intent, plan: Change, names: Names) -> str:
    """After what a questionnaire may be offered; "" where nothing of that happened."""
    if intent.event == "agree":
        return AGREE
    before = None if plan.before is None else cycle_of(plan.before, names)
    after = None if plan.after is None else cycle_of(plan.after, names)
    if intent.event == "decide" and before is not None and after is not None and after.cycle > before.cycle:
        return CYCLE_CLOSED
    return ""


def _asked_at(before: Before) -> int:
    """When somebody was asked (µs); what a Task says of it never changes."""
    return bounds(str(before.task.get("authoredOn", "")))[0] if before.task.get("authoredOn") else 0

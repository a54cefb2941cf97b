"""The write rules of the care plan: by PUT, PATCH, transaction or operation, what may become of it is the same.

MODEL 2, "Recognition", "Who may write", "Concurrency", "Revisions".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.careplan.cycle import ON_HOLD
from app.careplan.evaluation import is_of_a_goal, word_issues
from app.careplan.goals import goal_issues, is_of_closed_plan, proposer_issues
from app.careplan.intent import CHANGE, Intent
from app.careplan.limits import length_issues
from app.careplan.loading import given_revisions, is_revision, speaks_as_revision
from app.careplan.meanwhile import changed_meanwhile
from app.careplan.names import IZP, Names
from app.careplan.people import is_service, side_of
from app.careplan.plan import cycle_of, goals_of, is_open, is_plan, teams_of, unversioned
from app.careplan.proposals.closing import Closing
from app.careplan.refusals import issue, refused
from app.careplan.revision import Numbers, Revisions
from app.careplan.tasks import answered_tasks, mouth_task
from app.careplan.views import read_only
from app.database import Reader
from app.errors import Conflict, Forbidden, Invalid, Issue, PreconditionFailed
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.rules import Change, ChangeSet, Overtaken, Rule, Verdict

_TYPES: Final = frozenset({"CarePlan", "Goal", "CareTeam", "Provenance", "Observation", "QuestionnaireResponse"})
_INSTEAD: Final = {
    "Goal": "cancelled, entered-in-error",
    "CareTeam": "inactive, entered-in-error",
}
_BEGUN: Final = ("created", "author")
"""Elements of a plan that say how it came into being."""
_LONGEST: Final = 9
"""Digits of a version."""
_PLAN: Final = (
    "SELECT r.id, r.version, r.body, r.labels FROM claim c JOIN resource r ON r.patient = c.patient AND r.n = c.n"
    " WHERE c.patient = $1 AND c.name = $2"
)


@dataclass(frozen=True, slots=True)
class Held:
    """The open plan of a person, as it is stored."""

    id: str
    version: int
    resource: Resource
    labels: int


async def plan_held(reader: Reader, patient: int) -> Held | None:
    """The open plan of a partition; None when there is none."""
    rows = await reader.fetch(_PLAN, patient, IZP)
    return Held(rows[0][0], rows[0][1], decode(rows[0][2]), rows[0][3]) if rows else None


@dataclass(frozen=True, slots=True)
class _Place:
    """What of the plan is there and what changes: the plan itself, and all of its parts."""

    held: Held | None
    plan: Change | None
    parts: Sequence[Change]


class PlanRules:
    """The rules, for the server's list."""

    def __init__(self, names: Names, revisions: Revisions, numbers: Numbers) -> None:
        self._names = names
        self._revisions = revisions
        self._numbers = numbers

    def rule(self) -> Rule:
        """All of them are one rule: they look at the same, and leave one revision."""
        return Rule(
            "care-plan",
            _TYPES,
            self._check,
            self._concerns,
            meant=Intent,
            meanwhile=self._meanwhile,
            instead=self._instead,
        )

    def _concerns(self, change: Change) -> bool:
        """Answers, and Observations of other things than goals, matter in an event only, which has an intent."""
        if change.type == "Observation":
            return is_of_a_goal(change.after, self._names)
        return change.type != "QuestionnaireResponse"

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        intent = changes.intent if isinstance(changes.intent, Intent) else None
        self._protect_revisions(changes)
        held = await plan_held(reader, changes.patient)
        plans = [each for each in changes.changes if self._is_of_plan(each, held)]
        plan = _main(plans, held)
        parts = [*plans, *self._members(changes.changes, held, plans)]
        service = is_service(changes.access)
        _keep_views(changes, parts, held)
        given = await given_revisions(changes, reader, self._names) if service else Verdict()
        free = intent is not None or service
        # An operation of proposals (its intent is no Intent) answers goals that are no part of the plan yet.
        reason = intent.reason_text if intent is not None else ""
        issues = [] if service else length_issues(changes.changes, parts, self._names, reason=reason)
        if not free and changes.intent is None:
            issues += await self._others(changes, reader, held, parts)
        if issues or (not parts and intent is None):
            return given if service else Verdict(tuple(issues))
        if intent is not None and intent.seen and held is not None and held.version != intent.seen:
            text = f"CarePlan/{held.id} was changed a moment ago; send it again."
            known = intent.seen, held.version
            late = Overtaken(changes.patient, changes.access, "CarePlan", held.id, *known, changes.now)
            raise await self._overtaken(late, text, reader)
        for each in parts:
            self._check_delete(each)
        if not free and side_of(changes.access) == "patient":  # who may not change it is told so, whatever they know
            await self._check_versions(changes, reader, parts)
        issues = [*issues, *given.issues, *self._issues(changes, held, plan, parts, intent)]
        for each in plans:
            if plan is not None and each is not plan:
                issues += self._further_issues(each, plan, service=service)
        if issues:
            return Verdict(tuple(issues))
        if not free:
            same = [each for each in parts if _says_the_same(each)]
            parts = [each for each in parts if each not in same]
            if not parts:
                return Verdict(unchanged=_named(same))
            plan = None if plan in same else plan
            verdict = await self._revised(changes, reader, _Place(held, plan, parts), CHANGE)
            return replace(verdict, unchanged=_named(same))
        place = _Place(held, plan, parts)
        if service and intent is None:  # revised once all that comes with the plan is there: app/careplan/loading.py
            claims, releases = _places(place)
            return Verdict(claims=(*given.claims, *claims), releases=releases)
        return await self._revised(changes, reader, place, intent or CHANGE)

    def _is_of_plan(self, change: Change, held: Held | None) -> bool:
        if change.type != "CarePlan":
            return False
        if held is not None and change.id == held.id:
            return True
        return is_plan(change.after, self._names) or is_plan(change.before, self._names)

    def _members(self, changes: Sequence[Change], held: Held | None, plans: Sequence[Change]) -> list[Change]:
        """The changes of the plan's goals and network, of before and after."""
        shown = [held.resource] if held is not None else []
        shown += [each for plan in plans for each in (plan.before, plan.after) if each is not None]
        goals = {each for resource in shown for each in goals_of(resource)}
        teams = {each for resource in shown for each in teams_of(resource)}
        return [
            each
            for each in changes
            if (each.type == "Goal" and each.id in goals) or (each.type == "CareTeam" and each.id in teams)
        ]

    def _protect_revisions(self, changes: ChangeSet) -> None:
        """Revisions are written by the service, and stay. Raises ``Forbidden`` and ``Conflict``."""
        for each in changes.changes:
            if each.type != "Provenance":
                continue
            was = each.before is not None and is_revision(each.before, self._names)
            if was and each.after is None:
                raise refused(Conflict, "revision-not-deleted", "Provenance", what=f"Provenance/{each.id}")
            claims = each.after is not None and speaks_as_revision(each.after, self._names)
            if (was or claims) and not is_service(changes.access):
                raise refused(Forbidden, "revisions-by-service", "Provenance", as_type="forbidden")

    @staticmethod
    def _check_delete(change: Change) -> None:
        if change.after is None:
            if change.type == "CarePlan":
                raise refused(Conflict, "closed-not-deleted", change.type, id=change.id)
            what, statuses = f"{change.type}/{change.id}", _INSTEAD[change.type]
            raise refused(Conflict, "not-deleted", change.type, what=what, statuses=statuses)

    async def _others(
        self, changes: ChangeSet, reader: Reader, held: Held | None, parts: Sequence[Change]
    ) -> list[Issue]:
        """What holds for Goals and networks that are no part of the open plan, and for what is said of goals. Raises
        ``Conflict``.
        """
        issues: list[Issue] = []
        for each in changes.changes:
            if any(each is part for part in parts):
                continue
            if side_of(changes.access) != "patient":
                issues += goal_issues(each, held.id if held is not None else "", self._names)
                issues += await word_issues(reader, changes, each, self._names)
                issues += await proposer_issues(reader, changes, each, self._names, self._numbers.types["Goal"])
            if await is_of_closed_plan(reader, changes, each, self._names, self._numbers):
                self._check_delete(each)
                issues.append(issue("closed", each.type))
        return issues

    async def _instead(self, changes: ChangeSet, reader: Reader) -> tuple[Issue, ...]:
        """That who may see the plan, and may not change it, can propose a change."""
        held = await plan_held(reader, changes.patient)
        if held is None or side_of(changes.access) == "patient" or not self._is_shown(changes, held):
            return ()
        plans = [each for each in changes.changes if each.type == "CarePlan" and each.id == held.id]
        parts = [*plans, *self._members(changes.changes, held, ())]
        return tuple(issue("propose", each.type, id=held.id) for each in parts[:1])

    def _is_shown(self, changes: ChangeSet, held: Held) -> bool:
        """Whether the caller may see the plan itself: one of its parts is in another data category than it."""
        access = changes.access
        if any(each.type == "CarePlan" and each.id == held.id for each in changes.changes):
            return True
        denied = held.labels & access.denied_labels(changes.patient, Action.READ)
        return not denied and access.scopes.narrowed is None and access.scopes.allow("CarePlan", Action.READ)

    async def _meanwhile(self, late: Overtaken, reader: Reader) -> tuple[Issue, ...]:
        """What changed in a part of the plan since the version that its sender knows."""
        if late.type not in ("CarePlan", "Goal", "CareTeam"):
            return ()
        held = await plan_held(reader, late.patient)
        plan_id = late.id if late.type == "CarePlan" else held.id if held is not None else ""
        return await changed_meanwhile(reader, late, plan_id, self._numbers.types)

    async def _overtaken(self, late: Overtaken, text: str, reader: Reader) -> PreconditionFailed:
        return PreconditionFailed(text, issues=(Issue("conflict", text), *await self._meanwhile(late, reader)))

    async def _check_versions(self, changes: ChangeSet, reader: Reader, parts: Sequence[Change]) -> None:
        """What is there is changed by who knows it. Raises ``Invalid`` and ``PreconditionFailed``."""
        for each in parts:
            if each.was is None or each.expected is not None:
                continue
            given = None if each.after is None or each.patched else each.after.get("meta", {}).get("versionId")
            if given is None:
                raise refused(Invalid, "version-needed", f"{each.type}.meta.versionId")
            present = each.version - 1
            if str(given) == str(present):
                continue
            text = f"{each.type}/{each.id} is at version {present}, and not at version {given} as meta.versionId says."
            known = int(given) if str(given).isdecimal() and len(str(given)) <= _LONGEST else present
            late = Overtaken(changes.patient, changes.access, each.type, each.id, known, present, changes.now)
            raise await self._overtaken(late, text, reader)

    def _issues(
        self,
        changes: ChangeSet,
        held: Held | None,
        plan: Change | None,
        parts: Sequence[Change],
        intent: Intent | None,
    ) -> list[Issue]:
        issues: list[Issue] = []
        service = is_service(changes.access)
        before = plan.before if plan is not None and plan.before is not None else None
        to_propose = side_of(changes.access) != "patient" and is_plan(before, self._names)
        if before is None and held is not None:
            before = held.resource
        # Who may not change the plan is told so, and not what else is wrong with the change.
        if plan is not None and (intent is not None or service or not to_propose):
            issues += self._plan_issues(plan, held, intent, service=service)
        if intent is not None or service or issues:
            return issues
        if before is not None and not is_open(before):
            return [issue("closed", "CarePlan.status")]
        if side_of(changes.access) != "patient":
            plan_id = held.id if held is not None else plan.id if plan is not None else ""
            return [issue("propose", each.type, id=plan_id) for each in parts[:1]]
        if before is not None and before.get("status") == ON_HOLD:
            return [issue("on-hold", "CarePlan.status")]
        return issues

    def _plan_issues(self, plan: Change, held: Held | None, intent: Intent | None, *, service: bool) -> list[Issue]:
        before, after = plan.before, plan.after
        assert after is not None, "deletes were refused"
        was, is_now = is_plan(before, self._names), is_plan(after, self._names)
        if was and not is_now:
            return [issue("keeps-its-code", "CarePlan.category")]
        if is_now and not was and not service and (intent is None or intent.event != "start"):
            return [issue("start-only", "CarePlan.category")]
        if held is not None and held.id != plan.id and is_open(after):
            return [issue("one-plan", "CarePlan.category", id=held.id)]
        if service and cycle_of(after, self._names) is None:
            return [issue("cycle-needed", "CarePlan.extension", profile=self._names.plan_profile)]
        if self._names.plan_profile not in after.get("meta", {}).get("profile", ()) and not service:
            return [issue("keeps-its-profile", "CarePlan.meta.profile", profile=self._names.plan_profile)]
        return [] if intent is not None or service or before is None else self._kept(before, after)

    def _kept(self, before: Resource, after: Resource) -> list[Issue]:
        """What a change that is no event leaves as it is."""
        moved = cycle_of(before, self._names) != cycle_of(after, self._names)
        if moved or before.get("status") != after.get("status"):
            return [issue("phase-by-event", "CarePlan")]
        begun = [name for name in _BEGUN if before.get(name) != after.get(name)]
        return [issue("keeps-its-beginning", f"CarePlan.{name}") for name in begun]

    def _further_issues(self, further: Change, plan: Change, *, service: bool) -> list[Issue]:
        """Of a second individual care plan in one transaction: one that was closed, or one that is not to be."""
        if not service and further.before is not None and not is_open(further.before):
            return [issue("closed", "CarePlan.status")]
        other = plan.after if plan.after is not None and is_open(plan.after) else None
        beside = Held(plan.id, plan.version, other, 0) if other is not None else None
        return self._plan_issues(further, beside, None, service=service)

    async def _revised(
        self,
        changes: ChangeSet,
        reader: Reader,
        place: _Place,
        intent: Intent,
    ) -> Verdict:
        """The revision of the change, and the plan's place as the only one."""
        held, plan, parts = place.held, place.plan, place.parts
        after = plan.after if plan is not None else held.resource if held is not None else None
        if after is None or cycle_of(after, self._names) is None:
            return Verdict()
        said = [each for each in changes.changes if each.type in ("Observation", "QuestionnaireResponse")]
        written = [*parts, *(each for each in said if each.after is not None and intent is not CHANGE)]
        plan_id = plan.id if plan is not None else held.id if held is not None else ""
        revision, claim = await self._revisions.make(
            reader,
            changes.patient,
            {**after, "id": plan_id},
            written,
            access=changes.access,
            intent=intent,
            now=changes.now,
        )
        derived = [revision, *await self._tasks(changes, reader, revision, plan, after)]
        claims, releases = _places(place)
        return Verdict((), tuple(derived), ((claim, "Provenance", revision["id"]), *claims), releases)

    async def _tasks(
        self, changes: ChangeSet, reader: Reader, revision: Resource, plan: Change | None, after: Resource
    ) -> list[Resource]:
        """What an event shows the person, and what it answers of what they were asked."""
        if not isinstance(changes.intent, Intent):
            return []
        found: list[Resource] = []
        before = None if plan is None or plan.before is None else cycle_of(plan.before, self._names)
        now_at = cycle_of(after, self._names)
        if plan is not None and before is not None and now_at is not None:
            found += await answered_tasks(reader, changes, self._numbers.types, plan.id, (before, now_at))
        if changes.intent.mouth is not None and plan is not None:
            found.append(mouth_task(self._names, revision, plan.id, after, changes.intent, now=changes.now))
        if changes.intent.event == "close" and plan is not None:
            numbers = self._numbers.types, self._numbers.parameters["based-on"]
            found += await Closing(reader, changes, numbers, self._names).rejected({**after, "id": plan.id})
        return found


def _keep_views(changes: ChangeSet, parts: Sequence[Change], held: Held | None) -> None:
    """Raises ``Unprocessable`` where a view of the plan or of a part of it would be written."""
    if parts and changes.intent is None and changes.access.viewed:
        plans = [each.id for each in parts if each.type == "CarePlan"]
        raise read_only(held.id if held is not None else plans[0], *dict.fromkeys(each.type for each in parts))


def _says_the_same(change: Change) -> bool:
    """Whether what is sent is what is stored, but for what the server keeps of it."""
    before, after = change.before, change.after
    return before is not None and after is not None and unversioned(before) == unversioned(after)


def _named(changes: Sequence[Change]) -> frozenset[tuple[str, str]]:
    return frozenset((each.type, each.id) for each in changes)


def _main(plans: Sequence[Change], held: Held | None) -> Change | None:
    """The plan that the others stand beside: the one that is held, else one that is open, else any."""
    found = [each for each in plans if held is not None and each.id == held.id]
    found += [each for each in plans if each.after is not None and is_open(each.after)]
    return next(iter([*found, *plans]), None)


def _places(place: _Place) -> tuple[tuple[tuple[str, str, str], ...], tuple[str, ...]]:
    """The claim of the plan's place as the only one, and its release."""
    held, plan = place.held, place.plan
    after = plan.after if plan is not None else None
    if plan is None or after is None:
        return (), ()
    if held is None and is_open(after):
        return ((IZP, "CarePlan", plan.id),), ()
    return (), (IZP,) if held is not None and held.id == plan.id and not is_open(after) else ()

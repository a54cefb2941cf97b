"""The write rules of the care plan: by PUT, PATCH, transaction or operation, what may become of it is the same.

MODEL 2, "Recognition", "Who may write", "Concurrency", "Revisions".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.careplan.intent import CHANGE, Intent
from app.careplan.names import IZP, Names
from app.careplan.people import is_service, side_of
from app.careplan.plan import cycle_of, goals_of, is_open, is_plan, teams_of
from app.careplan.refusals import issue, text_of
from app.careplan.revision import Revisions
from app.database import Reader
from app.errors import Conflict, Forbidden, Invalid, Issue, PreconditionFailed
from app.fhir.resource import Resource, decode
from app.server.rules import Change, ChangeSet, Rule, Verdict

_TYPES: Final = frozenset({"CarePlan", "Goal", "CareTeam", "Provenance", "Observation", "QuestionnaireResponse"})
_INSTEAD: Final = {
    "CarePlan": "revoked, completed",
    "Goal": "cancelled, entered-in-error",
    "CareTeam": "inactive, entered-in-error",
    "Provenance": "-",
}
_PLAN: Final = (
    "SELECT r.id, r.body FROM claim c JOIN resource r ON r.patient = c.patient AND r.n = c.n"
    " WHERE c.patient = $1 AND c.name = $2"
)


@dataclass(frozen=True, slots=True)
class Held:
    """The open plan of a person, as it is stored."""

    id: str
    resource: Resource


async def plan_held(reader: Reader, patient: int) -> Held | None:
    """The open plan of a partition; None when there is none."""
    rows = await reader.fetch(_PLAN, patient, IZP)
    return Held(rows[0][0], decode(rows[0][1])) if rows else None


@dataclass(frozen=True, slots=True)
class _Place:
    """What of the plan is there and what changes: the plan itself, and all of its parts."""

    held: Held | None
    plan: Change | None
    parts: Sequence[Change]


class PlanRules:
    """The rules, for the server's list."""

    def __init__(self, names: Names, revisions: Revisions) -> None:
        self._names = names
        self._revisions = revisions

    def rule(self) -> Rule:
        """All of them are one rule: they look at the same, and leave one revision."""
        return Rule("care-plan", _TYPES, self._check, self._concerns)

    def _concerns(self, change: Change) -> bool:
        """Observations and answers matter in an event only, which has a plan among its changes or an intent."""
        return change.type not in ("Observation", "QuestionnaireResponse")

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        intent = changes.intent if isinstance(changes.intent, Intent) else None
        self._protect_revisions(changes)
        held = await plan_held(reader, changes.patient)
        plan = next((each for each in changes.changes if self._is_of_plan(each, held)), None)
        parts = [plan] if plan is not None else []
        parts += self._members(changes.changes, held, plan)
        if not parts and intent is None:
            return Verdict()
        for each in parts:
            self._check_delete(each)
        if intent is None and not is_service(changes.access):
            self._check_versions(parts)
        issues = self._issues(changes, held, plan, parts, intent)
        if issues:
            return Verdict(tuple(issues))
        place = _Place(held, plan, parts)
        return await self._revised(changes, reader, place, intent or CHANGE)

    def _is_of_plan(self, change: Change, held: Held | None) -> bool:
        if change.type != "CarePlan":
            return False
        if held is not None and change.id == held.id:
            return True
        return is_plan(change.after, self._names) or is_plan(change.before, self._names)

    def _members(self, changes: Sequence[Change], held: Held | None, plan: Change | None) -> list[Change]:
        """The changes of the plan's goals and network, of before and after."""
        plans = [held.resource] if held is not None else []
        if plan is not None:
            plans += [each for each in (plan.before, plan.after) if each is not None]
        goals = {each for resource in plans for each in goals_of(resource)}
        teams = {each for resource in plans for each in teams_of(resource)}
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
            was = each.before is not None and self._is_revision(each.before)
            if was and each.after is None:
                raise Conflict(text_of("not-deleted", what=f"Provenance/{each.id}", statuses="-"), "business-rule")
            claims = each.after is not None and self._is_revision(each.after)
            if (was or claims) and not is_service(changes.access):
                raise Forbidden(text_of("revisions-by-service"), "forbidden")

    def _is_revision(self, provenance: Resource) -> bool:
        claimed = self._names.revision_profile in provenance.get("meta", {}).get("profile", ())
        return claimed or any(each.get("url") == self._names.revision for each in provenance.get("extension", ()))

    @staticmethod
    def _check_delete(change: Change) -> None:
        if change.after is None:
            what, statuses = f"{change.type}/{change.id}", _INSTEAD[change.type]
            raise Conflict(text_of("not-deleted", what=what, statuses=statuses), "business-rule")

    @staticmethod
    def _check_versions(parts: Sequence[Change]) -> None:
        """What is there is changed by who knows it. Raises ``Invalid`` and ``PreconditionFailed``."""
        for each in parts:
            if each.was is None or each.expected is not None:
                continue
            given = each.after.get("meta", {}).get("versionId") if each.after is not None else None
            if given is None:
                raise Invalid("", issues=(issue("version-needed", f"{each.type}.meta.versionId"),))
            if str(given) != str(each.version - 1):
                raise PreconditionFailed(
                    f"{each.type}/{each.id} is at version {each.version - 1}, and not at version {given} as"
                    " meta.versionId says. Changed meanwhile: see its _history.",
                )

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
        if plan is not None:
            issues += self._plan_issues(plan, held, intent, service=service)
        if intent is not None or service or issues:
            return issues
        before = plan.before if plan is not None and plan.before is not None else None
        if before is None and held is not None:
            before = held.resource
        if before is not None and not is_open(before):
            return [issue("closed", "CarePlan.status")]
        if side_of(changes.access) != "patient":
            plan_id = held.id if held is not None else plan.id if plan is not None else ""
            return [issue("propose", each.type, id=plan_id) for each in parts[:1]]
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
        if self._names.plan_profile not in after.get("meta", {}).get("profile", ()) and not service:
            return [issue("keeps-its-profile", "CarePlan.meta.profile", profile=self._names.plan_profile)]
        if intent is None and not service and before is not None:
            moved = cycle_of(before, self._names) != cycle_of(after, self._names)
            if moved or before.get("status") != after.get("status"):
                return [issue("phase-by-event", "CarePlan")]
        return []

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
        claims = [(claim, "Provenance", revision["id"])]
        releases: list[str] = []
        if plan is not None:
            if held is None and is_open(after):
                claims.append((IZP, "CarePlan", plan.id))
            elif held is not None and held.id == plan.id and not is_open(after):
                releases.append(IZP)
        return Verdict((), (revision,), tuple(claims), tuple(releases))

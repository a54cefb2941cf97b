"""Plans that are loaded: from a file, a seed or a copy of a record. Revisions that come along are kept as they are.

A load stores a plan, its goals and its revisions in any order and in several transactions, so what it did to a plan is
one revision at its end, and none where the newest that came along shows the plan as it is.
https://hl7.org/fhir/R4/provenance.html; MODEL 2, "Revisions".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.plan import cycle_of, goals_of, is_plan, teams_of
from app.careplan.refusals import issue
from app.careplan.revision import Numbers, Revisions, claim_of, versions_of
from app.database import Reader
from app.errors import Issue, ZelfregieError
from app.fhir.resource import Resource, decode, parse_reference
from app.server.access import Access
from app.server.rules import Change, ChangeSet, Verdict
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.prepare import check_resource, finish

_OF_REVISIONS: Final = ("manifest", "word-of-mouth", "goal-decision")
_AT_ONCE: Final = 100
"""Patients whose plans are revised in one transaction."""
_TAKEN: Final = "SELECT n FROM claim WHERE patient = $1 AND name = $2"
_PLANS: Final = "SELECT id, body FROM resource WHERE patient = $1 AND type = $2 AND deleted = 0"
_NUMBERS: Final = (
    "SELECT c.name, r.body FROM claim c LEFT JOIN resource r ON r.patient = c.patient AND r.n = c.n"
    " WHERE c.patient = $1 AND c.name > $2 AND c.name <= $3 ORDER BY c.name"
)
_WORDS: Final = "Ingelezen uit een bestand. / Loaded from a file."
_MOST_NAMED: Final = 10
_LAST: Final = 99_999_999


def is_revision(provenance: Resource, names: Names) -> bool:
    """Whether a Provenance is, or says that it is, a revision of a plan."""
    claimed = names.revision_profile in provenance.get("meta", {}).get("profile", ())
    return claimed or any(each.get("url") == names.revision for each in provenance.get("extension", ()))


def speaks_as_revision(provenance: Resource, names: Names) -> bool:
    """The same, or that it says what only a revision does: an event of the cycle, what was agreed by word of mouth or
    decided, what the plan showed.
    """
    told = {names.extension(each) for each in _OF_REVISIONS}
    activity = provenance.get("activity", {}).get("coding", ())
    return (
        is_revision(provenance, names)
        or any(each.get("url") in told for each in provenance.get("extension", ()))
        or any(each.get("system") == names.system("plan-event") for each in activity)
    )


def place_of(revision: Resource, names: Names) -> tuple[str, int] | None:
    """The plan of a revision, which is the first that its manifest names, and its number."""
    shown = [found for found in _manifest(revision, names) if found[0] == "CarePlan"]
    numbers = [
        part.get("valuePositiveInt")
        for each in revision.get("extension", ())
        if each.get("url") == names.revision
        for part in each.get("extension", ())
        if part.get("url") == "number"
    ]
    return (shown[0][1], numbers[0]) if shown and numbers and isinstance(numbers[0], int) else None


def _manifest(revision: Resource, names: Names) -> Iterator[tuple[str, str, int]]:
    for each in revision.get("extension", ()):
        if each.get("url") == names.manifest:
            found = parse_reference(each.get("valueReference", {}).get("reference", ""))
            if found is not None and found.version is not None and found.version.isdecimal():
                yield found.type, found.id, int(found.version)


async def given_revisions(changes: ChangeSet, reader: Reader, names: Names) -> Verdict:
    """Revisions that the service itself stores, with the claims of their numbers."""
    issues: list[Issue] = []
    claims: dict[str, tuple[str, str, str]] = {}
    for each in changes.changes:
        if each.type != "Provenance" or each.after is None or not is_revision(each.after, names):
            continue
        place = place_of(each.after, names)
        if place is None:
            issues.append(issue("revision-of-no-plan", "Provenance.extension"))
            continue
        if each.before is not None and is_revision(each.before, names):
            if place_of(each.before, names) != place:
                issues.append(issue("revision-stays", "Provenance.extension"))
            continue
        claim = claim_of(*place)
        if claim in claims or await reader.fetch(_TAKEN, changes.patient, claim):
            issues.append(issue("revision-taken", "Provenance.extension", id=place[0], number=str(place[1])))
        claims[claim] = (claim, "Provenance", each.id)
    return Verdict(tuple(issues), (), () if issues else tuple(claims.values()))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A plan that is there after a load, with the numbers of its revisions and what the newest of them shows."""

    patient: int
    resource: Resource
    numbers: Sequence[int]
    shown: Mapping[tuple[str, str], int]

    def missing(self) -> list[int]:
        """The numbers below the last one that no revision has."""
        return sorted(set(range(1, max(self.numbers, default=0))) - set(self.numbers))


class LoadedPlans:
    """Gives every plan of those of whom something was loaded the revision that shows it as it is now."""

    def __init__(self, names: Names, numbers: Numbers) -> None:
        self._names = names
        self._numbers = numbers
        self._revisions = Revisions(names, numbers)

    async def __call__(
        self, server: FhirServer, access: Access, patients: Sequence[int]
    ) -> Mapping[str, tuple[Issue, ...]]:
        """What there is to report, by plan."""
        problems: dict[str, tuple[Issue, ...]] = {}
        for start in range(0, len(patients), _AT_ONCE):
            drafts = []
            for patient in patients[start : start + _AT_ONCE]:
                for plan in await self._plans(server.database, patient):
                    name: str = plan.resource["id"]
                    if missing := plan.missing():
                        said = ", ".join(map(str, missing[:_MOST_NAMED]))
                        said += ", …" if len(missing) > _MOST_NAMED else ""
                        problems[f"CarePlan/{name}"] = (issue("revisions-missing", id=name, numbers=said),)
                    draft = await self._draft(server, access, plan)
                    drafts += [draft] if draft is not None else []
                await asyncio.sleep(0)  # where this is done beside serving, requests go between
            problems |= await _store(server, access, drafts)
        return problems

    async def _plans(self, reader: Reader, patient: int) -> list[_Plan]:
        found = []
        for plan_id, body in await reader.fetch(_PLANS, patient, self._numbers.types["CarePlan"]):
            plan = decode(body)
            if is_plan(plan, self._names) and cycle_of(plan, self._names) is not None:
                rows = await reader.fetch(_NUMBERS, patient, claim_of(plan_id, 0), claim_of(plan_id, _LAST))
                newest = decode(rows[-1][1]) if rows and rows[-1][1] is not None else {}
                shown = {each[:2]: each[2] for each in _manifest(newest, self._names)}
                found.append(_Plan(patient, plan, [int(row[0].rpartition("|")[2]) for row in rows], shown))
        return found

    async def _draft(self, server: FhirServer, access: Access, plan: _Plan) -> Draft | None:
        """The revision that the plan lacks; None where the newest one shows it as it is."""
        parts = [("CarePlan", plan.resource["id"])]
        parts += [("Goal", each) for each in goals_of(plan.resource)]
        parts += [("CareTeam", each) for each in teams_of(plan.resource)]
        present = await versions_of(server.database, plan.patient, parts, self._numbers.types)
        written = {key: version for key, version in present.items() if plan.shown.get(key) != version}
        if not written:
            return None
        replaced = {
            key: before for key, version in written.items() if (before := plan.shown.get(key, version)) < version
        }
        revision, _ = await self._revisions.make(
            server.database,
            plan.patient,
            plan.resource,
            [Change(*key, None, {}, version=version) for key, version in written.items()],
            access=access,
            intent=Intent("change" if plan.numbers else "start", reason_text=_WORDS),
            now=server.clock(),
            replaced=replaced,
        )
        remarks = await check_resource(
            server, server.database, access, revision, may_hold_bsn=True, patient=plan.patient, derived=True
        )
        draft = Draft("create", "Provenance", revision["id"], plan.patient, revision, fresh=True, owned=True)
        draft.remarks = remarks
        return finish(server, draft)


async def _store(server: FhirServer, access: Access, drafts: Sequence[Draft]) -> dict[str, tuple[Issue, ...]]:
    """Store revisions together, or one by one where that fails; what there is to report."""
    try:
        await execute(server, access, drafts, now=server.clock(), request="load", service=True)
    except ZelfregieError as error:
        if len(drafts) == 1:
            return {f"Provenance/{drafts[0].id}": error.all_issues()}
        problems: dict[str, tuple[Issue, ...]] = {}
        for each in drafts:
            problems |= await _store(server, access, [each])
        return problems
    return {}

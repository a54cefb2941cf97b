"""The revision that a change of the plan leaves behind: who, why, in which phase, and every version that was shown.

https://hl7.org/fhir/R4/provenance.html; MODEL 2, "Revisions". A revision is a Provenance, and its number is a claim of
the patient's partition, so that numbers are gapless and no two revisions have the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.careplan.intent import Intent
from app.careplan.names import PARTICIPANT, Names
from app.careplan.people import agents_of
from app.careplan.plan import cycle_of, goals_of, shown_by
from app.database import Reader
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.server.access import SELECT_PATIENT_ID, Access
from app.server.ids import new_id, write_key
from app.server.rules import Change

_DIGITS: Final = 8
_LAST: Final = "SELECT name FROM claim WHERE patient = $1 AND name >= $2 AND name < $3 ORDER BY name DESC LIMIT 1"
_VERSIONS: Final = "SELECT id, version FROM resource WHERE patient = $1 AND type = $2 AND deleted = 0 AND id IN"
_OBSERVED: Final = (
    "SELECT o.goal, o.id, o.version FROM (SELECT f.target_id AS goal, r.id, r.version, r.date, r.seq, row_number()"
    " OVER (PARTITION BY f.target_id ORDER BY r.date DESC, r.seq DESC) AS place FROM (SELECT DISTINCT l.target_id, l.n"
    " FROM link l WHERE l.patient = $1 AND l.type = $2 AND l.param = $3 AND l.target_type = $4"
    " AND l.target_id IN ({goals})) f JOIN resource r ON r.patient = $1 AND r.n = f.n WHERE r.deleted = 0) o"
    " WHERE o.place <= $5 ORDER BY o.place"
)
MOST_OBSERVED: Final = 20
"""Observations about one goal that a revision names, the newest first."""


def claim_of(plan_id: str, number: int) -> str:
    """The name by which a revision's number is taken. In order of the number."""
    return f"izp|{plan_id}|{number:0{_DIGITS}}"


async def last_number(reader: Reader, patient: int, plan_id: str) -> int:
    """The number of the newest revision; 0 when there is none."""
    rows = await reader.fetch(_LAST, patient, f"izp|{plan_id}|", f"izp|{plan_id}}}")
    return int(rows[0][0].rpartition("|")[2]) if rows else 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of types and parameters that a revision is made with."""

    types: Mapping[str, int]
    parameters: Mapping[str, int]

    @property
    def goal_focus(self) -> int:
        """By which an Observation is found that is about a goal."""
        return self.parameters["goal-focus"]


class Revisions:
    """Makes the Provenance of a change."""

    def __init__(self, names: Names, numbers: Numbers) -> None:
        self._names = names
        self._numbers = numbers

    async def make(
        self,
        reader: Reader,
        patient: int,
        plan: Resource,
        changes: Sequence[Change],
        *,
        access: Access,
        intent: Intent,
        now: int,
        replaced: Mapping[tuple[str, str], int] | None = None,
    ) -> tuple[Resource, str]:
        """The revision of ``changes``, which are those of the plan's own parts and its evaluations, and the claim of
        its number. ``plan`` is as it is after them. ``replaced``: the versions that they took the place of, where
        those are not the ones just before.
        """
        plan_id: str = plan["id"]
        number = await last_number(reader, patient, plan_id) + 1
        patient_id = (await reader.fetch(SELECT_PATIENT_ID, patient, self._numbers.types["Patient"]))[0][0]
        written = {(each.type, each.id): each.version for each in changes if each.after is not None}
        manifest = await self._manifest(reader, patient, plan, written)
        cycle = cycle_of(plan, self._names)
        assert cycle is not None, "the profile of the plan asks for it"
        moved = intent.phase or cycle.phase
        parts = [
            {"url": "number", "valuePositiveInt": number},
            {"url": "cycle", "valuePositiveInt": intent.cycle or cycle.cycle},
            {"url": "phase", "valueCode": moved},
        ]
        revision: dict[str, Any] = {
            "resourceType": "Provenance",
            "id": new_id(write_key(patient)),
            "meta": {"profile": [self._names.revision_profile]},
            "extension": [
                {"url": self._names.revision, "extension": parts},
                *({"url": self._names.manifest, "valueReference": _reference(*each)} for each in manifest),
                *intent.extensions(self._names),
            ],
            "target": [
                *(_reference(kind, resource_id, version) for (kind, resource_id), version in written.items()),
                {"reference": f"Patient/{patient_id}"},
            ],
            "recorded": instant(now),
            "activity": {"coding": [{"system": self._names.system("plan-event"), "code": intent.event}]},
            "agent": await agents_of(reader, access, patient_id, self._names),
        }
        if reason := intent.reasons(self._names):
            revision["reason"] = reason
        if replaced is None:
            replaced = {(each.type, each.id): each.version - 1 for each in changes if each.was is not None}
        entities = [{"role": "revision", "what": _reference(*key, version)} for key, version in replaced.items()]
        entities += [_source(each, intent) for each in intent.sources]
        if entities:
            revision["entity"] = entities
        return revision, claim_of(plan_id, number)

    async def _manifest(
        self, reader: Reader, patient: int, plan: Resource, written: Mapping[tuple[str, str], int]
    ) -> list[tuple[str, str, int]]:
        """Every version that the plan shows: itself, what it names, and what was said of its goals."""
        shown = [("CarePlan", plan["id"]), *shown_by(plan)]
        versions = await versions_of(reader, patient, shown, self._numbers.types)
        versions |= {key: version for key, version in written.items() if key in shown}
        found = [(*key, versions[key]) for key in dict.fromkeys(shown) if key in versions]
        observed = await self._observed(reader, patient, goals_of(plan))
        found += [("Observation", *each) for said in observed.values() for each in said]
        named = {each[:2] for each in found}
        found += [(*key, version) for key, version in written.items() if key[0] == "Observation" and key not in named]
        return list(dict.fromkeys(found))

    async def _observed(self, reader: Reader, patient: int, goals: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
        """(Id, version) of what was said of each goal, the newest first."""
        found: dict[str, list[tuple[str, int]]] = {goal: [] for goal in goals}
        if not goals:
            return found
        types = self._numbers.types
        binds = (patient, types["Observation"], self._numbers.goal_focus, types["Goal"], MOST_OBSERVED)
        places = ", ".join(f"${place}" for place in range(6, 6 + len(goals)))
        for goal, resource_id, version in await reader.fetch(_OBSERVED.format(goals=places), *binds, *goals):
            found[goal].append((resource_id, version))
        return found


async def versions_of(
    reader: Reader, patient: int, keys: Iterable[tuple[str, str]], types: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    """The current version of each (type, id) that is in the partition and not deleted."""
    by_type: dict[str, list[str]] = {}
    for kind, resource_id in keys:
        if kind in types:
            by_type.setdefault(kind, []).append(resource_id)
    found: dict[tuple[str, str], int] = {}
    for kind, listed in by_type.items():
        places = ", ".join(f"${number}" for number in range(3, 3 + len(listed)))
        statement = f"{_VERSIONS} ({places})"
        for resource_id, version in await reader.fetch(statement, patient, types[kind], *listed):
            found[kind, resource_id] = version
    return found


def _reference(kind: str, resource_id: str, version: int) -> dict[str, str]:
    return {"reference": f"{kind}/{resource_id}/_history/{version}"}


def _source(reference: str, intent: Intent) -> dict[str, Any]:
    """What the change came from, and who made that."""
    author = intent.authors.get(reference)
    entity: dict[str, Any] = {"role": "source", "what": {"reference": reference}}
    if author is not None:
        kind = {"coding": [{"system": PARTICIPANT, "code": "author"}]}
        entity["agent"] = [{"type": kind, "who": dict(author)}]
    return entity

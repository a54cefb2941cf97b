"""Reading what the document shows: the plan with all that it refers to, now or at one of its revisions, as far as the
caller may see it now.

MODEL 2, "Revisions": an old revision is read as everything stood at its place in the partition's order, under the
permits of today. What may not be seen is left out, and that something is left out is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.careplan.names import ACTION_PLAN, Names
from app.careplan.plan import goals_of, has_category, is_plan, local, shown_by
from app.careplan.refusals import refusal
from app.careplan.revision import MOST_OBSERVED, claim_of, last_number
from app.database import Reader, Row
from app.errors import Gone, NotFound
from app.fhir.dates import bounds
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.access import SELECT_PATIENT_ID
from app.server.messages import Request, Target
from app.server.server import FhirServer
from app.server.store.narrowed import is_within
from app.server.store.read import read

Key = tuple[str, str]
"""Type and id."""
_PEOPLE: Final = frozenset({"Patient", "Practitioner", "PractitionerRole", "Organization", "RelatedPerson", "CareTeam"})
_FOLLOWED: Final = _PEOPLE | {"Condition"}
"""What is shown by name where something else refers to it."""
_GUARD: Final = "EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = $4 AND g.stamp = $5 AND g.expires > $6)"
_NOW: Final = (
    "SELECT r.id, r.version, r.labels & $3, CASE WHEN r.labels & $3 = 0 THEN r.body END, r.labels FROM resource r"
    f" WHERE r.patient = $1 AND r.type = $2 AND r.deleted = 0 AND {_GUARD}"
)
_THEN: Final = (
    "SELECT h.id, h.version, h.labels & $3, CASE WHEN h.labels & $3 = 0 THEN coalesce(h.body, (SELECT r.body FROM"
    " resource r WHERE r.patient = h.patient AND r.type = h.type AND r.id = h.id AND r.version = h.version)) END,"
    " h.labels FROM history h WHERE h.patient = $1 AND h.type = $2 AND h.seq <= $7"
    " AND h.interaction NOT IN ('delete', 'erase') AND NOT EXISTS (SELECT 1 FROM history v WHERE v.patient = h.patient"
    f" AND v.type = h.type AND v.id = h.id AND v.version = h.version + 1 AND v.seq <= $7) AND {_GUARD}"
)
_FOCUS: Final = (
    "SELECT l.target_id, r.id FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $1 AND l.type = $2 AND l.param = $3 AND l.target_type = $4 AND r.deleted = 0"
    " ORDER BY r.date DESC, r.seq DESC"
)
_BODY: Final = "SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
_REVISION: Final = (
    "SELECT r.id, h.seq, h.updated FROM claim c JOIN resource r ON r.patient = c.patient AND r.n = c.n"
    " JOIN history h ON h.patient = r.patient AND h.type = r.type AND h.id = r.id AND h.version = 1"
    " WHERE c.patient = $1 AND c.name = $2"
)


@dataclass(frozen=True, slots=True)
class Revision:
    """``at``: when it was made, in µs; ``id``: its Provenance; ``seq``: its place in the partition's order, None for
    the plan as it is now.
    """

    number: int
    at: int
    id: str = ""
    seq: int | None = None


@dataclass(slots=True)
class Gathered:
    """``resources`` is everything that may be shown, by type and id; ``about``: per goal the ids of the Observations of
    it, the newest first; ``left_out``: the types of what is there and may not be seen by this caller; ``erased``:
    something was removed at the person's request.
    """

    patient: int
    patient_id: str
    plan: Resource
    revision: Revision
    resources: dict[Key, Resource] = field(default_factory=dict)
    partitions: dict[Key, int] = field(default_factory=dict)
    about: dict[str, list[str]] = field(default_factory=dict)
    action_plans: list[Resource] = field(default_factory=list)
    wishes: list[Resource] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    erased: bool = False

    def find(self, reference: Any) -> Resource | None:
        """What a Reference names, when it may be shown."""
        key = local(reference)
        return None if key is None else self.resources.get(key)


async def gather(server: FhirServer, request: Request, target: Target, names: Names, *, number: int | None) -> Gathered:
    """Everything of the plan at the address. Raises ``NotFound``, also for another CarePlan, and the refusal of a
    revision that is not there.
    """
    async with server.database.snapshot() as reader:
        return await _Gathering(server, request, names, reader).all(target, number)


class _Gathering:
    """One document's reading, in one snapshot."""

    def __init__(self, server: FhirServer, request: Request, names: Names, reader: Reader) -> None:
        self._server = server
        self._request = request
        self._names = names
        self._reader = reader
        self._found: Gathered

    async def all(self, target: Target, number: int | None) -> Gathered:
        server, request = self._server, self._request
        stored = await read(
            self._reader,
            request.access,
            "CarePlan",
            target.id,
            registry=server.registry,
            now=request.now,
            patient_id=target.patient_id,
        )
        plan = decode(stored.body)
        if not is_plan(plan, self._names):
            raise NotFound(f"CarePlan/{target.id} is not an individual care plan.", "business-rule")
        revision = await self._revision(stored.patient, target.id, number, stored.updated)
        number_of_patient = server.registry.number("Patient")
        patient_id = (await self._reader.fetch(SELECT_PATIENT_ID, stored.patient, number_of_patient))[0][0]
        self._found = found = Gathered(stored.patient, patient_id, plan, revision)
        if revision.seq is not None:
            await self._take([("CarePlan", target.id)])
            if ("CarePlan", target.id) not in found.resources:
                raise Gone(f"CarePlan/{target.id}: revision {revision.number} was removed at the person's request.")
            found.plan = found.resources["CarePlan", target.id]
        else:
            self._keep(("CarePlan", target.id), plan, stored.patient)
        await self._take([("Patient", patient_id), *shown_by(found.plan), *_people_of([found.plan])])
        await self._take_observations()
        await self._take_beside()
        await self._take_revision()
        # Who and what those name: the members of the network, conditions of goals, who said something.
        for _ in range(2):
            await self._take(_people_of(found.resources.values()))
        return found

    async def _revision(self, patient: int, plan_id: str, number: int | None, updated: int) -> Revision:
        last = await last_number(self._reader, patient, plan_id)
        wanted = last if number is None else number
        if not 0 < wanted <= last:
            if number is None:
                return Revision(0, updated)
            raise refusal("no-revision", "revision", number=f"{number}", last=f"{last}")
        rows = await self._reader.fetch(_REVISION, patient, claim_of(plan_id, wanted))
        if not rows:
            if number is None:
                return Revision(last, updated)
            raise Gone(f"Revision {wanted} was removed at the person's request.")
        return Revision(wanted, rows[0][2], rows[0][0], None if number is None else rows[0][1])

    async def _rows(self, kind: str, ids: Sequence[str] | None) -> Sequence[Row]:
        """Rows of the partition of one type: id, version, what forbids it, body, labels."""
        found, access = self._found, self._request.access
        binds: list[Any] = [
            found.patient,
            self._server.registry.number(kind),
            access.denied_labels(found.patient, Action.READ),
            access.hash,
            access.stamp,
            self._request.now,
        ]
        statement = _NOW
        alias = "r"
        if found.revision.seq is not None:
            statement, alias = _THEN, "h"
            binds.append(found.revision.seq)
        if ids is None:
            statement += f" ORDER BY {alias}.id"
        else:
            places = ", ".join(f"${place}" for place in range(len(binds) + 1, len(binds) + 1 + len(ids)))
            statement += f" AND {alias}.id IN ({places})"
            binds += ids
        return await self._reader.fetch(statement, *binds)

    async def _take(self, keys: Iterable[Key]) -> None:
        """Read what is not read yet, in the partition, else in the catalogues."""
        wanted: dict[str, list[str]] = {}
        for kind, resource_id in dict.fromkeys(keys):
            if (kind, resource_id) not in self._found.resources and kind in self._server.registry.placement:
                wanted.setdefault(kind, []).append(resource_id)
        for kind, ids in wanted.items():
            if not self._request.access.scopes.allow(kind, Action.READ):
                self._found.left_out.add(kind)
                continue
            rows = await self._rows(kind, ids)
            for row in rows:
                await self._take_row(kind, row)
            if self._server.registry.placement[kind].catalogue:
                for resource_id in set(ids).difference(row[0] for row in rows):
                    await self._take_shared(kind, resource_id)

    async def _take_row(self, kind: str, row: Row) -> None:
        """Keep what a row says, or that it is there and may not be shown."""
        resource_id, version, forbidden, body, _ = row
        found, request = self._found, self._request
        if forbidden:
            found.left_out.add(kind)
            return
        if body is None:
            found.erased = True
            return
        place = found.patient, kind, resource_id
        if await is_within(
            self._reader, request.access, self._server.registry, place, version, body, action=Action.READ
        ):
            self._keep((kind, resource_id), decode(body), found.patient)
        else:
            found.left_out.add(kind)

    async def _take_shared(self, kind: str, resource_id: str) -> None:
        for partition in self._request.access.catalogues:
            try:
                stored = await read(
                    self._reader,
                    self._request.access,
                    kind,
                    resource_id,
                    registry=self._server.registry,
                    now=self._request.now,
                    partition=partition,
                )
            except NotFound:
                continue
            except Gone:
                return
            self._keep((kind, resource_id), decode(stored.body), partition)
            return

    async def _take_observations(self) -> None:
        """What was said of the goals, the newest of each; at a revision what that one names."""
        found = self._found
        about: dict[str, list[str]] = {each: [] for each in goals_of(found.plan)}
        if not about:
            return
        for goal, observation in await self._observed():
            listed = about.get(goal)
            if listed is not None and observation not in listed and len(listed) < MOST_OBSERVED:
                listed.append(observation)
        await self._take(("Observation", each) for listed in about.values() for each in listed)
        for goal, listed in about.items():
            found.about[goal] = [each for each in listed if ("Observation", each) in found.resources]

    async def _observed(self) -> list[Key]:
        """(Goal, Observation) ids, the newest first."""
        found, registry = self._found, self._server.registry
        if found.revision.seq is None:
            rows = await self._reader.fetch(
                _FOCUS,
                found.patient,
                registry.number("Observation"),
                self._server.definitions.parameter_numbers["goal-focus"],
                registry.number("Goal"),
            )
            return [(row[0], row[1]) for row in rows]
        # The Provenance itself may be beyond the caller's permits; what it names is read under them all the same.
        rows = await self._reader.fetch(_BODY, found.patient, registry.number("Provenance"), found.revision.id)
        extensions = decode(rows[0][0]).get("extension", ()) if rows and rows[0][0] is not None else ()
        named = [local(each.get("valueReference")) for each in extensions if each.get("url") == self._names.manifest]
        await self._take(key for key in named if key is not None and key[0] == "Observation")
        said = [each for key, each in found.resources.items() if key[0] == "Observation" and key in named]
        said.sort(key=_when, reverse=True)
        return [
            (key[1], each["id"])
            for each in said
            for key in map(local, each.get("focus", ()))
            if key is not None and key[0] == "Goal"
        ]

    async def _take_beside(self) -> None:
        """What says itself that it belongs to the plan: action plans in zones, and the person's wishes."""
        found, plan_id = self._found, self._found.plan["id"]
        beside = {key for key in found.resources if key[0] == "CarePlan"}
        for row in await self._rows("CarePlan", None):
            if ("CarePlan", row[0]) in beside or row[2] or row[3] is None:
                continue
            resource = decode(row[3])
            parts = [local(each) for each in resource.get("partOf", ())]
            if has_category(resource, self._names, ACTION_PLAN) and ("CarePlan", plan_id) in parts:
                await self._take_row("CarePlan", row)
        found.action_plans = [
            each
            for each in found.resources.values()
            if has_category(each, self._names, ACTION_PLAN) and each.get("status") in ("active", "draft", "on-hold")
        ]
        wishes = self._server.labels.bits(("advance-directives",))
        for row in await self._rows("Consent", None):
            if not row[4] & wishes:
                continue
            if self._request.access.scopes.allow("Consent", Action.READ):
                await self._take_row("Consent", row)
            else:
                found.left_out.add("Consent")
        found.wishes = [each for key, each in found.resources.items() if key[0] == "Consent" and _is_in_force(each)]

    async def _take_revision(self) -> None:
        """Who made the revision and why, for who may see all that it changed; the plan itself lacks nothing without."""
        found = self._found
        left_out = set(found.left_out)
        if found.revision.id:
            await self._take([("Provenance", found.revision.id)])
        found.left_out = left_out

    def _keep(self, key: Key, resource: Resource, partition: int) -> None:
        self._found.resources[key] = resource
        self._found.partitions[key] = partition


def _is_in_force(wish: Resource) -> bool:
    return wish.get("status") in ("active", "proposed", "draft")


def _when(observation: Resource) -> int:
    """When something was said, in µs; 0 where it does not say."""
    text = observation.get("effectiveDateTime") or observation.get("issued") or ""
    return bounds(text)[0] if text else 0


def _people_of(resources: Iterable[Resource]) -> list[Key]:
    """Everyone and every condition that these name, at any depth."""
    found: dict[Key, None] = {}
    for resource in resources:
        waiting: list[Any] = [resource]
        while waiting:
            value = waiting.pop()
            if isinstance(value, Mapping):
                key = local(value)
                if key is not None and key[0] in _FOLLOWED:
                    found[key] = None
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
    return list(found)

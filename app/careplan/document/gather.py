"""Reading what the document shows: the plan with all that it refers to, now or at one of its revisions, as far as the
caller may see it now.

MODEL 2, "Revisions": an old revision is read as everything stood at its place in the partition's order, under the
permits of today. What may not be seen is left out, and that something is left out is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.auth.accounts.representation import representatives
from app.careplan.history import History, Place
from app.careplan.names import ACTION_PLAN, Names
from app.careplan.past import Member
from app.careplan.plan import goals_of, has_category, is_plan, local, shown_by
from app.careplan.refusals import refusal, refused
from app.careplan.revision import MOST_OBSERVED, claim_of, last_number
from app.database import Reader
from app.errors import Gone, NotFound
from app.fhir.dates import bounds
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.questionnaires.library import Held
from app.questionnaires.profile import Told
from app.server.access import SELECT_PATIENT_ID
from app.server.interactions.stored import stored_for
from app.server.messages import Request, Target
from app.server.server import FhirServer
from app.server.store.guarded import GUARD, GuardedReader

Key = tuple[str, str]
"""Type and id."""
_PEOPLE: Final = frozenset({"Patient", "Practitioner", "PractitionerRole", "Organization", "RelatedPerson", "CareTeam"})
_FOLLOWED: Final = _PEOPLE | {"Condition"}
"""What is shown by name where something else refers to it."""
_FOCUS: Final = (
    "SELECT l.target_id, r.id FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $4 AND l.type = $5 AND l.param = $6 AND l.target_type = $7 AND r.deleted = 0"
    f" AND {GUARD} ORDER BY r.date DESC, r.seq DESC"
)
_REVISION: Final = (
    "SELECT r.id, h.seq, h.updated FROM claim c JOIN resource r ON r.patient = c.patient AND r.n = c.n"
    " JOIN history h ON h.patient = r.patient AND h.type = r.type AND h.id = r.id AND h.version = 1"
    f" WHERE c.patient = $4 AND c.name = $5 AND {GUARD}"
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
class Beside:
    """What stands beside the plan: measurements, results of protocols, what questionnaires gave, and the Questionnaires
    of answers by canonical.
    """

    measured: list[Resource] = field(default_factory=list)
    computed: list[Resource] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    forms: dict[str, Held] = field(default_factory=dict)


@dataclass(slots=True)
class Gathered:
    """``resources`` is everything that may be shown, by type and id; ``about``: per goal the ids of the Observations of
    it, the newest first; ``left_out``: the types of what is there and may not be seen by this caller;
    ``representing``: the RelatedPersons whose word is the patient's; ``erased``: something was removed at the person's
    request.
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
    representing: frozenset[str] = frozenset()
    erased: bool = False
    beside: Beside = field(default_factory=Beside)

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
        self._guarded = GuardedReader.of(reader, request)
        self._history: History
        self._found: Gathered

    async def all(self, target: Target, number: int | None) -> Gathered:
        server, request = self._server, self._request
        stored = await stored_for(
            server, request, "CarePlan", target.id, patient_id=target.patient_id, reader=self._reader
        )
        plan = decode(stored.body)
        if not is_plan(plan, self._names):
            raise refused(NotFound, "other-plan", id=str(target.id))
        self._history = History(server, self._reader, self._request, Place(stored.patient, target.id))
        revision = await self._revision(stored.patient, target.id, number, stored.updated)
        number_of_patient = server.registry.number("Patient")
        patient_id = (await self._reader.fetch(SELECT_PATIENT_ID, stored.patient, number_of_patient))[0][0]
        self._found = found = Gathered(stored.patient, patient_id, plan, revision)
        if revision.seq is not None:
            await self._take([("CarePlan", target.id)])
            if ("CarePlan", target.id) not in found.resources:
                text = f"CarePlan/{target.id}: revision {revision.number} was removed at the person's request."
                raise Gone(text, kind="erased")
            found.plan = found.resources["CarePlan", target.id]
        else:
            self._keep(("CarePlan", target.id), plan, stored.patient)
        await self._take([("Patient", patient_id), *shown_by(found.plan), *_people_of([found.plan])])
        found.representing = await representatives(self._reader, stored.patient)
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
        rows = await self._guarded.fetch(_REVISION, patient, claim_of(plan_id, wanted))
        if not rows:
            if number is None:
                return Revision(last, updated)
            raise Gone(f"Revision {wanted} was removed at the person's request.", kind="erased")
        return Revision(wanted, rows[0][2], rows[0][0], None if number is None else rows[0][1])

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
            members = await self._history.of_type(kind, ids, at=self._found.revision.seq)
            for member in members:
                self._take_member(member)
            if self._server.registry.placement[kind].catalogue:
                for resource_id in set(ids).difference(each.id for each in members):
                    await self._take_shared(kind, resource_id)

    def _take_member(self, member: Member) -> None:
        """Keep what a version says, or that it is there and may not be shown."""
        if member.is_hidden:
            self._found.left_out.add(member.type)
        elif member.body is None:
            self._found.erased = True
        else:
            self._keep((member.type, member.id), decode(member.body), self._found.patient)

    async def _take_shared(self, kind: str, resource_id: str) -> None:
        for partition in self._request.access.catalogues:
            try:
                stored = await stored_for(
                    self._server, self._request, kind, resource_id, partition=partition, reader=self._reader
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
            rows = await self._guarded.fetch(
                _FOCUS,
                found.patient,
                registry.number("Observation"),
                self._server.definitions.parameter_numbers["goal-focus"],
                registry.number("Goal"),
            )
            return [(row[0], row[1]) for row in rows]
        # The Provenance itself may be beyond the caller's permits; what it names is read under them all the same.
        revisions = await self._history.chosen([found.revision.number])
        named = [key[:2] for each in revisions for key in each.manifest(self._names) if key[0] == "Observation"]
        await self._take(named)
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

        def is_action_plan(_labels: int, body: bytes | None) -> bool:
            resource = {} if body is None else decode(body)
            parts = [local(each) for each in resource.get("partOf", ())]
            return has_category(resource, self._names, ACTION_PLAN) and ("CarePlan", plan_id) in parts

        for each in await self._history.of_type("CarePlan", None, at=found.revision.seq, only=is_action_plan):
            if ("CarePlan", each.id) not in beside:
                self._take_member(each)
        found.action_plans = [
            each
            for each in found.resources.values()
            if has_category(each, self._names, ACTION_PLAN) and each.get("status") in ("active", "draft", "on-hold")
        ]
        wishes = self._server.labels.bits(("advance-directives",))

        def is_wish(labels: int, _body: bytes | None) -> bool:
            return bool(labels & wishes)

        for each in await self._history.of_type("Consent", None, at=found.revision.seq, only=is_wish):
            self._take_member(each)
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

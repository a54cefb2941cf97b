"""What may be looked at when the plan is looked back on: what was measured and said since the check before, as far as
the caller may see it now.

Found by ``focus`` on a goal, by what the plan names as ``supportingInfo``, and by date.
https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from app.careplan.plan import goals_of, local
from app.database import Reader, Row
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.access import guarded
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.narrowed import is_within
from app.server.store.read import check_guard

MOST_OFFERED: Final = 500
"""Of one type by date, and about one goal: the newest."""
DATED: Final = ("Observation", "QuestionnaireResponse")
_VOID: Final = frozenset({"entered-in-error", "cancelled", "in-progress"})
_COLUMNS: Final = "r.n, r.id, r.version, r.labels, r.body"
_GUARD: Final = guarded(2)
_SINCE: Final = "(r.date >= $5 OR r.updated >= $5)"
_ABOUT: Final = (
    f"SELECT o.goal, {_COLUMNS} FROM (SELECT f.target_id AS goal, d.n, row_number() OVER (PARTITION BY f.target_id"
    " ORDER BY d.date DESC, d.n DESC) AS place FROM (SELECT DISTINCT l.target_id, l.n FROM link l WHERE l.patient = $1"
    " AND l.type = $6 AND l.param = $7 AND l.target_type = $8 AND l.target_id IN ({goals})) f"
    " JOIN resource d ON d.patient = $1 AND d.n = f.n WHERE d.deleted = 0 AND (d.date >= $5 OR d.updated >= $5)) o"
    f" JOIN resource r ON r.patient = $1 AND r.n = o.n WHERE o.place <= $9 AND {_GUARD} ORDER BY o.place"
)
_BY_DATE: Final = (
    # The row under which each resource of a type stands once has its date, too.
    f"SELECT {_COLUMNS} FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient = $1 AND t.type = $6 AND t.param = 0 AND t.value = 0 AND t.date >= $5 AND r.deleted = 0"
    f" AND {_GUARD} ORDER BY t.date DESC, t.n DESC LIMIT $7"
)
_NAMED: Final = (
    f"SELECT r.type, {_COLUMNS} FROM resource r WHERE r.patient = $1 AND (r.type, r.id) IN (VALUES {{rows}})"
    f" AND r.deleted = 0 AND {_SINCE} AND {_GUARD}"
)


class Shown(NamedTuple):
    """A resource that is offered."""

    type: str
    id: str
    body: bytes


@dataclass(slots=True)
class Offer:
    """``about``: what there is about each goal, the newest first; ``supporting``: what the plan names; ``dated``: all
    else of the time. ``hidden``: something is there that the caller may not see; ``cut``: there is more than this.
    """

    about: dict[str, list[Shown]] = field(default_factory=dict)
    supporting: list[Shown] = field(default_factory=list)
    dated: list[Shown] = field(default_factory=list)
    hidden: bool = False
    cut: bool = False


class Gathering:
    """Collects an offer for one caller. ``reader``: one state of the database."""

    def __init__(self, server: FhirServer, reader: Reader, request: Request, patient: int, *, since: int) -> None:
        self._server = server
        self._reader = reader
        self._request = request
        self._patient = patient
        access = request.access
        self._start = (patient, access.hash, access.stamp, request.now, since)
        self._seen: set[tuple[str, str]] = set()
        self.offer = Offer()

    async def whole(self, plan: Resource) -> Offer:
        """Everything, each once. Raises ``GrantChanged``."""
        await check_guard(self._reader, self._request.access, self._request.now)
        await self.about(goals_of(plan))
        await self._named(plan)
        for kind in DATED:
            number = self._server.registry.number(kind)
            rows = await self._reader.fetch(_BY_DATE, *self._start, number, MOST_OFFERED + 1)
            self.offer.dated += await self._keep(kind, self._cut(rows))
        return self.offer

    async def about(self, goals: Sequence[str]) -> dict[str, list[Resource]]:
        """What there is about each goal, the newest first."""
        by_goal: dict[str, list[Row]] = {goal: [] for goal in goals}
        number = self._server.registry.number
        parameter = self._server.definitions.parameter_numbers["goal-focus"]
        binds = (number("Observation"), parameter, number("Goal"), MOST_OFFERED + 1)
        if goals:
            places = ", ".join(f"${place}" for place in range(10, 10 + len(goals)))
            for goal, *row in await self._reader.fetch(_ABOUT.format(goals=places), *self._start, *binds, *goals):
                by_goal[goal].append(row)
        for goal, rows in by_goal.items():
            self.offer.about[goal] = await self._keep("Observation", self._cut(rows))
        return {goal: [{**decode(each.body), "id": each.id} for each in self.offer.about[goal]] for goal in goals}

    async def _named(self, plan: Resource) -> None:
        """What the plan names as supporting it."""
        registry = self._server.registry
        listed = dict.fromkeys(found for each in plan.get("supportingInfo", ()) if (found := local(each)) is not None)
        named = [each for each in listed if each[0] in registry.stored]
        if not named:
            return
        binds: list[Any] = [*self._start]
        values = []
        for kind, resource_id in named:
            binds.append(resource_id)
            values.append(f"({registry.number(kind)}, ${len(binds)})")
        rows = await self._reader.fetch(_NAMED.format(rows=", ".join(values)), *binds)
        by_name = {(registry.type_names[number], row[1]): row for number, *row in rows}
        for each in named:
            if each in by_name:
                self.offer.supporting += await self._keep(each[0], [by_name[each]])

    def _cut(self, rows: Sequence[Row]) -> Sequence[Row]:
        self.offer.cut = self.offer.cut or len(rows) > MOST_OFFERED
        return rows[:MOST_OFFERED]

    async def _keep(self, kind: str, rows: Sequence[Row]) -> list[Shown]:
        """What of the rows the caller may see, and was not offered yet."""
        access, registry = self._request.access, self._server.registry
        denied = access.denied_labels(self._patient, Action.READ)
        found = []
        for _, resource_id, version, labels, body, *_ in rows:
            if (kind, resource_id) in self._seen:
                continue
            self._seen.add((kind, resource_id))
            at = self._patient, kind, resource_id
            visible = not labels & denied and access.scopes.allow(kind, Action.READ)
            if not visible or not await is_within(
                self._reader, access, registry, at, version, body, action=Action.READ
            ):
                self.offer.hidden = True
            elif decode(body).get("status") not in _VOID:
                found.append(Shown(kind, resource_id, bytes(body)))
        return found

"""The Observations of a run, and what else a result is made of, read by the service itself in one partition.

Without the guard of a grant: a result is the service's own, whoever's change it follows; who may see it is said by its
own data category, and by the guard of whoever reads it. https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.database import Reader
from app.errors import Invalid
from app.fhir.dates import bounds
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode
from app.measurements.kinds import OWN, Key, recognised
from app.measurements.protocols.results import Origin, with_target
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import Protocol
from app.measurements.targets import Target, targets_in
from app.server.search.terms import NO_SYSTEM, hash_token

_READINGS: Final = (
    "SELECT DISTINCT r.n, r.id, r.body FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient = $1 AND t.type = $2 AND t.param = $3 AND t.date >= $4 AND t.date < $5"
    " AND r.deleted = 0 AND t.value IN ({values}) ORDER BY r.n"
)
_RESULTS: Final = (
    "SELECT DISTINCT r.n, r.id, r.body FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $1 AND l.type = $2 AND l.param = $3 AND l.target_type = $2 AND l.target_id = $4"
    " AND r.deleted = 0 ORDER BY r.n"
)
_ANY: Final = "SELECT 1 FROM link l WHERE l.patient = $1 AND l.type = $2 AND l.param = $3 LIMIT 1"
_ONE: Final = "SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"
_EVER: Final = "SELECT 1 FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
_GOALS: Final = (
    "SELECT DISTINCT r.n, r.id, r.body FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient = $1 AND t.type = $2 AND t.param = $3 AND t.value = $4 AND r.deleted = 0 ORDER BY r.n"
)
_ACTIVE: Final = hash_token(NO_SYSTEM, "active")


class Gathering:
    """Reads for runs, for one installation."""

    def __init__(self, definitions: Definitions, canonical_base: str) -> None:
        self._types = definitions.type_numbers
        self._params = definitions.parameter_numbers
        self.base = canonical_base

    async def readings(self, reader: Reader, patient: int, run: Run) -> list[Resource]:
        """The Observations of the kinds and the time of a run, each with its id."""
        span = run.span
        values = [hash_token(system, code) for system, code in codes_of(run.protocol, self.base)]
        places = ",".join(f"${at}" for at in range(6, 6 + len(values)))
        rows = await reader.fetch(
            _READINGS.format(values=places),
            patient,
            self._types["Observation"],
            self._params["code"],
            span.start,
            span.end,
            *values,
        )
        return [{**decode(body), "id": resource_id} for _, resource_id, body in rows]

    async def results(self, reader: Reader, patient: int, reading_id: str) -> list[Resource]:
        """The Observations that derive from one, each with its id."""
        rows = await reader.fetch(
            _RESULTS, patient, self._types["Observation"], self._params["derived-from"], reading_id
        )
        return [{**decode(body), "id": resource_id} for _, resource_id, body in rows]

    async def has_results(self, reader: Reader, patient: int) -> bool:
        """Whether any Observation derives from another: where none does there is no need to ask of each."""
        return bool(await reader.fetch(_ANY, patient, self._types["Observation"], self._params["derived-from"]))

    async def one(self, reader: Reader, patient: int, kind: str, resource_id: str) -> Resource | None:
        """One resource as it is now, with its id."""
        rows = await reader.fetch(_ONE, patient, self._types[kind], resource_id)
        return {**decode(rows[0][0]), "id": resource_id} if rows and rows[0][0] is not None else None

    async def was_there(self, reader: Reader, patient: int, kind: str, resource_id: str) -> bool:
        """Whether there ever was a resource of this id, deleted or not."""
        return bool(await reader.fetch(_EVER, patient, self._types[kind], resource_id))

    async def with_newest_target(self, reader: Reader, patient: int, origin: Origin) -> Origin:
        """The same with the newest personal target in an active goal, where a figure asks for one."""
        if not asks_for_target(origin.run.protocol):
            return origin
        rows = await reader.fetch(_GOALS, patient, self._types["Goal"], self._params["lifecycle-status"], _ACTIVE)
        goals = [{**decode(body), "id": resource_id} for _, resource_id, body in rows if b'"target"' in body]
        return with_target(origin, self._newest(goals, origin.run.protocol))

    async def with_target_of(self, reader: Reader, patient: int, origin: Origin) -> Origin:
        """The same with the target of the Goal that it had."""
        goal = await self.one(reader, patient, "Goal", origin.goal) if origin.goal else None
        return with_target(origin, self._newest([goal] if goal is not None else [], origin.run.protocol))

    def _newest(self, goals: Sequence[Resource], protocol: Protocol) -> Target | None:
        value = protocol.measures[0].value
        found = [
            (_when(target), target)
            for goal in goals
            for name, target in targets_in(goal, protocol.kind, self.base)
            if name == value.name
        ]
        return max(found, key=lambda each: each[0])[1] if found else None


def asks_for_target(protocol: Protocol) -> bool:
    """Whether a figure is about the personal target."""
    return any(each.how == "within" for each in protocol.figures)


def codes_of(protocol: Protocol, canonical_base: str) -> list[Key]:
    """System and code of everything that a protocol looks at."""
    own = f"{canonical_base}/CodeSystem/measurement"
    keys = [code.key for kind in protocol.kinds for code in recognised(kind.codes)]
    return list(dict.fromkeys((own if system == OWN else system, code) for system, code in keys))


def _when(target: Target) -> int:
    try:
        return bounds(target.date)[0] if target.date else 0
    except Invalid:
        return 0

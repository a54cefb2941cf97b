"""What was born here as it leaves under the bases of STU3: the port ``Views`` of ``app/server/border.py``.

MODEL 2 "Profiles", 4 "Two layers". What a view looks at besides its resource is read under the access of who asks: a
view says nothing that its reader could not read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from app.bgz.zib2017.around import ALONE, Around, Key, Looked, canonicals
from app.bgz.zib2017.mapping import Mapper, is_privacy_consent
from app.careplan.names import Names
from app.careplan.plan import goals_of, is_plan, teams_of
from app.database import Reader
from app.errors import Unprocessable
from app.fhir.resource import Resource, decode
from app.questionnaires.library import QuestionnaireLibrary
from app.server.access import Access
from app.server.interactions.stored import all_stored_for
from app.server.messages import Request
from app.server.placement import named_patient
from app.server.server import Authenticate, FhirServer
from app.server.store.find import find_patient
from app.server.store.guarded import GUARD, GuardedReader

_PARTS: Final = frozenset({"Goal", "CareTeam"})
_PLANS: Final = (
    "SELECT DISTINCT r.n, r.body FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $4 AND l.type = $5 AND l.param IN ($6, $7) AND r.deleted = 0"
    f" AND {GUARD}"
)
"""The CarePlans of a patient that name goals or a network. Whether a goal is a part of the person's own plan is no
secret of the plan's: it decides only in which form the goal is given to who may read it.
"""


class Zib2017Views:
    """The views of one server."""

    def __init__(self, server: FhirServer, library: QuestionnaireLibrary) -> None:
        self._server = server
        self._library = library
        self._names = Names(server.canonical_base)
        self.mapper = Mapper(server.canonical_base)

    async def seen(self, resources: Sequence[Resource], request: Request) -> Sequence[Resource | None]:
        """See ``app.server.border.Views``."""
        looked = [None if is_privacy_consent(each) else self.mapper.look(each) for each in resources]
        around: dict[int, Around] = {}
        by_patient: dict[str, list[int]] = {}
        for place, (each, found) in enumerate(zip(resources, looked, strict=True)):
            if found is not None and not found.received and _looks(each, found):
                by_patient.setdefault(self._patient_of(each) or "", []).append(place)
        for patient_id, places in by_patient.items():
            keys = {key for place in places if (found := looked[place]) is not None for key in found.wanted}
            beside = await self._around(patient_id, [resources[place] for place in places], keys, request)
            around.update(dict.fromkeys(places, beside))
        return [
            None if found is None else self.mapper.view(each, around.get(place, ALONE), found)
            for place, (each, found) in enumerate(zip(resources, looked, strict=True))
        ]

    def _patient_of(self, resource: Resource) -> str | None:
        place = self._server.placement.get(resource.get("resourceType", ""))
        if place is None:
            return None
        try:
            return named_patient(resource, place, base=self._server.base, entries={})
        except Unprocessable:
            return None

    async def _around(self, patient_id: str, resources: Sequence[Resource], keys: set[Key], request: Request) -> Around:
        """What the resources of one patient refer to: ``keys``, and what else they ask for."""
        server, access = self._server, request.access
        patient = await find_patient(server.database, access, patient_id, server.registry) if patient_id else None
        found = await self._read(keys, patient, request)
        parts: frozenset[Key] = frozenset()
        if patient is not None and any(each["resourceType"] in _PARTS for each in resources):
            parts = await self._parts(GuardedReader.of(server.database, request), patient)
        return Around(found, await self._questionnaires(resources, server.database, access), parts)

    async def _read(self, keys: set[Key], patient: int | None, request: Request) -> dict[Key, Resource]:
        """Those that the caller may read: in the patient's partition, else in the catalogues."""
        found: dict[Key, Resource] = {}
        partitions = [*([] if patient is None else [patient]), *request.access.catalogues]
        for kind in sorted({each[0] for each in keys}):
            for partition in partitions if kind in self._server.registry.placement else ():
                ids = sorted(each[1] for each in keys if each[0] == kind and each not in found)
                stored = await all_stored_for(self._server, request, kind, ids, partition=partition)
                found |= {(kind, name): decode(each.body) for name, each in stored.items()}
        return found

    async def _parts(self, reader: GuardedReader, patient: int) -> frozenset[Key]:
        definitions = self._server.definitions
        parameters = definitions.parameter_numbers
        number = self._server.registry.number("CarePlan")
        rows = await reader.fetch(_PLANS, patient, number, parameters["goal"], parameters["care-team"])
        plans = [decode(row[1]) for row in rows]
        own = [each for each in plans if is_plan(each, self._names)]
        goals = (("Goal", each) for plan in own for each in goals_of(plan))
        return frozenset((*goals, *(("CareTeam", each) for plan in own for each in teams_of(plan))))

    async def _questionnaires(self, resources: Sequence[Resource], reader: Reader, access: Access) -> dict[str, str]:
        found: dict[str, str] = {}
        for canonical in {each for resource in resources for each in canonicals(resource)}:
            held = await self._library.find(self._server, reader, access.catalogues, canonical)
            if held is not None:
                found[canonical] = held.id
        return found


def _looks(resource: Resource, looked: Looked) -> bool:
    """Whether a view looks at more than its resource."""
    return bool(looked.wanted) or resource.get("resourceType") in _PARTS or any(canonicals(resource))


def viewing(authenticate: Authenticate) -> Callable[[str, int], Awaitable[Access]]:
    """Who asks at a base where what was born here is seen as a view."""

    async def authenticated(authorization: str, now: int) -> Access:
        return replace(await authenticate(authorization, now), viewed=True)

    return authenticated

"""Scores of what was loaded: a record that is brought back has its results with it, under the ids that they had, so
that only answers that came without any are scored. https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from app.errors import Issue, ZelfregieError
from app.fhir.dates import instant
from app.fhir.resource import decode
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.scoring.observations import STATUSES
from app.questionnaires.scoring.results import RESPONSE, Rescored, Results
from app.server.access import Access
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.prepare import check_resource, finish

_RESPONSES: Final = (
    "SELECT r.version, r.updated, r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.deleted = 0"
    " ORDER BY r.n"
)


class LoadedScores:
    """Gives every complete response of those of whom something was loaded its results, where it has none."""

    def __init__(self, names: Names, library: QuestionnaireLibrary) -> None:
        self._names = names
        self._library = library

    async def __call__(
        self, server: FhirServer, access: Access, patients: Sequence[int]
    ) -> Mapping[str, tuple[Issue, ...]]:
        """What there is to report, by response."""
        problems: dict[str, tuple[Issue, ...]] = {}
        results = Results(self._names, self._library, server.definitions)
        number = server.registry.number(RESPONSE)
        for patient in patients:
            for version, updated, body in await server.database.fetch(_RESPONSES, patient, number):
                response = decode(body)
                if response.get("status") not in STATUSES or not response.get("questionnaire"):
                    continue
                if await results.stored(server.database, patient, response["id"]):
                    continue
                found = await results.of(
                    server.database, access.catalogues, response, patient=patient, effective=instant(updated)
                )
                if found is None:
                    continue
                try:
                    drafts = [await self._draft(server, access, patient, each) for each in found[1]]
                    intent = Rescored(response["id"], version)
                    await execute(
                        server, access, drafts, now=server.clock(), request="load", service=True, intent=intent
                    )
                except ZelfregieError as error:
                    problems[f"{RESPONSE}/{response['id']}"] = error.all_issues()
            await asyncio.sleep(0)  # where this is done beside serving, requests go between
        return problems

    @staticmethod
    async def _draft(server: FhirServer, access: Access, patient: int, resource: dict[str, object]) -> Draft:
        await check_resource(
            server, server.database, access, resource, may_hold_bsn=True, patient=patient, derived=True
        )
        return finish(server, Draft("update", "Observation", str(resource["id"]), patient, resource, owned=True))

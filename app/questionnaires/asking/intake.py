"""A Task that asks for a questionnaire, as it comes in: what follows from who sends it is filled in where it is not
said, and a person or an app hears at once what is wrong with one that is new. The rule sees to everybody.
https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.database import Reader
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.questionnaires.asking.people import requester_of
from app.questionnaires.asking.request import TASK, is_asking
from app.questionnaires.asking.shape import Shape
from app.server.access import SERVICE, Access
from app.server.intake.delivering import name_of
from app.server.intake.findings import Finding, IntakeCheck
from app.server.server import FhirServer

_STORED: Final = "SELECT 1 FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"


def asking_check(shape: Shape) -> IntakeCheck:
    """For the server's intake."""

    async def check(
        server: FhirServer, reader: Reader, access: Access, resource: Resource, patient: int | None
    ) -> Sequence[Finding]:
        if access.kind == SERVICE or await _is_stored(server, reader, resource, patient):
            return ()
        now = server.clock()
        resource.setdefault("authoredOn", instant(now))
        resource.setdefault("lastModified", instant(now))
        person = resource.get("for")
        if person is not None:
            resource.setdefault("owner", dict(person))
            resource.setdefault("requester", await _named(server, reader, access, requester_of(access, person)))
        if access.is_system:
            return ()
        return [Finding(each) for each in await shape.problems(server, reader, access, resource, now=now)]

    return IntakeCheck("questionnaire-task", frozenset({TASK}), check, is_asking)


async def _named(server: FhirServer, reader: Reader, access: Access, requester: Resource) -> Resource:
    """Who asks, with the name of an organisation that the catalogue has: the person is shown it."""
    kind, _, organization = str(requester.get("reference", "")).partition("/")
    name = await name_of(reader, server.registry, access, organization) if kind == "Organization" else ""
    return {**requester, "display": name} if name else requester


async def _is_stored(server: FhirServer, reader: Reader, task: Resource, patient: int | None) -> bool:
    task_id = task.get("id")
    if patient is None or not isinstance(task_id, str):
        return False
    return bool(await reader.fetch(_STORED, patient, server.registry.number(TASK), task_id))

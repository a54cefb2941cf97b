"""What a person was asked to fill in so far, whoever asked. https://hl7.org/fhir/R4/task.html"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.database import Reader
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode
from app.questionnaires.asking.request import TASK, asked_url
from app.questionnaires.asking.transitions import transitions
from app.questionnaires.names import TASK_CODE
from app.server.search.terms import hash_token

MOST: Final = 500
"""The newest."""
_ASKED: Final = (
    "SELECT DISTINCT r.n, r.id, r.updated, r.body FROM token t JOIN resource r ON r.patient = t.patient AND r.n = t.n"
    " WHERE t.patient = $1 AND t.type = $2 AND t.param = $3 AND t.value = $4 AND r.deleted = 0"
    " ORDER BY r.n DESC LIMIT $5"
)


@dataclass(frozen=True, slots=True)
class Before:
    """A Task that is there; ``updated``: when it was last changed (µs)."""

    id: str
    updated: int
    task: Resource

    @property
    def is_open(self) -> bool:
        """Whether the person may still fill it in."""
        return transitions().is_open(self.task.get("status", ""))

    @property
    def url(self) -> str:
        """The canonical that it asks for, without version; "" where it asks by reference."""
        return asked_url(self.task)


async def asked_before(reader: Reader, definitions: Definitions, patient: int) -> list[Before]:
    """The Tasks of a record that ask for a questionnaire, the newest first."""
    types, parameters = definitions.type_numbers, definitions.parameter_numbers
    rows = await reader.fetch(_ASKED, patient, types[TASK], parameters["code"], hash_token(*TASK_CODE), MOST)
    return [Before(task_id, updated, {**decode(body), "id": task_id}) for _, task_id, updated, body in rows]

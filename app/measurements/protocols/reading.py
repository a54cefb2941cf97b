"""A run as the caller may read it. https://hl7.org/fhir/R4/task.html"""

from __future__ import annotations

from dataclasses import dataclass

from app.fhir.resource import Resource, decode
from app.measurements.protocols.run import Run
from app.measurements.protocols.tasks import is_run, run_of
from app.measurements.refusals import refusal
from app.server.messages import Request, Target
from app.server.server import FhirServer
from app.server.store.read import read


@dataclass(frozen=True, slots=True)
class Held:
    """A Task, the run that it is, and whose it is."""

    patient: int
    patient_id: str
    version: int
    task: Resource
    run: Run


async def read_run(server: FhirServer, request: Request, target: Target, canonical_base: str) -> Held:
    """Raises as a read does, and ``Unprocessable`` for a Task that is no run that can be read."""
    stored = await read(
        server.database,
        request.access,
        "Task",
        target.id,
        registry=server.registry,
        now=request.now,
        patient_id=target.patient_id,
    )
    task = {**decode(stored.body), "id": target.id}
    if not is_run(task, canonical_base):
        raise refusal("protocol-not-a-run", "Task.code", id=target.id)
    patient_id = str(task.get("for", {}).get("reference", "")).rpartition("/")[2]
    return Held(stored.patient, patient_id, stored.version, task, run_of(task, canonical_base))

"""Whether a Task that is meant as a run of a protocol is one that can be done. https://hl7.org/fhir/R4/task.html"""

from __future__ import annotations

from app.database import Reader
from app.fhir.resource import Resource
from app.measurements.protocols.tasks import is_run, issues_of
from app.server.access import Access
from app.server.intake.findings import Finding, IntakeCheck
from app.server.server import FhirServer


def run_check(canonical_base: str) -> IntakeCheck:
    """For the server's intake."""

    async def check(
        server: FhirServer,  # noqa: ARG001
        reader: Reader,  # noqa: ARG001
        access: Access,  # noqa: ARG001
        resource: Resource,
        patient: int | None,  # noqa: ARG001
    ) -> list[Finding]:
        return [Finding(each) for each in issues_of(resource, canonical_base)]

    return IntakeCheck("protocol-run", frozenset({"Task"}), check, lambda resource: is_run(resource, canonical_base))

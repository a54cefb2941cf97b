"""Statistics are computed when they are asked for: what ``$stats`` answers is not taken as a measurement.

https://hl7.org/fhir/R4/observation-operation-stats.html
"""

from __future__ import annotations

from typing import Final

from app.database import Reader
from app.fhir.resource import Resource
from app.measurements.refusals import issue
from app.server.access import Access
from app.server.intake.findings import Finding, IntakeCheck
from app.server.server import FhirServer

CODE: Final = "statistics"
"""Of our system ``computed``: the code of the Observations of ``$stats``."""


def statistics_check(canonical_base: str) -> IntakeCheck:
    """For the server's intake."""
    system = f"{canonical_base}/CodeSystem/computed"

    def concerns(observation: Resource) -> bool:
        coding = observation.get("code", {}).get("coding", ())
        return any(each.get("system") == system and each.get("code") == CODE for each in coding)

    async def check(
        server: FhirServer,  # noqa: ARG001
        reader: Reader,  # noqa: ARG001
        access: Access,  # noqa: ARG001
        resource: Resource,  # noqa: ARG001
        patient: int | None,  # noqa: ARG001
    ) -> list[Finding]:
        return [Finding(issue("statistics", "Observation.code"))]

    return IntakeCheck("measurement-statistics", frozenset({"Observation"}), check, concerns)

"""What giving the record hands to the server. https://hl7.org/fhir/R4/operations.html"""

from __future__ import annotations

from app.bgz.bgz import bgz_operation
from app.bgz.overview.operation import overview_operation
from app.bgz.summary.operation import summary_operation
from app.bgz.summary.pages import RecordPress
from app.careplan.names import Names
from app.server.operations import Operation


def bgz_operations(names: Names) -> tuple[Operation, ...]:
    """For the server's registry."""
    press = RecordPress()
    return (bgz_operation(names.base, press), summary_operation(names, press), overview_operation(names))

"""The operations of the care plan, one file each. https://hl7.org/fhir/R4/operations.html"""

from __future__ import annotations

from app.careplan.names import Names
from app.careplan.operations.agree import agree_operation
from app.careplan.operations.as_of import as_of_operation
from app.careplan.operations.compare import compare_operation
from app.careplan.operations.decide import decide_operation
from app.careplan.operations.evaluate import evaluate_operation
from app.careplan.operations.merge import merge_operation
from app.careplan.operations.rest import rest_operations
from app.careplan.operations.revise import revise_operation
from app.careplan.operations.revisions import revisions_operation
from app.careplan.operations.start import start_operation
from app.server.operations import Operation


def care_plan_operations(names: Names) -> tuple[Operation, ...]:
    """For the server's registry."""
    return (
        start_operation(names),
        agree_operation(names),
        evaluate_operation(names),
        decide_operation(names),
        revise_operation(names),
        *rest_operations(names),
        revisions_operation(names),
        as_of_operation(names),
        compare_operation(names),
        merge_operation(names),
    )

"""The operations of the care plan, one file each. https://hl7.org/fhir/R4/operations.html"""

from __future__ import annotations

from app.careplan.names import Names
from app.careplan.operations.agree import agree_operation
from app.careplan.operations.answer import answer_operations
from app.careplan.operations.apply import apply_operation
from app.careplan.operations.as_of import as_of_operation
from app.careplan.operations.attainment import attainment_operation
from app.careplan.operations.check_in import check_in_operation
from app.careplan.operations.compare import compare_operation
from app.careplan.operations.decide import decide_operation
from app.careplan.operations.document import document_operation
from app.careplan.operations.evaluate import evaluate_operation
from app.careplan.operations.items import items_operation
from app.careplan.operations.merge import merge_operation
from app.careplan.operations.propose import propose_operation
from app.careplan.operations.rest import rest_operations
from app.careplan.operations.restore import restore_operation
from app.careplan.operations.retract import retract_operations
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
        check_in_operation(names),
        attainment_operation(names),
        decide_operation(names),
        revise_operation(names),
        *rest_operations(names),
        revisions_operation(names),
        as_of_operation(names),
        compare_operation(names),
        merge_operation(names),
        apply_operation(names),
        restore_operation(names),
        document_operation(names),
        propose_operation(names),
        items_operation(names),
        *answer_operations(names),
        *retract_operations(names),
    )

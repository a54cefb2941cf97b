"""Every operation of the service, for the definitions in ``medmij_profiles/operations``.

``python -m app.main.definitions`` makes those files anew.
"""

from __future__ import annotations

from app.auth.consents.operations import consent_operations
from app.auth.consents.pairing import Pairing
from app.auth.consents.provider import PrivacyConsents
from app.auth.rights.annotation import annotate_operation
from app.auth.sealing import Seal
from app.bgz.wiring import bgz_operations
from app.careplan.names import Names
from app.careplan.operations import care_plan_operations
from app.config import CANONICAL_BASE
from app.measurements.protocols.port import WithoutPlan
from app.measurements.wiring import measurement_operations
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names as QuestionnaireNames
from app.questionnaires.wiring import questionnaire_operations
from app.rounds import Bell
from app.server.interactions.taking.again import Again
from app.server.interactions.taking.deciding import taking_operations
from app.server.operation_definitions import write
from app.server.operations import Operation
from app.server.standard_operations import STANDARD_OPERATIONS


def every_operation() -> tuple[Operation, ...]:
    """The operations as they are described; these are not to be called."""
    unused = Pairing(Seal(b"", "definitions"))
    consents = consent_operations(PrivacyConsents(CANONICAL_BASE), unused)
    annotation = annotate_operation(CANONICAL_BASE)
    measurements = measurement_operations(CANONICAL_BASE, Bell(), WithoutPlan())
    asked = questionnaire_operations(QuestionnaireNames(CANONICAL_BASE), QuestionnaireLibrary(CANONICAL_BASE))
    plan = care_plan_operations(Names(CANONICAL_BASE))
    giving = bgz_operations(Names(CANONICAL_BASE))
    taking = taking_operations(Again(), CANONICAL_BASE)
    return (*STANDARD_OPERATIONS, *consents, annotation, *taking, *plan, *measurements, *asked, *giving)


if __name__ == "__main__":
    write(every_operation())

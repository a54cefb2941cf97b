"""Every operation of the service, for the definitions in ``medmij_profiles/operations``.

``python -m app.main.definitions`` makes those files anew.
"""

from __future__ import annotations

from app.auth.consents.operations import consent_operations
from app.auth.consents.pairing import Pairing
from app.auth.consents.provider import PrivacyConsents
from app.auth.rights.annotation import annotate_operation
from app.auth.sealing import Seal
from app.careplan.names import Names
from app.careplan.operations import care_plan_operations
from app.config import CANONICAL_BASE
from app.server.operation_definitions import write
from app.server.operations import Operation
from app.server.standard_operations import STANDARD_OPERATIONS


def every_operation() -> tuple[Operation, ...]:
    """The operations as they are described; these are not to be called."""
    unused = Pairing(Seal(b"", "definitions"))
    consents = consent_operations(PrivacyConsents(CANONICAL_BASE), unused)
    annotation = annotate_operation(CANONICAL_BASE)
    return (*STANDARD_OPERATIONS, *consents, annotation, *care_plan_operations(Names(CANONICAL_BASE)))


if __name__ == "__main__":
    write(every_operation())

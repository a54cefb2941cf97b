"""The operations of FHIR itself that this server has. https://hl7.org/fhir/R4/operationslist.html"""

from __future__ import annotations

from typing import Final

from app.fhir.scopes import Action
from app.server.interactions.everything import EVERYTHING_PARAMETERS, everything
from app.server.operations import Operation

_HL7: Final = "http://hl7.org/fhir/OperationDefinition/"

STANDARD_OPERATIONS: Final = (
    Operation(
        "everything",
        frozenset({"type", "instance"}),
        frozenset({"Patient"}),
        Action.READ,
        f"{_HL7}Patient-everything",
        "The whole record of one patient, with what it refers to in the catalogue, in pages. Without an id: of the one"
        " patient that the token is for.",
        everything,
        parameters=EVERYTHING_PARAMETERS,
    ),
)

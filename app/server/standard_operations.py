"""The operations of FHIR itself that this server has. https://hl7.org/fhir/R4/operationslist.html"""

from __future__ import annotations

from typing import Final

from app.fhir.scopes import Action
from app.server.interactions.everything import EVERYTHING_PARAMETERS, everything
from app.server.interactions.expand import EXPAND_PARAMETERS, expand
from app.server.interactions.lastn import LASTN_PARAMETERS, lastn
from app.server.interactions.lookup import LOOKUP_PARAMETERS, lookup
from app.server.interactions.meta import (
    META_ADD_PARAMETERS,
    META_DELETE_PARAMETERS,
    META_PARAMETERS,
    meta,
    meta_add,
    meta_delete,
)
from app.server.interactions.subsumes import SUBSUMES_PARAMETERS, subsumes
from app.server.interactions.translate import TRANSLATE_PARAMETERS, translate_code
from app.server.interactions.validate import VALIDATE_PARAMETERS, validate
from app.server.interactions.validate_code import (
    VALIDATE_IN_CODE_SYSTEM_PARAMETERS,
    VALIDATE_IN_VALUE_SET_PARAMETERS,
    validate_in_code_system,
    validate_in_value_set,
)
from app.server.operations import Operation

_HL7: Final = "http://hl7.org/fhir/OperationDefinition/"

_NO_ACTION: Final = 0
"""What is looked at is checked against the scopes by the operation itself."""

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
    Operation(
        "lastn",
        frozenset({"type"}),
        frozenset({"Observation"}),
        Action.SEARCH,
        f"{_HL7}Observation-lastn",
        "The newest Observations of each code, among those that a search finds. It takes the parameters of that search;"
        " what was entered in error is left out.",
        lastn,
        parameters=LASTN_PARAMETERS,
    ),
    Operation(
        "meta",
        frozenset({"instance"}),
        frozenset(),
        Action.READ,
        f"{_HL7}Resource-meta",
        "The profiles, tags and security labels of one resource, or of one version of it.",
        meta,
        parameters=META_PARAMETERS,
        of_versions=True,
    ),
    Operation(
        "meta-add",
        frozenset({"instance"}),
        frozenset(),
        Action.UPDATE,
        f"{_HL7}Resource-meta-add",
        "Add profiles, tags and security labels to a resource. Nothing is overwritten, so this makes a new version.",
        meta_add,
        affects_state=True,
        parameters=META_ADD_PARAMETERS,
    ),
    Operation(
        "meta-delete",
        frozenset({"instance"}),
        frozenset(),
        Action.UPDATE,
        f"{_HL7}Resource-meta-delete",
        "Take profiles, tags and security labels from a resource. Nothing is overwritten, so this makes a new version.",
        meta_delete,
        affects_state=True,
        parameters=META_DELETE_PARAMETERS,
    ),
    Operation(
        "validate",
        frozenset({"type", "instance"}),
        frozenset(),
        _NO_ACTION,
        f"{_HL7}Resource-validate",
        "Check a resource, and whether the server would take it, without storing it. Profiles are not checked yet.",
        validate,
        parameters=VALIDATE_PARAMETERS,
    ),
    Operation(
        "expand",
        frozenset({"type", "instance"}),
        frozenset({"ValueSet"}),
        Action.READ,
        f"{_HL7}ValueSet-expand",
        "The codes of a value set that is in the catalogue, installed or required by FHIR itself, when what it is made"
        " of is held here, too.",
        expand,
        parameters=EXPAND_PARAMETERS,
    ),
    Operation(
        "lookup",
        frozenset({"type", "instance"}),
        frozenset({"CodeSystem"}),
        Action.READ,
        f"{_HL7}CodeSystem-lookup",
        "What a code means, for the code systems that are in the catalogue or installed.",
        lookup,
        parameters=LOOKUP_PARAMETERS,
    ),
    Operation(
        "validate-code",
        frozenset({"type", "instance"}),
        frozenset({"ValueSet"}),
        Action.READ,
        f"{_HL7}ValueSet-validate-code",
        "Whether a code is in a value set and its words are right. Where that cannot be told, it says what is not"
        " held.",
        validate_in_value_set,
        parameters=VALIDATE_IN_VALUE_SET_PARAMETERS,
    ),
    Operation(
        "validate-code",
        frozenset({"type", "instance"}),
        frozenset({"CodeSystem"}),
        Action.READ,
        f"{_HL7}CodeSystem-validate-code",
        "Whether a code is in a code system and its words are right. Where that cannot be told, it says what is not"
        " held.",
        validate_in_code_system,
        parameters=VALIDATE_IN_CODE_SYSTEM_PARAMETERS,
    ),
    Operation(
        "subsumes",
        frozenset({"type", "instance"}),
        frozenset({"CodeSystem"}),
        Action.READ,
        f"{_HL7}CodeSystem-subsumes",
        "Whether one code is a kind of another, for the code systems that are in the catalogue or installed.",
        subsumes,
        parameters=SUBSUMES_PARAMETERS,
    ),
    Operation(
        "translate",
        frozenset({"type", "instance"}),
        frozenset({"ConceptMap"}),
        Action.READ,
        f"{_HL7}ConceptMap-translate",
        "A code of one code system in those of another, and back, by the concept maps that are in the catalogue or"
        " installed.",
        translate_code,
        parameters=TRANSLATE_PARAMETERS,
    ),
)

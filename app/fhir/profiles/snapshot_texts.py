"""What a snapshot says of elements that its profile says nothing about: where FHIR defines them, and no text of FHIR's.

https://hl7.org/fhir/R4/resourcelist.html, https://hl7.org/fhir/R4/datatypes.html
"""

from __future__ import annotations

from typing import Final

_R4: Final = "https://hl7.org/fhir/R4"
_PAGES: Final = {
    "Extension": "extensibility",
    "Reference": "references",
    "Meta": "resource",
    **dict.fromkeys(
        (
            "ContactDetail",
            "Contributor",
            "DataRequirement",
            "Expression",
            "ParameterDefinition",
            "RelatedArtifact",
            "TriggerDefinition",
            "UsageContext",
        ),
        "metadatatypes",
    ),
    **dict.fromkeys(
        (
            "Address",
            "Age",
            "Annotation",
            "Attachment",
            "CodeableConcept",
            "Coding",
            "ContactPoint",
            "Count",
            "Distance",
            "Duration",
            "HumanName",
            "Identifier",
            "Money",
            "Period",
            "Quantity",
            "Range",
            "Ratio",
            "SampledData",
            "Signature",
            "Timing",
        ),
        "datatypes",
    ),
}
"""The pages of types that have none of their own name."""


def page_of(path: str) -> str:
    """The address where an element is defined, such as ``Observation.status``, ``Coding.code`` or ``code.value``."""
    kind = path.partition(".")[0]
    if kind[0].islower():
        return f"{_R4}/datatypes.html#{kind}"
    page = _PAGES.get(kind, kind.lower())
    return f"{_R4}/{page}-definitions.html#{path.replace('[x]', '_x_')}"


def definition_of(path: str) -> str:
    """The ``definition`` of an element that no profile defines."""
    return f"As FHIR R4 defines it: {page_of(path)}"


def modifier_reason_of(path: str) -> str:
    """The ``isModifierReason`` of an element that FHIR says can change what the elements around it mean."""
    return f"It can change what the elements around it mean, as FHIR R4 says: {page_of(path)}"

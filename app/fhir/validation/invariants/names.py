"""The name of a definition should be usable in a program: one rule of every type that has such a name, a warning.
https://hl7.org/fhir/R4/metadataresource.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.rule import Invariant, Value, rule

_IS_NAME: Final = re.compile("[A-Z][A-Za-z0-9_]{0,254}").fullmatch
_KEYS: Final = {
    "ActivityDefinition": "adf-0",
    "CapabilityStatement": "cpb-0",
    "ChargeItemDefinition": "cid-0",
    "CodeSystem": "csd-0",
    "CompartmentDefinition": "cpd-0",
    "ConceptMap": "cmd-0",
    "EffectEvidenceSynthesis": "ees-0",
    "EventDefinition": "evd-0",
    "Evidence": "evi-0",
    "EvidenceVariable": "evv-0",
    "ExampleScenario": "esc-0",
    "GraphDefinition": "gdf-0",
    "ImplementationGuide": "ig-0",
    "Library": "lib-0",
    "Measure": "mea-0",
    "MessageDefinition": "msd-0",
    "NamingSystem": "nsd-0",
    "OperationDefinition": "opd-0",
    "PlanDefinition": "pdf-0",
    "Questionnaire": "que-0",
    "ResearchDefinition": "rsd-0",
    "ResearchElementDefinition": "red-0",
    "RiskEvidenceSynthesis": "rvs-0",
    "SearchParameter": "spd-0",
    "StructureDefinition": "sdf-0",
    "StructureMap": "smp-0",
    "TerminologyCapabilities": "tcp-0",
    "TestScript": "tst-0",
    "ValueSet": "vsd-0",
}


def is_name(definition: Value) -> bool:
    """A capital, then letters, digits and underscores."""
    return "name" not in definition or _IS_NAME(definition["name"]) is not None


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    kind: (
        rule(
            key,
            "The name should begin with a capital and have only letters, digits and underscores, so that programs can "
            "use it; the title is for people.",
            is_name,
            "name",
            severity="warning",
        ),
    )
    for kind, key in _KEYS.items()
}

"""The two FHIR versions that a translation stands between, and what each calls a resource type.

https://hl7.org/fhir/R4/versions.html https://hl7.org/fhir/STU3/index.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.fhir.definitions import Definitions, Element, load

RENAMED: Final[Mapping[str, str]] = {
    "ProcedureRequest": "ServiceRequest",
    "BodySite": "BodyStructure",
    "Sequence": "MolecularSequence",
}
"""STU3's resource types that have another name in R4."""
_NAMES_BACK: Final = {r4: stu3 for stu3, r4 in RENAMED.items()}
_CROSS_VERSION: Final = "http://hl7.org/fhir/{version}/StructureDefinition/extension-"
"""Where FHIR has an element of another version: https://hl7.org/fhir/R4/versions.html#extensions"""


@dataclass(frozen=True, eq=False)
class Side:
    """One version. ``renamed``: what the other one calls a resource type, where it has another name for it."""

    version: str
    release: str
    renamed: Mapping[str, str]

    @cached_property
    def definitions(self) -> Definitions:
        """What HL7 says of it; read when it is first asked for."""
        return load(self.release)

    @cached_property
    def prefix(self) -> str:
        """How the extensions begin that carry an element of this version in a resource of the other."""
        return _CROSS_VERSION.format(version=self.version)

    def elements(self, path: str) -> Mapping[str, Element]:
        """The members of a type or backbone path by their JSON names; empty where this version has no such type."""
        return self.definitions.types.get(path, {})

    def has_extension_value(self, kind: str) -> bool:
        """Whether an extension of this version can hold a value of this type."""
        return value_name(kind) in self.definitions.types["Extension"]

    def name_elsewhere(self, resource_type: str) -> str:
        """What the other version calls a resource type."""
        return self.renamed.get(resource_type, resource_type)


def value_name(kind: str) -> str:
    """The member of an extension that holds a value of a type."""
    return f"value{kind[0].upper()}{kind[1:]}"


STU3: Final = Side("3.0", "3.0.1", RENAMED)
R4: Final = Side("4.0", "4.0.1", _NAMES_BACK)

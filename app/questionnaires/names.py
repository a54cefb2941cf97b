"""The canonicals of our own that questionnaires are written with, and those of SDC.
https://hl7.org/fhir/R4/references.html#canonical https://hl7.org/fhir/uv/sdc/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"
TASK_CODE: Final = ("http://loinc.org", "74468-0")
"""A Task that asks for a questionnaire to be filled in. Nictiz, vl-QuestionnaireProvisioningTask."""


@dataclass(frozen=True)
class Names:
    """Everything under one canonical base."""

    base: str

    def extension(self, name: str) -> str:
        """A StructureDefinition of ours: a profile or an extension."""
        return f"{self.base}/StructureDefinition/{name}"

    def system(self, name: str) -> str:
        """A CodeSystem of ours."""
        return f"{self.base}/CodeSystem/{name}"

    def questionnaire(self, name: str) -> str:
        """A Questionnaire that comes with this service."""
        return f"{self.base}/Questionnaire/{name}"

    def answers(self, name: str) -> str:
        """The system of answers of an instrument that only what was installed knows."""
        return f"{self.questionnaire(name)}/answers"

    @property
    def licence(self) -> str:
        """The extension on a Questionnaire that says who holds its wording, and whether it was installed."""
        return self.extension("questionnaire-licence")

    @property
    def amends(self) -> str:
        """The extension on a draft that says which answers it is to amend."""
        return self.extension("amends")

    @property
    def request(self) -> str:
        """The profile of a Task that asks for a questionnaire."""
        return self.extension("QuestionnaireRequest")

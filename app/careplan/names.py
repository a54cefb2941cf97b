"""The canonicals of our own that the care plan is written with. https://hl7.org/fhir/R4/references.html#canonical"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

SNOMED: Final = "http://snomed.info/sct"
MULTIDISCIPLINARY: Final = "135411000146103"
"""The second coding of the plan's category, never the test. SNOMED CT, edition of the Netherlands."""
PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ACHIEVEMENT: Final = "http://terminology.hl7.org/CodeSystem/goal-achievement"
IZP: Final = "izp"
ACTION_PLAN: Final = "action-plan"
PERSONAL: Final = "personal"


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

    @cached_property
    def plan_profile(self) -> str:
        """Of the plan."""
        return self.extension("IndividualCarePlan")

    @cached_property
    def revision_profile(self) -> str:
        """Of the Provenance of one revision."""
        return self.extension("PlanRevision")

    @cached_property
    def categories(self) -> str:
        """The code system of kinds of CarePlan."""
        return self.system("care-plan-category")

    @cached_property
    def cycle(self) -> str:
        """The extension with cycle, phase, since and next review."""
        return self.extension("plan-cycle")

    @cached_property
    def revision(self) -> str:
        """The extension with a revision's number, cycle and phase."""
        return self.extension("plan-revision")

    @cached_property
    def manifest(self) -> str:
        """The extension that names one version of what the plan showed."""
        return self.extension("manifest")

    @cached_property
    def goal_observations(self) -> str:
        """The code system of what is said of a goal."""
        return self.system("goal-observation")

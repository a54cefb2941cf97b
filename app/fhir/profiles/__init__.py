"""Profiles: does a resource follow what a StructureDefinition asks besides FHIR itself?

https://hl7.org/fhir/R4/profiling.html: a differential becomes a tree (``tree``), the tree checks (``checks``), and a
resource is held against these (``profiles``).
"""

from __future__ import annotations

from app.fhir.profiles.profiles import Profiles
from app.fhir.profiles.resolving import Resolve

__all__ = ["Profiles", "Resolve"]

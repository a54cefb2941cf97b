"""Patches: a resource changed by a list of operations, all of them or none. https://hl7.org/fhir/R4/http.html#patch

The outcome has not been validated: a patch is followed by what an update would do.
"""

from __future__ import annotations

from app.fhir.patching.fhirpath_patch import apply_fhirpath_patch
from app.fhir.patching.json_patch import apply_json_patch

__all__ = ["apply_fhirpath_patch", "apply_json_patch"]

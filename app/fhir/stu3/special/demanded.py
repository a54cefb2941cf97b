"""What invariants demand only sometimes.
https://hl7.org/fhir/STU3/condition.html#invs https://hl7.org/fhir/STU3/consent.html#invs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NOT_DEMANDED: Final = object()
"""Where the version does without the element, for what else the source says."""
_ERROR: Final = "entered-in-error"


def clinical_status(source: Mapping[str, Any]) -> object:
    """con-3 and ait-1: unless it was entered in error."""
    status = source.get("verificationStatus")
    codes = [each.get("code") for each in status.get("coding", ())] if isinstance(status, dict) else [status]
    return NOT_DEMANDED if _ERROR in codes else None


def policy_rule(source: Mapping[str, Any]) -> object:
    """ppc-1: unless there is a policy."""
    return NOT_DEMANDED if "policy" in source else None

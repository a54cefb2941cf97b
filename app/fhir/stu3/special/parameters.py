"""A parameter has one value, one resource or parts, in both versions.
https://hl7.org/fhir/STU3/parameters.html (inv-1)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.fhir.stu3.special.demanded import NOT_DEMANDED


def value(parameter: Mapping[str, Any]) -> Any:
    """A value is demanded where there is one, of whatever type."""
    has_one = any(name.removeprefix("_").startswith("value") for name in parameter)
    return None if has_one else NOT_DEMANDED

"""Does a resource follow FHIR's own definitions? https://hl7.org/fhir/R4/validation.html

Structure, primitive formats, required bindings, reference targets and invariants. Profiles and terminology servers are
not consulted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final

from app.errors import Issue
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.fhir.validation.nesting import too_deep
from app.fhir.validation.problems import issues
from app.fhir.validation.structure import Checks

__all__ = ["has_shape", "validate"]

_NO_SHAPE: Final = frozenset({"structure", "too-long", "informational"})


def validate(resource: Resource, definitions: Definitions) -> list[Issue]:
    """All that is wrong with a resource of the version of ``definitions``, each with its place; empty when it is valid.

    Numbers must be int or Decimal, as ``resource.decode`` gives them. Texts name elements, types and allowed codes,
    never what the resource says.
    """
    try:
        problems = _checks(definitions).whole(resource)
    except RecursionError:
        problems = [too_deep()]
    if problems is None:
        return []
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    return issues(problems, name if isinstance(name, str) and name in definitions.resource_types else "Resource")


def has_shape(issues: Iterable[Issue]) -> bool:
    """Whether what ``validate`` found leaves a resource whose elements can be looked at: values of the right JSON type
    where FHIR has them. A list of problems that is not whole may hide that it does not.
    """
    return not any(each.code in _NO_SHAPE for each in issues)


@functools.cache
def _checks(definitions: Definitions) -> Checks:
    return Checks(definitions)

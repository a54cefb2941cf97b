"""Rules that tie elements together, one small function each: https://hl7.org/fhir/R4/conformance-rules.html#constraints

``INVARIANTS`` lists R4's under the type or path whose object they look at; a type also has those of the types it
specializes. Nearly always that is where HL7 declares them; a rule about a single element, or one that looks at the
whole resource, is listed with the object around it. HL7's best practices are apart, in ``best_practice``: they are no
part of ``validate``.

Where HL7's expression has no answer, because an element is not there, the rule holds. Where expression and text differ,
we do as the expression says, unless it forbids what the text allows or never says a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants import (
    administration,
    bundle,
    clinical,
    conformance,
    datatypes,
    documents,
    elements,
    names,
    questionnaires,
    resources,
    structures,
    terminology,
    testing,
)
from app.fhir.validation.invariants.rule import Invariant
from app.fhir.validation.invariants.stu3 import DECLARED

__all__ = ["INVARIANTS", "Invariant", "of_version"]

_GROUPS: Final = (
    datatypes,
    elements,
    resources,
    clinical,
    administration,
    documents,
    questionnaires,
    bundle,
    conformance,
    structures,
    terminology,
    testing,
    names,
)


def _together() -> dict[str, tuple[Invariant, ...]]:
    found: dict[str, tuple[Invariant, ...]] = {}
    for group in _GROUPS:
        for path, listed in group.INVARIANTS.items():
            found[path] = (*found.get(path, ()), *listed)
    return found


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = _together()

_STU3: Final[Mapping[str, tuple[Invariant, ...]]] = {
    path: tuple(each for each in INVARIANTS[path] if each.key in keys.split()) for path, keys in DECLARED.items()
}


def of_version(version: str) -> Mapping[str, tuple[Invariant, ...]]:
    """The invariants of FHIR ``4.0.1``, or those of them that ``3.0.1`` has with the same meaning."""
    return INVARIANTS if version == "4.0.1" else _STU3

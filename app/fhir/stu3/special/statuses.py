"""Conditions and allergies: clinical status, verification status and abatement, which go together only in part.
https://hl7.org/fhir/R4/condition.html#invs https://hl7.org/fhir/R4/allergyintolerance.html#invs

R4 has no clinical status of what was entered in error (con-5, ait-2), and an abatement only of what is inactive
(con-4). Sources of STU3 do have active conditions with an end (zib-Problem-03 of zib2017): R4 holds the status, which
is the safer of the two, and the abatement is carried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.sides import R4, STU3
from app.fhir.stu3.special.not_done import converted
from app.fhir.stu3.ways import Way, code_as_concept

_CLINICAL: Final = "clinicalStatus"
_VERIFICATION: Final = "verificationStatus"
_ERROR: Final = "entered-in-error"
_ABATED: Final = frozenset({"inactive", "resolved", "remission"})
_ABATEMENTS: Final = {"abatementAge": "Age", "abatementPeriod": "Period", "abatementRange": "Range"}
_PRIMITIVES: Final = ("abatementDateTime", "abatementString")


@dataclass(frozen=True, slots=True)
class _Status:
    """One of them: how its codes are concepts, and the codes of both versions."""

    way: Way
    stu3: frozenset[str]
    r4: frozenset[str]


@dataclass(frozen=True, eq=False)
class Statuses:
    """How a type says it. ``clinical`` and ``verification`` are R4's code systems, ``back`` the clinical codes that
    only R4 has, with those of STU3 that include them. A code without counterpart is carried.
    """

    type: str
    clinical: str
    verification: str
    back: Mapping[str, str]

    @cached_property
    def _each(self) -> Mapping[str, _Status]:
        return {
            _CLINICAL: _status(self.type, _CLINICAL, {"system": self.clinical, "back": self.back}),
            _VERIFICATION: _status(self.type, _VERIFICATION, {"system": self.verification}),
        }

    def to_r4(self, values: Values, direction: Direction) -> Values:
        """The statuses as concepts, and the abatement of what has abated."""
        made: Values = {}
        wrong = values.get(_VERIFICATION) == _ERROR
        for name, status in self._each.items():
            code, beside = values.get(name), values.get(f"_{name}")
            if (code is None and beside is None) or (code is not None and code not in status.r4):
                continue
            found = None if wrong and name == _CLINICAL else status.way[0]((code, beside))
            if found is not None:
                made[name] = direction.datatype("CodeableConcept")(found[0])
        abated = values.get(_CLINICAL) in _ABATED and not wrong
        return {**made, **_abatement(values, direction)} if abated else made

    def to_stu3(self, values: Values, direction: Direction) -> Values:
        """The opposite."""
        made: Values = {}
        for name, status in self._each.items():
            if name not in values:
                continue
            concept = direction.datatype("CodeableConcept")(values[name])
            code, beside = status.way[1]((concept, None)) or (None, None)
            if code in status.stu3:
                made[name] = code
            if beside is not None:
                made[f"_{name}"] = beside
        return {**made, **_abatement(values, direction)}


def _status(kind: str, name: str, options: Mapping[str, Any]) -> _Status:
    ours, theirs = (side.definitions.codes[side.elements(kind)[name].binding or ""] for side in (STU3, R4))
    return _Status(code_as_concept(options), ours, theirs)


def _abatement(values: Values, direction: Direction) -> Values:
    made = converted(direction, _ABATEMENTS, values)
    for name in _PRIMITIVES:
        if name in values:
            made[name] = values[name]
        if f"_{name}" in values:
            made[f"_{name}"] = direction.element(values[f"_{name}"])
    return made


CONDITION: Final = Statuses(
    "Condition",
    "http://terminology.hl7.org/CodeSystem/condition-clinical",
    # STU3's `unknown` and R4's `unconfirmed` have no counterpart: neither says what the other does.
    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    # STU3's recurrence: "a relapse or re-experiencing the condition"
    back={"relapse": "recurrence"},
)
ALLERGY: Final = Statuses(
    "AllergyIntolerance",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
    back={},
)

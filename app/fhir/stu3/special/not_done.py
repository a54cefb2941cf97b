"""That something was not done: STU3 has a flag and a reason beside the status, R4 a status and the reason for it.
https://hl7.org/fhir/STU3/procedure-definitions.html#Procedure.notDone
https://hl7.org/fhir/R4/procedure-definitions.html#Procedure.status

What was entered in error stays that, whatever the flag says. Where R4 says that it was not done, STU3's status is the
one that is true besides; where none is, it has none, and the flag says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values

_ERROR: Final = "entered-in-error"


@dataclass(frozen=True, slots=True)
class NotDone:
    """How one type says it: ``flag`` of STU3, the code of R4's ``status``, and STU3's status beside the flag.
    ``reasons``: members for why not, from STU3 to R4 with their types. ``only_done``: members of both with their types,
    which STU3 forbids beside the flag. ``codes``: of statuses with another name in R4; ``unsaid``: those of R4 that
    STU3 has no word for, and that are carried.
    """

    flag: str
    code: str
    beside: str | None
    reasons: Mapping[str, tuple[str, str]]
    only_done: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    unsaid: frozenset[str] = frozenset()

    def to_r4(self, values: Values, direction: Direction) -> Values:
        """Status, flag and reason as R4's status and its reason."""
        made = converted(direction, self.only_done, values)
        status = values.get("status")
        if values.get(self.flag) is True and status != _ERROR:
            made["status"] = self.code
            for name, (other, kind) in self.reasons.items():
                if name in values:
                    made[other] = convert(direction, kind, values[name])
            return made
        return {**made, **status_with(values, self.codes, direction)}

    def to_stu3(self, values: Values, direction: Direction) -> Values:
        """The opposite. A reason for another status is carried."""
        if values.get("status") in self.unsaid:
            return converted(direction, self.only_done, values)
        if values.get("status") != self.code:
            back = {r4: stu3 for stu3, r4 in self.codes.items()}
            return {**converted(direction, self.only_done, values), **status_with(values, back, direction)}
        made: Values = {self.flag: True}
        if self.beside is not None:
            made["status"] = self.beside
        for name, (other, kind) in self.reasons.items():
            if other in values:
                made[name] = convert(direction, kind, values[other])
        return made


def status_with(values: Values, codes: Mapping[str, str], direction: Direction) -> Values:
    """The status and what stands beside it, under its name in the other version."""
    made: Values = {}
    if "status" in values:
        made["status"] = codes.get(values["status"], values["status"])
    if "_status" in values:
        made["_status"] = direction.element(values["_status"])
    return made


def converted(direction: Direction, kinds: Mapping[str, str], values: Values) -> Values:
    """Those members that ``kinds`` names, by the types that it gives them."""
    return {name: convert(direction, kind, values[name]) for name, kind in kinds.items() if name in values}


def convert(direction: Direction, kind: str, value: Any) -> Any:
    """A value, or each of a list."""
    change = direction.datatype(kind)
    return [change(each) for each in value] if isinstance(value, list) else change(value)


# STU3: "prior to the full completion of the intended actions"; R4: "prior to any activity beyond preparation".
PROCEDURE: Final = NotDone(
    "notDone",
    "not-done",
    "aborted",
    {"notDoneReason": ("statusReason", "CodeableConcept")},
    codes={"suspended": "on-hold", "aborted": "stopped"},
)
# STU3: "permanently halted, before all of them occurred".
ADMINISTRATION: Final = NotDone(
    "notGiven",
    "not-done",
    "stopped",
    {"reasonNotGiven": ("statusReason", "CodeableConcept")},
    only_done={"reasonCode": "CodeableConcept"},
)
# R4's `declined` is "not performed"; its reasons are STU3's, a product that is not in stock among them.
DISPENSE: Final = NotDone(
    "notDone",
    "declined",
    None,
    {
        "notDoneReasonCodeableConcept": ("statusReasonCodeableConcept", "CodeableConcept"),
        "notDoneReasonReference": ("statusReasonReference", "Reference"),
    },
    unsaid=frozenset({"cancelled", "unknown"}),
)

"""``MedicationStatement``: STU3 has ``taken`` beside the status; R4 has one status for both.
https://hl7.org/fhir/STU3/valueset-medication-statement-taken.html
https://hl7.org/fhir/R4/valueset-medication-statement-status.html

"The medication is still being taken" and "is no longer being taken" are true only of what is, or was, taken: if it was
not, R4's status is ``not-taken``, if that is not known, ``unknown``. What is intended, halted or stopped stays that,
since neither says that it is being taken; what was entered in error too.
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.special.not_done import convert, status_with

_SAYS_TAKEN: Final = frozenset({"active", "completed", None})
_ERROR: Final = "entered-in-error"
_CODES: Final = {"n": "not-taken", "unk": "unknown"}
_BACK: Final = {"not-taken": "n", "unknown": "unk", "active": "y", "completed": "y"}


def to_r4(values: Values, direction: Direction) -> Values:
    """Status and ``taken`` as one status; why it was not taken as the reason for that status."""
    taken, status = values.get("taken"), values.get("status")
    made = status_with(values, {}, direction)
    if status in _SAYS_TAKEN and taken in _CODES:
        made = {"status": _CODES[taken]}
    if taken == "n" and status != _ERROR and "reasonNotTaken" in values:
        made["statusReason"] = convert(direction, "CodeableConcept", values["reasonNotTaken"])
    return made


def to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite. Where R4 says only that it was not taken or is not known, no status of STU3 follows."""
    status = values.get("status")
    made = {} if status in _CODES.values() else status_with(values, {}, direction)
    if status in _BACK:
        made["taken"] = _BACK[status]
    if status == "not-taken" and "statusReason" in values:
        made["reasonNotTaken"] = convert(direction, "CodeableConcept", values["statusReason"])
    return made

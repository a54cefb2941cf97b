"""``Medication.package.batch`` of STU3: R4 has one batch of the medication itself.
https://hl7.org/fhir/R4/medication-version-maps.html
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_BATCH: Final = ("Medication.package.batch", "Medication.batch")


def to_r4(values: Values, direction: Direction) -> Values:
    """The batch, if there is one; of several none is that of the medication, and they are carried."""
    batches = values.get("package", {}).get("batch", ())
    return {"batch": direction.objects(*_BATCH)(batches[0])} if len(batches) == 1 else {}


def to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite."""
    return {"package": {"batch": [direction.objects(*reversed(_BATCH))(values["batch"])]}} if "batch" in values else {}

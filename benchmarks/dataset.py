"""The patients that every side holds, as one NDJSON file: each Patient followed by what is theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from app.cli.demo.bulk import bulk_patients
from app.fhir.resource import encode

SEED: Final = 8
OTHERS: Final = 3
"""Resources of a patient besides the Observations: Patient, Goal, CarePlan."""


def sizes(text: str) -> tuple[int, int]:
    """``200x5000``: patients, resources of each."""
    patients, _, resources = text.partition("x")
    return int(patients), int(resources)


def write_patients(folder: Path, *, patients: int = 200, resources: int = 63) -> Path:
    """A file of ``patients`` with ``resources`` each. The same sizes give the same file."""
    file = folder / f"patients-{patients}x{resources}.ndjson"
    with file.open("wb") as out:
        for record in bulk_patients(patients, resources - OTHERS, seed=SEED):
            out.writelines(encode(resource) + b"\n" for resource in record)
    return file

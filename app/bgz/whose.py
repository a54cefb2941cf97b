"""Whose record an operation on a Patient is about. https://hl7.org/fhir/R4/operations.html#executing"""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import Forbidden, NotFound
from app.fhir.scopes import NAMES, Action
from app.server.access import NOTHING
from app.server.challenges import beyond_scopes
from app.server.messages import Request, Target
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.store.read import check_guard


@dataclass(frozen=True, slots=True)
class Record:
    """``patient``: the partition; ``id``: of the Patient; ``address``: of the operation on it, below the base."""

    patient: int
    id: str
    address: str


async def record_of(server: FhirServer, request: Request, target: Target, operation: str) -> Record:
    """The record that an address means: that of the Patient in it, else of the one patient that the token is for.

    Raises ``NotFound``, and ``Forbidden`` for who has several and names none, or whose scopes see no Patient.
    """
    access = request.access
    if not access.scopes.allow("Patient", Action.READ):
        text = f"The token's scopes do not allow to {NAMES[Action.READ]} Patient, which ${operation} needs."
        raise beyond_scopes(access.scopes, text, ("Patient", Action.READ))
    patient_id = target.id
    if not patient_id:
        if access.patient is None:
            raise Forbidden(f"This would be of several patients; ask for Patient/<id>/${operation}.", "too-costly")
        patient_id = access.patient_id
    patient = await find_patient(server.database, access, patient_id, server.registry)
    if patient is None or access.denied_labels(patient, Action.READ) == NOTHING:
        await check_guard(server.database, access, request.now)
        raise NotFound(f"Patient/{patient_id} is not known.")
    return Record(patient, patient_id, f"Patient/{patient_id}/${operation}")

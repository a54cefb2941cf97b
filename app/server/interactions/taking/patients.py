"""A Patient that a source sends on its own: as in a delivery it means somebody who is here already, and what differs is
told and not stored. https://hl7.org/fhir/R4/patient.html; MODEL 3
"""

from __future__ import annotations

from dataclasses import replace

from app.errors import Forbidden, Issue, PreconditionFailed, Unprocessable
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.intake.delivering import source_of
from app.server.interactions.preconditions import if_match, if_none_match
from app.server.interactions.stored import stored_for
from app.server.interactions.taking.persons import person_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.changes import Draft, Remarks
from app.server.store.prepare import check_resource

_DIFFERS = "This differs from what is known here of the person, so it is somebody else, or one of both is wrong."


def means_a_person(server: FhirServer, request: Request, resource_type: str) -> bool:
    """Whether it is a Patient of a source, which is compared and not stored."""
    return resource_type == "Patient" and source_of(server.base, request.access) is not None


def refuse_change(server: FhirServer, request: Request, resource_type: str) -> None:
    """Raises ``Forbidden`` where a source would change what is known of a person in part, or by a search."""
    if means_a_person(server, request, resource_type):
        raise Forbidden(
            "What is known of a person is theirs to change. Send the Patient under its id: what differs is told.",
            "forbidden",
        )


async def take_patient(
    server: FhirServer, request: Request, resource: Resource, *, named: str, may_hold_bsn: bool
) -> Answer:
    """Compare a Patient with whom it means, and answer with who is here. ``named``: the id in the address. Raises
    ``Unprocessable`` where the birth date or the sex is another.
    """
    remarks = await check_resource(server, server.database, request.access, resource, may_hold_bsn=may_hold_bsn)
    names = frozenset({named, str(resource.get("id", ""))} - {""})
    person = await person_of(server, request, resource, named=named, names=names)
    if person is None:
        raise Forbidden("Persons are registered, not posted. Name the patient that you mean by its id.", "forbidden")
    if person.conflicts and not request.released:
        places = tuple(f"Patient.{name}" for name in person.conflicts)
        raise Unprocessable(_DIFFERS, "conflict", issues=(Issue("conflict", _DIFFERS, places, kind="another-person"),))
    stored = await stored_for(server, request, "Patient", person.id, partition=person.patient)
    wanted = if_match(request.headers)
    if if_none_match(request.headers) or wanted not in (None, stored.version):
        raise PreconditionFailed(f"Patient/{person.id} is at version {stored.version}.")
    told = tuple(replace(each, severity="warning") for each in person.differences)
    draft = Draft("update", "Patient", person.id, person.patient, resource, unchanged=True)
    draft.version, draft.updated = stored.version, stored.updated
    draft.body = stored.body if request.access.scopes.allow("Patient", Action.READ) else b""
    draft.remarks = Remarks((*remarks.issues, *told))
    return await written(server, request, draft, interaction="create" if request.method == "POST" else "update")

"""``Observation/$confirm``: the person says that a value that hardly occurs is right.

The mark ``to-confirm`` goes, as a new version; ``unlikely`` stays, since the value is as unlikely as it was. As long as
the values stay the same a later change does not ask again. https://hl7.org/fhir/R4/operations.html; MODEL 3.
"""

from __future__ import annotations

from typing import Final

from app.auth.roles import Role
from app.errors import Forbidden
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.measurements.refusals import refusal, text_of
from app.server.access import OWN_USE, Access
from app.server.challenges import beyond_scopes
from app.server.intake.flags import TO_CONFIRM, intake_system, set_flags
from app.server.interactions.parameters import inputs_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.prepare import finish, owner_of
from app.server.store.read import read

CONFIRM_PARAMETERS: Final = (
    Parameter("return", "out", 1, "1", "Observation", "The measurement, which is not to be confirmed any more."),
)
_OTHERS: Final = (Role.CARER, Role.PROFESSIONAL, Role.ORGANIZATION)


def confirm_operation(canonical_base: str) -> Operation:
    """For the server's registry."""
    return Operation(
        "confirm",
        frozenset({"instance"}),
        frozenset({"Observation"}),
        Action.UPDATE,
        f"{canonical_base}/OperationDefinition/Observation-confirm",
        "Says that a measured value that hardly occurs is right: the mark to-confirm goes, the mark unlikely stays."
        " Only the person, or who acts for them.",
        _confirm,
        affects_state=True,
        parameters=CONFIRM_PARAMETERS,
    )


async def _confirm(server: FhirServer, request: Request, target: Target) -> Answer:
    inputs_of(server, request, CONFIRM_PARAMETERS)
    access = request.access
    if not access.scopes.allow("Observation", Action.READ):
        text = "$confirm answers with the measurement: it takes scopes to read and to update Observation."
        raise beyond_scopes(access.scopes, text, ("Observation", Action.READ | Action.UPDATE))
    stored = await read(
        server.database,
        access,
        "Observation",
        target.id,
        registry=server.registry,
        now=request.now,
        patient_id=target.patient_id,
    )
    if not is_the_person(access):
        raise Forbidden(text_of("confirm-by-the-person"), "forbidden")
    resource = decode(stored.body)
    flags = flags_of(resource, server.canonical_base)
    if TO_CONFIRM not in flags:
        raise refusal("nothing-to-confirm", "Observation.meta.tag", id=target.id)
    set_flags(resource, server.canonical_base, *(each for each in flags if each != TO_CONFIRM))
    owned = await owner_of(server, server.database, access, resource) is not None
    draft = Draft("update", "Observation", target.id, stored.patient, resource, owned=owned)
    draft.if_match = stored.version
    await execute(server, access, [finish(server, draft)], now=request.now, request=request.id)
    return await written(server, request, draft, interaction="$confirm")


def is_the_person(access: Access) -> bool:
    """Whether it is the person, who represents them, or an app of theirs."""
    return (
        access.purpose == OWN_USE and access.patient is not None and not access.is_system and access.role not in _OTHERS
    )


def flags_of(resource: Resource, canonical_base: str) -> list[str]:
    """What a stored resource was taken in with."""
    system = intake_system(canonical_base)
    return [each["code"] for each in resource.get("meta", {}).get("tag", ()) if each.get("system") == system]

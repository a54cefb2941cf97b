"""``$annotate``: what a person thinks is not right in what somebody else entered.

What a provider entered stays as it is; the person's words stand beside it, as a Communication about it, with the data
categories of both, and with a Provenance that says who wrote them and for whom.
https://gdpr-info.eu/art-16-gdpr/ https://hl7.org/fhir/R4/communication.html
"""

from __future__ import annotations

from typing import Final

from app.auth.rights.sources import entered_by
from app.auth.roles import Role
from app.database import Reader
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.access import BY, FOR, OWN_USE, Access
from app.server.interactions.parameters import inputs_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.prepare import check_resource, finish, fresh_id
from app.server.store.read import read

RECTIFICATION: Final = "rectification"
LONGEST: Final = 5000
"""Characters of one annotation."""
ANNOTATE_PARAMETERS: Final = (
    Parameter("text", "in", 1, "1", "string", "What the person thinks is not right, in their own words."),
    Parameter("return", "out", 1, "1", "Communication", "The annotation, which is about the resource."),
)
_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def category_system(canonical_base: str) -> str:
    """The system of our own categories of Communication."""
    return f"{canonical_base}/CodeSystem/communication"


def annotate_operation(canonical_base: str) -> Operation:
    """For the server's registry."""
    return Operation(
        "annotate",
        frozenset({"instance"}),
        frozenset(),
        Action.READ,
        f"{canonical_base}/OperationDefinition/Resource-annotate",
        "Puts the person's own words beside what somebody else entered in their record and what they think is not"
        " right. The resource itself stays as it is.",
        _annotate,
        affects_state=True,
        parameters=ANNOTATE_PARAMETERS,
    )


async def _annotate(server: FhirServer, request: Request, target: Target) -> Answer:
    text = inputs_of(server, request, ANNOTATE_PARAMETERS).first("text")
    draft = await annotate(
        server,
        request.access,
        (target.type, target.id),
        text,
        now=request.now,
        request=request.id,
        patient_id=target.patient_id,
    )
    return await written(server, request, draft, interaction="$annotate")


async def annotate(
    server: FhirServer,
    access: Access,
    target: tuple[str, str],
    text: str,
    *,
    now: int,
    request: str,
    patient_id: str | None = None,
) -> Draft:
    """Store the annotation of ``target`` (type and id); the Communication as it was stored.

    Raises ``Forbidden`` for who may not, ``NotFound`` or ``Gone`` where there is nothing, ``Conflict`` for what the
    person entered, and ``Invalid`` for a text that is empty or too long.
    """
    resource_type, resource_id = target
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise Invalid(f"An annotation has a text of at most {LONGEST} characters.", "value")
    _check_who(access)
    stored = await read(
        server.database, access, resource_type, resource_id, registry=server.registry, now=now, patient_id=patient_id
    )
    if stored.patient != access.patient:
        raise NotFound(f"{resource_type}/{resource_id} is not in this record.")
    if await _is_own(server.database, server.registry.number(resource_type), access, resource_id):
        raise Conflict("This was entered by the person: change it itself.", "business-rule")
    about = f"{resource_type}/{resource_id}"
    communication = await _draft(server, access, stored.patient, _communication(server, access, about, words, now))
    provenance = await _draft(
        server, access, stored.patient, _provenance(access, f"Communication/{communication.id}", now)
    )
    await execute(server, access, [communication, provenance], now=now, request=request)
    return communication


def _check_who(access: Access) -> None:
    """Raises ``Forbidden`` for who is not the person, nor acts for them, nor is their app."""
    if access.purpose != OWN_USE or access.patient is None or access.role in (Role.CARER, Role.PROFESSIONAL):
        raise Forbidden("Only the person, or who represents them, says what they think is not right.")
    if not access.scopes.allow("Communication", Action.CREATE):
        raise Forbidden("The token's scopes do not allow to create Communication, which $annotate needs.", "forbidden")


async def _is_own(reader: Reader, number: int, access: Access, resource_id: str) -> bool:
    """Whether the person entered it, through whichever app, or did so for themselves."""
    assert access.patient is not None
    actor = await entered_by(reader, access.patient, number, resource_id)
    source, _, by = actor.partition(FOR)[0].partition(BY)
    return bool(access.person) and access.person in (by, source.removeprefix("person:"))


def _communication(server: FhirServer, access: Access, about: str, words: str, now: int) -> Resource:
    coding = {
        "system": category_system(server.canonical_base),
        "code": RECTIFICATION,
        "display": "What the person thinks is not right",
    }
    patient = {"reference": f"Patient/{access.patient_id}"}
    return {
        "resourceType": "Communication",
        "status": "completed",
        "category": [{"coding": [coding]}],
        "subject": patient,
        "about": [{"reference": about}],
        "sent": instant(now),
        "sender": patient,
        "payload": [{"contentString": words}],
    }


def _provenance(access: Access, target: str, now: int) -> Resource:
    patient = {"reference": f"Patient/{access.patient_id}"}
    who = {"reference": access.fhir_user} if access.fhir_user else patient
    agent: Resource = {"type": {"coding": [{"system": _PARTICIPANT, "code": "author"}]}, "who": who}
    if access.responsible:
        agent["onBehalfOf"] = {"reference": access.responsible}
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target}],
        "recorded": instant(now),
        "agent": [agent],
    }


async def _draft(server: FhirServer, access: Access, patient: int, resource: Resource) -> Draft:
    await check_resource(server, server.database, access, resource, may_hold_bsn=True, patient=patient)
    resource_type: str = resource["resourceType"]
    owned = resource_type == "Communication"
    return finish(
        server,
        Draft("create", resource_type, fresh_id(server, patient), patient, resource, fresh=True, owned=owned),
    )

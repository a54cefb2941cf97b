"""Everybody who has to do with Anna's plan, with a token each, and what each would do to it."""

from __future__ import annotations

from typing import Any, Final

from app.auth.accounts.acting import related_person_id
from app.auth.accounts.ages import read_birth
from app.auth.accounts.mandates import Asked, Ground
from app.auth.accounts.representation import give, representatives
from app.auth.roles import Role
from app.server.access import actions_of
from tests.server.grants import token_with
from tests.server.service import Caller, Service

SEE_AND_ADD: Final = "rsc"
EVERYTHING: Final = "cruds"
_OWN: Final[dict[str, Any]] = {"purpose": "own-use"}
_MEMBERS: Final[dict[str, dict[str, Any]]] = {
    "patient": {**_OWN, "kind": "session", "role": Role.PATIENT, "person": "anna-account", "fhir_user": "Patient/anna"},
    "representative": {
        **_OWN,
        "kind": "session",
        "role": Role.REPRESENTATIVE,
        "person": "roos-account",
        "responsible": "Patient/anna",
    },
    "app": {
        **_OWN,
        "kind": "app",
        "role": Role.PATIENT,
        "client": "diary",
        "person": "anna-account",
        "fhir_user": "Patient/anna",
    },
    "professional": {
        "kind": "session",
        "role": Role.PROFESSIONAL,
        "person": "doctor-account",
        "organization": "De Proef",
        "fhir_user": "Practitioner/doctor",
        "patient": None,
    },
    "system": {"kind": "system", "role": Role.ORGANIZATION, "organization": "De Proef", "patient": None},
    "carer": {
        **_OWN,
        "kind": "session",
        "role": Role.CARER,
        "person": "carl-account",
        "fhir_user": "RelatedPerson/carl",
    },
    "bystander": {**_OWN, "kind": "app", "role": Role.PATIENT, "client": "diary", "fhir_user": "Patient/bram"},
}
ACTORS: Final = tuple(_MEMBERS)
CARE: Final = ("professional", "system")


async def actor(service: Service, name: str, actions: str = "") -> Caller:
    """Somebody by their name. Who gives care may see and add, everybody else all, unless ``actions`` says other."""
    may = actions or (SEE_AND_ADD if name in CARE else EVERYTHING)
    scope = "user" if name == "professional" else "system" if name == "system" else "patient"
    of = "bram" if name == "bystander" else "anna"
    members = _MEMBERS[name]
    if name == "representative":
        members = {**members, "fhir_user": await represented(service, members["person"])}
    return await token_with(service, f"{scope}/*.cruds", of, actions=actions_of(may), **members)


async def represented(service: Service, account: str) -> str:
    """The RelatedPerson that stands for an account in Anna's record once it has a mandate."""
    patient, now = await service.key_of("anna"), service.server.clock()
    found = f"RelatedPerson/{related_person_id(patient, account)}"
    if found not in await representatives(service.database, patient):
        asked = Asked(Ground.WRITTEN_AUTHORISATION, "patient", now, None, "Brief van 1 november")
        facts: dict[str, Any] = {"given_by": "anna-account", "birth": read_birth("1950-03-14"), "now": now}
        async with service.database.write() as writer:
            await give(writer, asked, patient=patient, tenant=1, account=account, **facts)
    return found

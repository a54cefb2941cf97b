"""Organisations and clients of a sandbox, so that apps and systems go through the same doors as in production.

    organizations:
      practice: {name: De Proeftuin, agb: "01012345", patients: [anna, bram]}
    clients:
      an-app: {name: An app, kind: public, users: patients, scopes: "patient/*.rs", redirect_uris: ["https://…"]}
      a-system: {name: A GP system, kind: private_key_jwt, users: none, organization: practice, scopes: "system/*.rs",
                 jwks: {keys: […]}}

A client, and a token, of ``profile: medmij`` names its data services: ``services: [48, 49]``.

``patients`` have given that organisation consent to all that can be given. A ``secret`` stands in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from app.auth import recipients
from app.auth.bases import Profile
from app.auth.consents import service as consents
from app.auth.consents.allowances import CONTENT
from app.auth.consents.purposes import PURPOSES
from app.auth.consents.text import Terms, consent_text
from app.auth.oauth.clients import Kind, Users
from app.auth.oauth.registration import TREATMENT, NewClient, add_client
from app.auth.organizations.tables import INSERT_ORGANIZATION
from app.database import Writer
from app.fhir.definitions import Definitions
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER


def _as_words(value: object) -> object:
    return [str(each) if type(each) is int else each for each in value] if isinstance(value, list) else value


ServiceNumbers = Annotated[list[str], BeforeValidator(_as_words)]
"""MedMij data services, which YAML reads as numbers."""


class SandboxOrganization(BaseModel):
    """An organisation, and whose consent it has."""

    model_config = ConfigDict(extra="forbid")

    name: str
    agb: str = ""
    ura: str = ""
    patients: list[str] = []


class SandboxClient(BaseModel):
    """A registered client."""

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: Kind
    users: Users
    scopes: str
    organization: str = ""
    purpose: str = ""
    redirect_uris: list[str] = []
    launch_uri: str = ""
    jwks: dict[str, Any] = {}
    jwks_uri: str = ""
    secret: str = ""
    profile: Profile = Profile.SMART
    services: ServiceNumbers = []


async def write_organizations(
    writer: Writer,
    organizations: Mapping[str, SandboxOrganization],
    patients: Mapping[str, int],
    *,
    tenant: int,
    now: int,
) -> None:
    """Store organisations, by id, with the consents of their patients. ``patients``: the partition of each id."""
    for organization_id, asked in organizations.items():
        row = (organization_id, tenant, asked.name, asked.agb, asked.ura, "active", now)
        await writer.insert(INSERT_ORGANIZATION, [row])
        terms = Terms(asked.name, TREATMENT, CONTENT, EVERY_ACTION, now, FOREVER)
        text = consent_text(terms, language="nl", now=now)
        for patient in asked.patients:
            await consents.give(
                writer,
                patient=patients[patient],
                tenant=tenant,
                recipient=recipients.organization(organization_id),
                recipient_name=asked.name,
                purpose=TREATMENT,
                labels=CONTENT,
                actions=EVERY_ACTION,
                since=now,
                until=FOREVER,
                given_by=f"Patient/{patient}",
                method="sandbox",
                language=text.language,
                text=text.text,
                text_version=text.version,
                now=now,
            )


async def write_clients(
    writer: Writer, clients: Mapping[str, SandboxClient], *, definitions: Definitions, tenant: int, now: int
) -> None:
    """Store clients, by id. Raises ``Unprocessable`` for one that could not be registered."""
    for client_id, asked in clients.items():
        new = NewClient(id=client_id, tenant=tenant, **asked.model_dump())
        await add_client(writer, new, definitions=definitions, purposes=list(PURPOSES), now=now)

"""The authorization server: its parts, put together once.
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from app.audit import Agent
from app.auth.accounts.limits import Limits
from app.auth.oauth.authentication import ClientAuthentication
from app.auth.oauth.families import Authorization
from app.auth.oauth.keys import SigningKeys
from app.auth.oauth.keysets import KeySets
from app.auth.oauth.metadata import TOKEN, Metadata
from app.auth.oauth.requests import RequestCheck
from app.auth.oauth.tokens import SECOND, Lives
from app.auth.recording import Recording
from app.auth.sealing import Seal
from app.config import Settings
from app.database import Database
from app.errors import NotFound
from app.server.access import SELECT_PATIENT_ID
from app.server.server import FhirServer

SIGNING_SEAL: Final = "signing-keys"
"""What the private keys are sealed for."""


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """What every endpoint and page of it is given. ``subjects`` makes the names by which clients call accounts."""

    fhir: FhirServer
    metadata: Metadata
    authenticate: ClientAuthentication
    check: RequestCheck
    keys: SigningKeys
    subjects: Seal
    recording: Recording
    limits: Limits
    lives: Lives

    @property
    def database(self) -> Database:
        return self.fhir.database

    @property
    def issuer(self) -> str:
        return self.metadata.issuer

    def now(self) -> int:
        """µs since the epoch."""
        return self.fhir.clock()

    async def patient_id(self, patient: int) -> str:
        """The id of the Patient with this key. Raises ``NotFound`` when it is not there any more."""
        rows = await self.database.fetch(SELECT_PATIENT_ID, patient, self.fhir.registry.number("Patient"))
        if not rows:
            raise NotFound("There is no such record.")
        return str(rows[0][0])

    async def record(
        self,
        interaction: str,
        status: int,
        *,
        client: str = "",
        about: Authorization | None = None,
        agent: Agent | None = None,
        patients: Sequence[int] = (),
        address: str = "",
    ) -> None:
        """A line in the access log: who, which client, whose record; never what was sent."""
        if about is not None:
            agent = agent_of(about)
            patients = () if about.patient is None else (about.patient,)
        await self.recording.record(
            interaction,
            status,
            agent=agent or Agent(client=client),
            now=self.now(),
            patients=patients,
            address=address,
            durable=status < 400,
        )


def agent_of(about: Authorization) -> Agent:
    """Who an authorization is about, as the access log names them."""
    return Agent(
        client=about.client,
        person=about.account,
        role=about.role,
        responsible=about.responsible,
        organization=about.organization,
        purpose=about.purpose,
    )


def authorization_server(
    fhir: FhirServer,
    settings: Settings,
    recording: Recording,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AuthorizationServer:
    """Everything in one. ``transport``: to where clients publish their keys."""
    metadata = Metadata(settings.public_url, fhir.base.rstrip("/"))
    audiences = (metadata.issuer, metadata.issuer + TOKEN)
    secret = settings.page_key()
    return AuthorizationServer(
        fhir=fhir,
        metadata=metadata,
        authenticate=ClientAuthentication(fhir.database, KeySets(fhir.clock, transport), audiences),
        check=RequestCheck(fhir.database, fhir.definitions, metadata.base),
        keys=SigningKeys(fhir.database, Seal(secret, SIGNING_SEAL)),
        subjects=Seal(secret, "subjects"),
        recording=recording,
        limits=Limits(fhir.database, secret),
        lives=Lives(settings.access_token_minutes * 60 * SECOND, settings.refresh_token_days * 86_400 * SECOND),
    )

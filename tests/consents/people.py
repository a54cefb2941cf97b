"""Anna, to whom she gives permissions, and those who then ask: apps, organisations' systems, helpers."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from app.audit import Journal
from app.auth import NewGrant, hash_token, write_grant
from app.auth.accounts import representation
from app.auth.accounts.acting import record_of
from app.auth.accounts.mandates import Asked, Ground
from app.auth.accounts.persons import birth_of
from app.auth.consents import service as consents
from app.auth.consents.allowances import CONTENT, actions_named, labels_of
from app.auth.consents.service import Consent
from app.auth.consents.text import Terms, consent_text
from app.auth.organizations import registry
from app.auth.organizations.registry import Organization
from app.auth.recipients import organization, person
from app.fhir.resource import Resource, decode
from app.server.access import FOREVER
from app.server.asgi import FhirApp
from app.server.metrics import RequestMetrics
from tests.people.people import TENANT, People
from tests.server.service import BASE, Caller, Service

DAY: Final = 24 * 3600 * 1_000_000
APP: Final = "app:dagboek"
SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
PRIVACY: Final = f"{SCOPE}|patient-privacy"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What Anna allows, by whatever way, and who asks with it."""

    people: People
    practice: Organization

    @property
    def service(self) -> Service:
        return self.people.service

    @property
    def now(self) -> int:
        return self.people.now

    async def anna(self) -> int:
        return await self.service.key_of("anna")

    async def give(
        self,
        recipient: str = APP,
        *,
        categories: Sequence[str] | None = None,
        actions: Sequence[str] = ("see",),
        purpose: str = "own-use",
        since: int = 0,
        until: int = FOREVER,
        consent_id: str | None = None,
        patient: str = "anna",
    ) -> str:
        """A permission of Anna; all data but permissions when ``categories`` is not said."""
        labels = CONTENT if categories is None else labels_of(categories)
        terms = Terms("Dagboek", purpose, labels, actions_named(actions), since, until)
        text = consent_text(terms, language="nl", now=self.now)
        async with self.service.database.write() as writer:
            return await consents.give(
                writer,
                patient=await self.service.key_of(patient),
                tenant=TENANT,
                recipient=recipient,
                recipient_name=terms.recipient_name,
                purpose=purpose,
                labels=labels,
                actions=terms.actions,
                since=since,
                until=until,
                given_by=await self.people.account("anna"),
                method="test",
                language="nl",
                text=text.text,
                text_version=text.version,
                now=self.now,
                consent_id=consent_id,
            )

    async def withdraw(self, consent_id: str) -> Consent:
        patient, account = await self.anna(), await self.people.account("anna")

        async def work(writer: Any) -> Consent:
            return await consents.withdraw(
                writer, patient=patient, consent_id=consent_id, given_by=account, method="test", now=self.now
            )

        return await self.service.database.transact(work)

    async def permits(self, recipient: str = APP) -> list[tuple[Any, ...]]:
        """Consent, labels, actions, since and until of a recipient's permits for Anna."""
        rows = await self.service.database.fetch(
            "SELECT consent, labels, actions, since, until FROM permit WHERE recipient = $1 AND patient = $2"
            " ORDER BY consent",
            recipient,
            await self.anna(),
        )
        return [tuple(row) for row in rows]

    async def app(self, *, user: str = "anna", scopes: str = "patient/*.cruds", family: str = "") -> Caller:
        """The app Dagboek, used by ``user`` in Anna's record."""
        return await self._caller(
            NewGrant(
                hash=b"",
                recipient=APP,
                within=person(await self.people.account(user)),
                scopes=scopes,
                tenant=TENANT,
                purpose="own-use",
                client="dagboek",
                person=await self.people.account(user),
                patient=await self.anna(),
                kind="app",
                role="patient",
                family=family,
            )
        )

    async def system(self, organization_id: str = "", *, purpose: str = "treatment") -> Caller:
        """The system of an organisation, the practice when not said."""
        organization_id = organization_id or self.practice.id
        return await self._caller(
            NewGrant(
                hash=b"",
                recipient=organization(organization_id),
                scopes="system/*.cruds",
                tenant=TENANT,
                purpose=purpose,
                client="his",
                organization=organization_id,
                kind="system",
                role="organization",
            )
        )

    async def session(self, name: str = "anna", *, fresh: bool = True) -> Caller:
        """Somebody's own session in Anna's record, as the API's bearer. One that is not fresh has grown old."""
        session = await self.people.session(name)
        record = await record_of(self.people.server, session, "anna", now=self.now)
        assert record is not None
        caller = await self.people.api(await self.people.sessions.choose(session, record.session_grant()))
        if not fresh:
            await self.service.database.change(
                "UPDATE access_grant SET fresh = $2 WHERE hash = $1", hash_token(caller.token), self.now
            )
        return caller

    async def represented_by(self, name: str) -> representation.Mandate:
        """Anna authorises somebody in writing."""
        server, now, patient = self.people.server, self.now, await self.anna()
        birth = await birth_of(server, server.database, patient)
        async with server.database.write() as writer:
            return await representation.give(
                writer,
                Asked(Ground.WRITTEN_AUTHORISATION, "patient", now, now + 30 * DAY),
                patient=patient,
                tenant=TENANT,
                account=await self.people.account(name),
                given_by=await self.people.account("anna"),
                birth=birth,
                now=now,
            )

    async def _caller(self, grant: NewGrant) -> Caller:
        token = secrets.token_urlsafe(16)
        async with self.service.database.write() as writer:
            await write_grant(writer, replace(grant, hash=hash_token(token)))
        return self.service.caller(token)

    @asynccontextmanager
    async def at(self, now: int, caller: Caller) -> AsyncIterator[Caller]:
        """The same caller, at another time. Its lines are in a log of their own: others look at the latest ones."""
        parts = self.service.application.parts
        assert parts is not None
        with TemporaryDirectory() as folder:
            journal = Journal(Path(folder), secrets.token_bytes(16), now=now)
            journal.start()
            fhir = FhirApp(
                replace(self.people.server, clock=lambda: now),
                root="/fhir",
                authenticate=parts.authenticator,
                forget=parts.authenticator.forget,
                journal=journal,
                metrics=RequestMetrics(),
            )
            async with httpx.AsyncClient(transport=httpx.ASGITransport(fhir), base_url=BASE) as client:
                yield Caller(client, caller.token)
            await journal.stop()


def parameters(**values: Any) -> Resource:
    """A Parameters: text as valueCode unless the name says else, a list as several."""
    kinds = {"app": "valueString", "code": "valueString", "reason": "valueString", "consent": "valueId"}
    listed = []
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                kind = {"recipient": "valueReference", "period": "valuePeriod", "identifier": "valueIdentifier"}[name]
            else:
                kind = kinds.get(name, "valueCode")
            listed.append({"name": name, kind: each})
    return {"resourceType": "Parameters", "parameter": listed}


async def consent_of(caller: Caller, consent_id: str) -> Resource:
    answer = await caller.get(f"/Consent/consent-{consent_id}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def registered(service: Service, name: str, agb: str) -> Organization:
    return await registry.add(service.server, tenant=TENANT, name=name, agb=agb, now=service.server.clock())

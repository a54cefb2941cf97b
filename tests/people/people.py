"""People with accounts, for tests of who may work in whose record."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.auth.accounts.account import account_of_patient, new_account, own_permit
from app.auth.accounts.sessions import LogIn, Session, Sessions
from app.auth.accounts.tables import INSERT_ACCOUNT
from app.auth.roles import Role
from app.server.server import FhirServer
from app.server.tables import INSERT_PERMIT
from tests.server.service import Caller, Service

TENANT: Final = 1


@dataclass(frozen=True, slots=True)
class People:
    """The accounts of a service, by first name."""

    service: Service
    accounts: dict[str, str] = field(default_factory=dict)

    @property
    def server(self) -> FhirServer:
        return self.service.server

    @property
    def now(self) -> int:
        return self.server.clock()

    @property
    def sessions(self) -> Sessions:
        return Sessions(self.service.database, patient_type=self.server.registry.number("Patient"))

    async def account(self, name: str, *, role: Role = Role.PATIENT, record: str = "") -> str:
        """The account of ``name``, made when first asked for; ``record``: the id of the own Patient, whose account the
        sandbox may have already.
        """
        if name in self.accounts:
            return self.accounts[name]
        patient = await self.service.key_of(record) if record else None
        known = await account_of_patient(self.service.database, patient) if patient is not None else None
        if known is not None:
            self.accounts[name] = known.id
            return known.id
        made = new_account(
            secrets.token_bytes,
            tenant=TENANT,
            role=role,
            email=f"{name}.{secrets.token_hex(4)}@example.org",
            name=name.title(),
            patient=patient,
            now=self.now,
        )
        async with self.service.database.write() as writer:
            await writer.insert(INSERT_ACCOUNT, [made.row()])
            if patient is not None:
                await writer.insert(INSERT_PERMIT, [own_permit(made.id, patient)])
        self.accounts[name] = made.id
        return made.id

    async def cookie(
        self, name: str, *, organization: str = "", identifiers: Mapping[str, str] | None = None, fresh: bool = True
    ) -> str:
        """The cookie of a new session; at an organisation, as its identity provider says."""
        log_in = LogIn(
            await self.account(name),
            TENANT,
            "openid" if organization else "password+totp",
            organization=organization,
            identifiers=identifiers or {},
            fresh=fresh,
        )
        return await self.sessions.open(log_in, now=self.now)

    async def session(self, name: str, *, organization: str = "", fresh: bool = True) -> Session:
        cookie = await self.cookie(name, organization=organization, fresh=fresh)
        found = await self.sessions.find(cookie, now=self.now)
        assert found is not None
        return found

    async def api(self, session: Session) -> Caller:
        """Somebody who asks the API as their session may."""
        token, _ = await self.sessions.bearer(session, now=self.now)
        return self.service.caller(token)

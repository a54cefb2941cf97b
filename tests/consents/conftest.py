"""Anna with an account and a practice that she may let in."""

from __future__ import annotations

import pytest

from app.auth.consents.purposes import PURPOSES
from app.auth.oauth.clients import Kind, Users
from app.auth.oauth.registration import NewClient, add_client
from tests.consents.people import Permissions, registered
from tests.people.people import TENANT, People
from tests.server.service import Service


@pytest.fixture
async def permissions(service: Service) -> Permissions:
    """Anna with her own record, Bram with his; Paula and Carl without one; the app Dagboek and a practice. Nobody gave
    a permission yet.
    """
    await service.database.change("DELETE FROM consent")  # those of the sandbox
    people = People(service)
    await people.account("anna", record="anna")
    await people.account("bram", record="bram")
    await people.account("paula")
    await people.account("carl")
    async with service.database.write() as writer:
        await add_client(
            writer,
            NewClient(
                name="Dagboek",
                kind=Kind.PUBLIC,
                users=Users.PATIENTS,
                scopes="patient/*.rs",
                tenant=TENANT,
                id="dagboek",
                redirect_uris=("https://dagboek.example.org/back",),
            ),
            now=service.server.clock(),
            definitions=service.server.definitions,
            purposes=tuple(PURPOSES),
        )
    return Permissions(people, await registered(service, "Praktijk De Linde", "01234567"))

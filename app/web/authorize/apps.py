"""The page of apps: which may be opened from here, and which were let in by this person.
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from app.auth.oauth.clients import Client, Users, find_client, list_clients
from app.auth.oauth.launch import open_app
from app.auth.oauth.redirects import form_target
from app.auth.oauth.revocation import revoke_family
from app.auth.oauth.server import AuthorizationServer
from app.database import Writer
from app.errors import NotFound
from app.web.site import Site
from app.web.visitor import Visitor

_LET_IN: Final = (
    "SELECT client, min(created), max(created) FROM client_authorization"
    " WHERE account = $1 AND patient = $2 AND revoked = 0 AND expires > $3 GROUP BY client ORDER BY client"
)
_FAMILIES: Final = (
    "SELECT id FROM client_authorization WHERE account = $1 AND patient = $2 AND client = $3 AND revoked = 0"
    " ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class LetIn:
    """An app that somebody let in; times in µs."""

    client: Client
    first: int
    last: int


async def show_apps(site: Site, oauth: AuthorizationServer, request: Request) -> Response:
    """What may be opened, and what was let in, for the record in which the person works."""
    visitor = await site.in_record(request)
    clients = {each.id: each for each in await list_clients(oauth.database, tenant=visitor.person.tenant)}
    opened = [each for each in clients.values() if _may_open(each, visitor)]
    rows = await oauth.database.fetch(_LET_IN, visitor.person.account, visitor.record.patient, visitor.now)
    return site.page(
        request,
        visitor,
        "authorize/apps.html",
        form_targets=sorted({form_target(each.launch_uri) for each in opened}),
        opened=opened,
        let_in=[LetIn(clients[client], first, last) for client, first, last in rows if client in clients],
    )


async def open_from_here(site: Site, oauth: AuthorizationServer, request: Request) -> Response:
    """Open an app in the record in which the person works."""
    visitor = await site.in_record(request)
    form = await site.form(request, visitor)
    client = await find_client(oauth.database, form.get("client"))
    if client is None or client.tenant != visitor.person.tenant or not _may_open(client, visitor):
        raise NotFound("There is no such app.")
    async with oauth.database.write() as writer:
        address = await open_app(
            writer,
            client,
            account=visitor.person.account,
            patient_id=visitor.record.patient_id,
            base=oauth.metadata.base,
            now=visitor.now,
        )
    await oauth.record("launch", 200, agent=visitor.agent, patients=[_patient(visitor)], address=visitor.address)
    return site.go(visitor, address)


async def disconnect(site: Site, oauth: AuthorizationServer, request: Request) -> Response:
    """End all that this person let an app in for. What the app may see is decided under permissions."""
    visitor = await site.in_record(request)
    form = await site.form(request, visitor)
    binds = (visitor.person.account, _patient(visitor), form.get("client"))

    async def work(writer: Writer) -> None:
        for row in await writer.fetch(_FAMILIES, *binds):
            await revoke_family(writer, row[0], visitor.now, "disconnected")

    await oauth.database.transact(work)
    await oauth.record("revoke", 200, agent=visitor.agent, patients=[_patient(visitor)], address=visitor.address)
    return site.go(visitor, "/apps")


def _patient(visitor: Visitor) -> int:
    patient = visitor.record.patient
    assert patient is not None, "a session's grant is for one record"
    return patient


def _may_open(client: Client, visitor: Visitor) -> bool:
    if not client.is_active or not client.launch_uri:
        return False
    organization = visitor.person.organization
    if client.users is Users.PROFESSIONALS:
        return bool(organization) and client.organization == organization
    return client.users is Users.PATIENTS and not organization

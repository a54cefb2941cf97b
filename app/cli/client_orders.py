"""What ``zelfregie clients`` and ``zelfregie keys`` do, in the process that holds the database."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from app.auth.consents.purposes import PURPOSES
from app.auth.oauth.clients import Kind, Users, disable, enable, list_clients, renew_secret
from app.auth.oauth.keys import SigningKeys
from app.auth.oauth.registration import NewClient, add_client
from app.auth.oauth.server import SIGNING_SEAL
from app.auth.sandbox import TENANT
from app.auth.sealing import Seal
from app.cli.control import Asked, Done, Line, Say
from app.config import Settings
from app.errors import Invalid
from app.server.server import FhirServer


async def _list(_: Settings, server: FhirServer, __: Asked, say: Say) -> None:
    found = await list_clients(server.database, tenant=TENANT)
    for each in found:
        whose = f"{each.users} of {each.organization}" if each.organization else f"{each.users}"
        services = f"  services {', '.join(each.services)}" if each.services else ""
        await say(Line(f"{each.id}  {each.name}  {each.kind}  for {whose}  {each.state}  {each.scopes}{services}"))
    await say(Done({"clients": len(found)}))


async def _add(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    given = asked.options
    new = NewClient(
        id=given["id"],
        name=given["name"],
        kind=Kind(given["kind"]),
        users=Users(given["users"]),
        scopes=given["scopes"],
        tenant=TENANT,
        organization=given["organization"],
        purpose=given["purpose"],
        redirect_uris=given["redirect_uris"].split(),
        launch_uri=given["launch_uri"],
        jwks=_read(given["jwks"]),
        jwks_uri=given["jwks_uri"],
        profile=given["profile"],
        services=given["services"].split(),
    )
    async with server.database.write() as writer:
        client, secret = await add_client(
            writer, new, definitions=server.definitions, purposes=list(PURPOSES), now=server.clock()
        )
    await say(Line(client.id))
    if secret:
        await say(Line(f"Its secret, which is shown this once: {secret}"))
    await say(Done({"clients": 1}))


def _read(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Invalid("The key set is not JSON.", "structure") from error
    if not isinstance(found, dict):
        raise Invalid("A key set is a JSON object with a list of keys.", "structure")
    return found


async def _disable(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    async with server.database.write() as writer:
        await disable(writer, asked.options["client"], tenant=TENANT, now=server.clock())
    await say(Line("It is disabled, and what it held is worthless."))
    await say(Done({"clients": 1}))


async def _enable(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    async with server.database.write() as writer:
        await enable(writer, asked.options["client"], tenant=TENANT)
    await say(Line("It may begin anew."))
    await say(Done({"clients": 1}))


async def _secret(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    async with server.database.write() as writer:
        secret = await renew_secret(writer, asked.options["client"], tenant=TENANT)
    await say(Line(f"Its new secret, which is shown this once: {secret}"))
    await say(Done({"clients": 1}))


async def _rotate(settings: Settings, server: FhirServer, _: Asked, say: Say) -> None:
    keys = SigningKeys(server.database, Seal(settings.page_key(), SIGNING_SEAL))
    kid = await keys.rotate(now=server.clock())
    await say(Line(f"{kid} signs from now on; the keys before it are published for another day."))
    await say(Done({"keys": 1}))


CLIENT_ORDERS: Final[Mapping[str, Callable[[Settings, FhirServer, Asked, Say], Awaitable[None]]]] = {
    "clients-list": _list,
    "clients-add": _add,
    "clients-disable": _disable,
    "clients-enable": _enable,
    "clients-secret": _secret,
    "keys-rotate": _rotate,
}
"""By the name of the command."""

"""What ``zelfregie organizations`` does, in the process that holds the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from app.auth.organizations import identity_providers, registry
from app.auth.organizations.identity_providers import SEAL, Claims
from app.auth.sandbox import TENANT
from app.auth.sealing import Seal
from app.cli.control import Asked, Done, Line, Say
from app.config import Settings
from app.server.server import FhirServer


async def _list(_: Settings, server: FhirServer, __: Asked, say: Say) -> None:
    found = await registry.listed(server.database, TENANT)
    providers = await identity_providers.listed(server.database, TENANT)
    for each in found:
        await say(Line(f"{each.id}  {each.name}  AGB {each.agb or '-'}  URA {each.ura or '-'}  {each.state}"))
    names = {each.id: each.name for each in found}
    for provider in providers:
        whose = names.get(provider.organization, "patients")
        await say(Line(f"{provider.id}  {provider.name}  {provider.issuer}  for {whose}  {provider.state}"))
    await say(Done({"organizations": len(found), "providers": len(providers)}))


async def _add(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    made = await registry.add(server, tenant=TENANT, now=server.clock(), **asked.options)
    await say(Line(made.id))
    await say(Done({"organizations": 1}))


async def _close(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    closed = await registry.close(server, tenant=TENANT, organization=asked.options["organization"], now=server.clock())
    await say(Line(f"{closed.name} is closed."))
    await say(Done({"organizations": 1}))


async def _add_provider(settings: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    given = asked.options
    made = await identity_providers.add(
        server.database,
        Seal(settings.page_key(), SEAL),
        tenant=TENANT,
        name=given["name"],
        issuer=given["issuer"],
        client_id=given["client_id"],
        client_secret=given["client_secret"],
        organization=given["organization"],
        claims=Claims(strong=tuple(given["strong"].split()), bsn=tuple(given["bsn"].split())),
        now=server.clock(),
    )
    await say(Line(made.id))
    await say(Done({"providers": 1}))


async def _close_provider(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    await identity_providers.close(
        server.database, tenant=TENANT, provider=asked.options["provider"], now=server.clock()
    )
    await say(Line("Nobody logs in there any more."))
    await say(Done({"providers": 1}))


ORGANIZATION_ORDERS: Final[Mapping[str, Callable[[Settings, FhirServer, Asked, Say], Awaitable[None]]]] = {
    "organizations-list": _list,
    "organizations-add": _add,
    "organizations-close": _close,
    "organizations-add-provider": _add_provider,
    "organizations-close-provider": _close_provider,
}
"""By the name of the command."""

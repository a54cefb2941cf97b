"""What ``zelfregie accounts`` does, in the process that holds the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from app.auth.accounts import administration
from app.auth.accounts.outbox import outbox_of
from app.auth.accounts.own_record import make_link_code
from app.auth.sandbox import TENANT
from app.cli.control import Asked, Done, Line, Say
from app.config import Settings
from app.server.server import FhirServer


async def _list(_: Settings, server: FhirServer, __: Asked, say: Say) -> None:
    found = await administration.listed(server.database, TENANT)
    for each in found:
        ways = [*(["app"] if each.has_totp else []), *([f"{each.passkeys} passkeys"] if each.passkeys else [])]
        record = "record" if each.has_record else "no record"
        await say(Line(f"{each.email}  {each.role}  {each.state}  {record}  {', '.join(ways) or 'no second factor'}"))
    await say(Done({"accounts": len(found)}))


async def _link_code(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    code = await make_link_code(server, asked.patient or "", tenant=TENANT, now=server.clock())
    await say(Line(code))
    await say(Done({"codes": 1}))


async def _unlock(settings: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    mail = await administration.unlock(
        server,
        asked.options["email"],
        tenant=TENANT,
        now=server.clock(),
        second_factor=bool(asked.options["second-factor"]),
    )
    if mail is not None:
        outbox = outbox_of(settings)
        outbox.send(mail)
        await outbox.stop()
    await say(Line("Wrong attempts are forgotten." if mail is None else "The next log-in sets up a new second factor."))
    await say(Done({"accounts": 1}))


async def _administrator(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    link = await administration.make_administrator(server, asked.options["email"], tenant=TENANT, now=server.clock())
    await say(Line(link))
    await say(Done({"accounts": 1}))


ACCOUNT_ORDERS: Final[Mapping[str, Callable[[Settings, FhirServer, Asked, Say], Awaitable[None]]]] = {
    "accounts-list": _list,
    "accounts-link-code": _link_code,
    "accounts-unlock": _unlock,
    "accounts-administrator": _administrator,
}
"""By the name of the command."""

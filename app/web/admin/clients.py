"""Apps and systems that may ask to be let in: registered, disabled, given a new secret by an administrator."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi.responses import Response

from app.auth.consents.purposes import PURPOSES
from app.auth.oauth.clients import Kind, Users, disable, enable, list_clients, renew_secret
from app.auth.oauth.registration import NewClient, add_client
from app.auth.organizations import registry
from app.errors import Conflict, Issue, Unprocessable
from app.web.admin.visit import Visit, administrator
from app.web.forms import Form

_FIELDS: Final = (
    *("name", "id", "kind", "users", "organization", "scopes", "redirect_uris", "launch_uri", "jwks", "jwks_uri"),
    "purpose",
)
_EMPTY: Final = {**dict.fromkeys(_FIELDS, ""), "kind": "public", "users": "patients"}


async def show_clients(visit: Visit) -> Response:
    """All clients, and the form for another one."""
    administrator(visit)
    return await _page(visit, _EMPTY)


async def add(visit: Visit) -> Response:
    """Register a client. Its secret is on the answer, and nowhere else."""
    form = await visit.form()
    person = administrator(visit, fresh=True)
    given = {name: form.get(name) for name in _FIELDS}
    new, problems = _read(form, given, person.tenant)
    if new is None:
        return await _page(visit, given, _said(visit, problems))
    server = visit.site.server
    try:
        async with server.database.write() as writer:
            client, secret = await add_client(
                writer, new, definitions=server.definitions, purposes=list(PURPOSES), now=visit.now
            )
    except Unprocessable as error:
        return await _page(visit, given, _said(visit, error.issues))
    except Conflict:
        return await _page(visit, given, {"id": visit.visitor.t("clients.problem.id_taken")})
    await visit.record("client-added", resources=[f"Client/{client.id}"])
    return await _page(visit, _EMPTY, added=client.id, secret=secret)


async def switch(visit: Visit) -> Response:
    """Disable a client, or let it begin anew."""
    form = await visit.form()
    person = administrator(visit, fresh=True)
    client = visit.part("id")
    stop = form.get("do") != "enable"
    async with visit.site.server.database.write() as writer:
        if stop:
            await disable(writer, client, tenant=person.tenant, now=visit.now)
        else:
            await enable(writer, client, tenant=person.tenant)
    await visit.record("client-disabled" if stop else "client-enabled", resources=[f"Client/{client}"])
    return visit.go("/admin/clients")


async def new_secret(visit: Visit) -> Response:
    """Give a client a new secret, which is on the answer and nowhere else."""
    await visit.form()
    person = administrator(visit, fresh=True)
    client = visit.part("id")
    async with visit.site.server.database.write() as writer:
        secret = await renew_secret(writer, client, tenant=person.tenant)
    await visit.record("client-secret-renewed", resources=[f"Client/{client}"])
    return await _page(visit, _EMPTY, added=client, secret=secret)


def _read(form: Form, given: dict[str, str], tenant: int) -> tuple[NewClient | None, tuple[Issue, ...]]:
    problems = []
    jwks: Any = {}
    try:
        jwks = json.loads(given["jwks"]) if given["jwks"] else {}
    except ValueError:
        problems.append(Issue("value", "", ("jwks",)))
    for name, known in (("kind", Kind), ("users", Users)):
        if given[name] not in set(known):
            problems.append(Issue("value", "", (name,)))
    if problems or not isinstance(jwks, dict):
        return None, tuple(problems) or (Issue("value", "", ("jwks",)),)
    new = NewClient(
        id=given["id"],
        name=given["name"],
        kind=Kind(given["kind"]),
        users=Users(given["users"]),
        scopes=" ".join(given["scopes"].split()),
        tenant=tenant,
        organization=given["organization"],
        purpose=given["purpose"],
        redirect_uris=form.get("redirect_uris").split(),
        launch_uri=given["launch_uri"],
        jwks=jwks,
        jwks_uri=given["jwks_uri"],
    )
    return new, ()


def _said(visit: Visit, issues: tuple[Issue, ...]) -> dict[str, str]:
    """Problems in the words of the page; one for each field."""
    return {name: visit.visitor.t(f"clients.problem.{name}") for each in issues for name in each.expression[:1]}


async def _page(
    visit: Visit, given: dict[str, str], problems: dict[str, str] | None = None, *, added: str = "", secret: str = ""
) -> Response:
    tenant, t = visit.visitor.person.tenant, visit.visitor.t
    database = visit.site.server.database
    organizations = await registry.listed(database, tenant)
    return visit.page(
        "clients",
        problems=problems,
        clients=await list_clients(database, tenant=tenant),
        names={each.id: each.name for each in organizations},
        given=given,
        added=added,
        secret=secret,
        kinds=[(each.value, t(f"clients.kind.{each}")) for each in Kind],
        users=[(each.value, t(f"clients.users.{each}")) for each in Users],
        organizations=[("", "–"), *((each.id, each.name) for each in organizations if each.active)],
        purposes=[("", "–"), *((key, each.names[visit.visitor.language]) for key, each in PURPOSES.items())],
    )

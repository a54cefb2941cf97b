"""Organisations, and the identity providers where patients and professionals log in."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from app.auth.organizations import identity_providers, registry
from app.auth.organizations.identity_providers import Claims
from app.errors import Conflict, Invalid, Issue, NotFound
from app.web.admin.visit import SECTIONS, Visit, administrator

_ORGANIZATION: Final = ("name", "agb", "ura")
_PROVIDER: Final = ("name", "issuer", "client_id", "organization", "strong", "bsn")
_CLAIMS: Final = ("assurance", "name", "agb", "big", "uzi", "role")


async def show_index(visit: Visit) -> Response:
    """What there is to administer."""
    administrator(visit)
    return visit.page("index", sections=SECTIONS)


async def show_organizations(visit: Visit) -> Response:
    """All organisations, and the form for another one."""
    administrator(visit)
    return await _organizations(visit, dict.fromkeys(_ORGANIZATION, ""))


async def add_organization(visit: Visit) -> Response:
    """Register an organisation."""
    form = await visit.form()
    person = administrator(visit, fresh=True)
    given = {name: form.get(name) for name in _ORGANIZATION}
    try:
        made = await registry.add(visit.site.server, tenant=person.tenant, now=visit.now, **given)
    except Invalid as error:
        return await _organizations(visit, given, _said(visit, error.issues))
    await visit.record("organization-added", resources=[f"Organization/{made.id}"])
    return visit.go("/admin/organizations?done=added")


async def close_organization(visit: Visit) -> Response:
    """End an organisation's part here."""
    await visit.form()
    person = administrator(visit, fresh=True)
    closed = await registry.close(visit.site.server, tenant=person.tenant, organization=visit.part("id"), now=visit.now)
    await visit.record("organization-closed", resources=[f"Organization/{closed.id}"])
    return visit.go("/admin/organizations?done=closed")


async def _organizations(visit: Visit, given: dict[str, str], problems: dict[str, str] | None = None) -> Response:
    found = await registry.listed(visit.accounts.database, visit.visitor.person.tenant)
    return visit.page("organizations", problems=problems, organizations=found, given=given)


async def show_providers(visit: Visit) -> Response:
    """All identity providers, and the form for another one."""
    administrator(visit)
    return await _providers(visit, dict.fromkeys(_PROVIDER, "") | {f"claim_{name}": "" for name in _CLAIMS})


async def add_provider(visit: Visit) -> Response:
    """Register an identity provider."""
    form = await visit.form()
    person = administrator(visit, fresh=True)
    given = {name: form.get(name) for name in (*_PROVIDER, *(f"claim_{each}" for each in _CLAIMS))}
    claims = Claims(
        **{name: given[f"claim_{name}"] for name in _CLAIMS if given[f"claim_{name}"]},
        strong=tuple(given["strong"].split()),
        bsn=tuple(given["bsn"].split()),
    )
    try:
        made = await identity_providers.add(
            visit.accounts.database,
            visit.people.providers,
            tenant=person.tenant,
            name=given["name"],
            issuer=given["issuer"],
            client_id=given["client_id"],
            client_secret=form.exactly("client_secret"),
            organization=given["organization"],
            claims=claims,
            now=visit.now,
        )
    except Invalid as error:
        return await _providers(visit, given, _said(visit, error.issues))
    except Conflict:
        return await _providers(visit, given, {"issuer": visit.visitor.t("admin.problem.issuer_known")})
    except NotFound:
        return await _providers(visit, given, {"organization": visit.visitor.t("admin.problem.organization")})
    await visit.record("identity-provider-added", resources=[f"identity-provider/{made.id}"])
    return visit.go("/admin/providers?done=added")


async def close_provider(visit: Visit) -> Response:
    """Nobody logs in there any more."""
    await visit.form()
    person = administrator(visit, fresh=True)
    await identity_providers.close(
        visit.accounts.database, tenant=person.tenant, provider=visit.part("id"), now=visit.now
    )
    await visit.record("identity-provider-closed", resources=[f"identity-provider/{visit.part('id')}"])
    return visit.go("/admin/providers?done=closed")


async def _providers(visit: Visit, given: dict[str, str], problems: dict[str, str] | None = None) -> Response:
    tenant = visit.visitor.person.tenant
    organizations = await registry.listed(visit.accounts.database, tenant)
    return visit.page(
        "providers",
        problems=problems,
        providers=await identity_providers.listed(visit.accounts.database, tenant),
        names={each.id: each.name for each in organizations},
        organizations=[
            ("", visit.visitor.t("admin.providers.patients")),
            *((each.id, each.name) for each in organizations if each.active),
        ],
        given=given,
        claims=_CLAIMS,
        callback=visit.people.callback,
    )


def _said(visit: Visit, issues: tuple[Issue, ...]) -> dict[str, str]:
    """Problems in the words of the page; the first of each field."""
    found: dict[str, str] = {}
    for each in issues:
        for name in each.expression[:1]:
            key = "number_known" if each.code == "duplicate" else f"{name}_needed" if each.code == "required" else name
            found.setdefault(name, visit.visitor.t(f"admin.problem.{key}"))
    return found

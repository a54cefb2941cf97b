"""Log-in at an identity provider: the way there, the way back, and the link to the account that one has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from fastapi.responses import Response

from app.auth.accounts.account import account_of
from app.auth.accounts.logging_in import begin as begin_log_in
from app.auth.accounts.logging_in import standing
from app.auth.accounts.service import TENANT
from app.auth.accounts.sessions import Session
from app.auth.organizations import identity_providers, log_in
from app.auth.organizations.openid import Aim, NotLoggedIn, Reason, Returned
from app.web.account.visit import LOG_IN_COOKIE, Way, enter
from app.web.following import own_path
from app.web.people.visit import Visit
from app.web.problems import PageProblem
from app.web.site import Site

_LOG_IN_AGE: Final = 600


async def ways(site: Site, following: str) -> Sequence[Way]:
    """The providers of the tenant, for the log-in page."""
    after = f"?{urlencode({'next': following})}" if following else ""
    return [
        Way(f"/login/at/{each.id}{after}", each.name, each.organization)
        for each in await identity_providers.listed(site.server.database, TENANT)
        if each.active
    ]


async def ways_again(site: Site, session: Session, following: str) -> Sequence[Way]:
    """The providers where this person may prove anew who they are: those linked to the account, of the organisation of
    the session, that say when somebody was strongly authenticated.
    """
    issuers = {issuer for issuer, _ in await log_in.linked(site.server.database, session.account)}
    after = f"?{urlencode({'next': following})}" if following else ""
    return [
        Way(f"/login/at/{each.id}/again{after}", each.name, each.organization)
        for each in await identity_providers.listed(site.server.database, session.tenant)
        if each.active and each.issuer in issuers and each.organization == session.organization and each.claims.strong
    ]


async def begin(visit: Visit) -> Response:
    """To the provider."""
    return visit.go(await _begun(visit, "log-in"))


async def begin_again(visit: Visit) -> Response:
    """To the provider, to prove anew who one is; its answer counts as the second factor."""
    _ = visit.visitor.person
    return visit.go(await _begun(visit, "again"))


async def show_link(visit: Visit) -> Response:
    """The providers by which one may also log in to this account, and those to add."""
    person = visit.visitor.person
    visit.site.check_fresh(visit.visitor)
    providers = await identity_providers.listed(visit.accounts.database, person.tenant)
    linked = {issuer for issuer, _ in await log_in.linked(visit.accounts.database, person.account)}
    offered = [each for each in providers if not each.organization]
    return visit.page(
        "link",
        linked=[each for each in offered if each.issuer in linked],
        offered=[each for each in offered if each.active and each.issuer not in linked],
        address="",
        name="",
    )


async def link(visit: Visit) -> Response:
    """The way to the provider, as a link: what a form leads on to must stay here."""
    await visit.form()
    visit.site.check_fresh(visit.visitor)
    address = await _begun(visit, "link")
    provider = await identity_providers.find(visit.accounts.database, visit.part("provider"))
    return visit.page("link", linked=[], offered=[], address=address, name=provider.name if provider else "")


async def unlink(visit: Visit) -> Response:
    """Log in no more by this provider."""
    await visit.form()
    visit.site.check_fresh(visit.visitor)
    provider = await identity_providers.find(visit.accounts.database, visit.part("provider"))
    if provider is None:
        raise PageProblem(404, "site.error.404")
    async with visit.accounts.database.write() as writer:
        if not await log_in.unlink(writer, visit.visitor.person.account, provider.issuer):
            raise PageProblem(409, "people.link.only_way")
    await _tell(visit, "identity-unlinked")
    return visit.go("/account/elsewhere?done=unlinked")


async def come_back(visit: Visit) -> Response:
    """Back from the provider."""
    answer = dict(visit.request.query_params)
    try:
        returned = await visit.people.openid.finish(answer, visit=visit.visitor.visit, now=visit.now)
        return await _DONE[returned.aim](visit, returned)
    except NotLoggedIn as refused:
        await visit.record("login-failed", 401)
        return visit.page("not_logged_in", status=403, reason=refused.reason)


async def _begun(visit: Visit, aim: Aim) -> str:
    account = visit.visitor.session.account if visit.visitor.session and aim != "log-in" else ""
    try:
        return await visit.people.openid.begin(
            visit.part("provider"),
            visit=visit.visitor.visit,
            now=visit.now,
            aim=aim,
            account=account,
            then=visit.following,
        )
    except NotLoggedIn as refused:
        raise PageProblem(503, f"people.openid.{refused.reason}") from None


async def _logged_in(visit: Visit, returned: Returned) -> Response:
    found = await log_in.log_in(visit.site.server, returned, language=visit.visitor.language, now=visit.now)
    account = await account_of(visit.accounts.database, found.account)
    if account is None:
        raise NotLoggedIn(Reason.ACCOUNT)
    following = own_path(returned.then)
    if not found.organization and not found.fresh:
        # What this provider says does not count as a second factor: it is given here, or made first.
        secret = await begin_log_in(visit.accounts, account, now=visit.now, elsewhere=found)
        visit.visitor.cookies[LOG_IN_COOKIE] = (secret, _LOG_IN_AGE)
        step = "set-up" if (await standing(visit.accounts, account)).must_set_up else "second-factor"
        return visit.go(f"/login/{step}" + (f"?{urlencode({'next': following})}" if following else ""))
    session = await enter(visit.site, visit.visitor, found)
    return visit.go(following or ("/permissions" if session.patient is not None else "/choose"))


async def _linked(visit: Visit, returned: Returned) -> Response:
    await log_in.link(visit.site.server, returned, visit.visitor.session, now=visit.now)
    await _tell(visit, "identity-linked")
    return visit.go("/account/elsewhere?done=linked")


async def _tell(visit: Visit, kind: str) -> None:
    """Keep that there is another way in, or one less, and mail it to whose account it is."""
    account = await account_of(visit.accounts.database, visit.visitor.person.account)
    if account is not None:
        async with visit.accounts.database.write() as writer:
            await visit.accounts.note(writer, account.id, kind, now=visit.now)
        visit.accounts.tell(account, kind, now=visit.now)
    await visit.record(kind)


async def _again(visit: Visit, returned: Returned) -> Response:
    session = await log_in.again(visit.site.server, returned, visit.visitor.session)
    await visit.site.sessions.freshen(session, now=visit.now)
    await visit.record("second-factor")
    return visit.go(own_path(returned.then) or "/account")


_DONE: Final = {"log-in": _logged_in, "link": _linked, "again": _again}

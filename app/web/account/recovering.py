"""The pages for who lost the password, and the one where the second factor is given again."""

from __future__ import annotations

from fastapi.responses import Response

from app.auth.accounts import passkeys, resetting
from app.auth.accounts.account import Account
from app.auth.accounts.acting import record_of
from app.auth.accounts.logging_in import Waiting, begin, check_code, standing
from app.auth.accounts.sessions import LogIn
from app.errors import Conflict
from app.web.account.visit import Visit, told
from app.web.following import own_path


async def show_recover(visit: Visit) -> Response:
    """Asks for the e-mail address, and says what else there is."""
    return visit.page("recover")


async def recover(visit: Visit) -> Response:
    """Goes on by mail, whether there is such an account or not."""
    form = await visit.form()
    with told():
        await resetting.ask(visit.accounts, form.get("email"), browser=visit.browser, now=visit.now)
    return visit.go("/recover/sent")


async def show_sent(visit: Visit) -> Response:
    """Says that a mail is on its way, if there is an account."""
    return visit.page("sent", key="recover")


async def show_reset(visit: Visit) -> Response:
    """The link of the mail: a new password, and the code."""
    with told():
        found = await resetting.opened(visit.accounts, visit.ticket, now=visit.now)
    visit.know(found.account, link=visit.ticket)
    return _reset_page(visit, found)


def _reset_page(visit: Visit, found: Waiting, problems: dict[str, str] | None = None) -> Response:
    return visit.page("reset", status=422 if problems else 200, problems=problems, found=found)


async def reset(visit: Visit) -> Response:
    """The password is set, everybody else is out, and who did it is in, or sets up a second factor first."""
    form = await visit.form()
    password = form.exactly("password")
    with told():
        found = await resetting.opened(visit.accounts, visit.ticket, now=visit.now)
        if problem := resetting.problem_of(found.account, password):
            return _reset_page(visit, found, {"password": f"account.problem.password_{problem}"})
        done = await resetting.reset(
            visit.accounts, visit.ticket, password, form.get("code"), browser=visit.browser, now=visit.now
        )
    if done is None:
        await visit.failed(found.account.id)
        return _reset_page(visit, found, {"code": "account.code.wrong"})
    account, log_in = done
    if log_in is None:
        visit.wait_for_factor(await begin(visit.accounts, account, now=visit.now))
        return visit.go("/login/second-factor")
    session = await visit.enter(account, log_in)
    return visit.go(visit.start(session, account))


async def show_confirm(visit: Visit) -> Response:
    """Asks for the second factor again, before something that matters."""
    return await _confirm_page(visit, await standing(visit.accounts, await visit.account()), visit.following)


async def _confirm_page(
    visit: Visit, found: Waiting, following: str, problems: dict[str, str] | None = None
) -> Response:
    return visit.page(
        "confirm",
        status=422 if problems else 200,
        passkeys=found.has_passkey,
        problems=problems,
        found=found,
        following=following,
        ways=await visit.ways_again(visit.site, visit.visitor.person, following),
    )


async def confirm(visit: Visit) -> Response:
    """The code was given again."""
    form = await visit.form()
    account = await visit.account()
    following = own_path(form.get("next"))
    method = await check_code(visit.accounts, account, form.get("code"), browser=visit.browser, now=visit.now)
    if method is None:
        await visit.failed(account.id)
        found = await standing(visit.accounts, account)
        return await _confirm_page(visit, found, following, {"code": "account.code.wrong"})
    await _renew(visit, account)
    return visit.go(following or "/account")


async def confirm_with_passkey(visit: Visit) -> Response:
    """A passkey of this very person was used again."""
    form = await visit.form()
    account = await visit.account()
    following = own_path(form.get("next"))
    used = await passkeys.finish_using(visit.accounts, form.get("ticket"), form.get("answer"), now=visit.now)
    if used is None or used[0].id != account.id:
        await visit.failed(account.id)
        found = await standing(visit.accounts, account)
        return await _confirm_page(visit, found, following, {"": "account.passkey.wrong"})
    await _renew(visit, account)
    return visit.go(following or "/account")


async def _renew(visit: Visit, account: Account) -> None:
    """The same session under a new cookie, its second factor just given."""
    before = visit.visitor.person
    log_in = LogIn(
        before.account, before.tenant, before.method, before.assurance, before.issuer, before.organization,
        before.identifiers,
    )  # fmt: skip
    access = visit.visitor.access
    cookie = await visit.site.sessions.open(log_in, now=visit.now)
    session = await visit.site.sessions.find(cookie, now=visit.now)
    if session is None:
        raise Conflict("This session has ended.")
    if access is not None and before.patient is not None:
        record = await record_of(visit.site.server, session, access.patient_id, now=visit.now)
        if record is not None:
            session = await visit.site.sessions.choose(session, record.session_grant())
    await visit.site.sessions.end(before)
    visit.site.log_in_as(visit.visitor, cookie)
    visit.know(account)
    await visit.site.recording.record(
        "second-factor", 200, agent=visit.visitor.agent, now=visit.now, address=visit.visitor.address
    )

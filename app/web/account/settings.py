"""The settings of an account. What decides who gets in is changed only with a second factor that was just given."""

from __future__ import annotations

import base64
import binascii

from fastapi.responses import Response

from app.auth.accounts import credentials, passkeys, resetting
from app.auth.accounts.account import Account
from app.auth.accounts.logging_in import standing
from app.auth.accounts.mails import told as told_of
from app.auth.accounts.own_record import needs_record
from app.auth.accounts.service import end_sessions
from app.auth.accounts.totp import address, picture, written
from app.auth.roles import Role
from app.errors import NotFound
from app.web.account.log_in import SERVICE
from app.web.account.visit import Visit
from app.web.following import own_path
from app.web.languages import LANGUAGES
from app.web.problems import PageProblem


async def show_settings(visit: Visit) -> Response:
    """Everything at a glance, and where each is changed."""
    account = await visit.account()
    session = visit.visitor.person
    found = await standing(visit.accounts, account)
    sessions = await visit.site.sessions.of_account(account.id, now=visit.now)
    events = await visit.accounts.events(account.id)
    return visit.page(
        "settings",
        account=account,
        found=found,
        keys=await passkeys.passkeys_of(visit.accounts, account.id),
        sessions=[(each, each.hash == session.hash) for each in sessions],
        events=[(at, told_of(kind, visit.visitor.language)) for at, kind in events],
        needs_record=needs_record(account) and account.role is Role.PATIENT,
        has_password=bool(account.password),
        elsewhere=any(not way.organization for way in await visit.other_ways(visit.site, ""))
        and not session.organization,
    )


async def _done(visit: Visit, what: str, interaction: str = "account-changed") -> Response:
    await visit.site.recording.record(
        interaction, 200, agent=visit.visitor.agent, now=visit.now, address=visit.visitor.address
    )
    return visit.go(f"/account?done={what}")


async def show_password(visit: Visit) -> Response:
    """The form for a new password."""
    account = await visit.fresh_account()
    return visit.page("password", address=account.email)


async def password(visit: Visit) -> Response:
    """Set it; every other browser and every app is out."""
    form = await visit.form()
    account = await visit.fresh_account()
    chosen = form.exactly("password")
    if problem := resetting.problem_of(account, chosen):
        wrong = {"password": f"account.problem.password_{problem}"}
        return visit.page("password", status=422, problems=wrong, address=account.email)
    await credentials.change_password(visit.accounts, account, chosen, now=visit.now, session=visit.visitor.person.hash)
    return await _done(visit, "password", "password-changed")


async def show_email(visit: Visit) -> Response:
    """The form for a new e-mail address."""
    account = await visit.fresh_account()
    return visit.page("email", account=account, given="")


async def email(visit: Visit) -> Response:
    """Goes on by mail to the new address."""
    form = await visit.form()
    account = await visit.fresh_account()
    given = form.get("email")
    if not await credentials.ask_email(visit.accounts, account, given, now=visit.now):
        key = f"account.problem.email_{'invalid' if given else 'missing'}"
        return visit.page("email", status=422, problems={"email": key}, account=account, given=given)
    return visit.page("sent", key="email")


async def show_new_email(visit: Visit) -> Response:
    """The link of the mail, for who is logged in."""
    await visit.fresh_account()
    return visit.page("new_email")


async def new_email(visit: Visit) -> Response:
    """The address is used from now on."""
    await visit.form()
    account = await visit.fresh_account()
    if not await credentials.change_email(visit.accounts, account, visit.ticket, now=visit.now):
        raise PageProblem(410, "site.error.410")
    return await _done(visit, "email", "email-changed")


async def show_totp(visit: Visit) -> Response:
    """An authenticator app is set up, in place of the one before if there is one."""
    account = await visit.fresh_account()
    return _totp_page(visit, account)


def _totp_page(visit: Visit, account: Account, *, offer: str = "", problems: dict[str, str] | None = None) -> Response:
    if offer:
        secret, sealed = credentials.offered(visit.accounts, account, offer), offer
    else:
        secret, sealed = credentials.offer_totp(visit.accounts, account)
    title = visit.visitor.t("account.totp.picture")
    return visit.page(
        "totp",
        status=422 if problems else 200,
        problems=problems,
        offer=sealed,
        secret=written(secret),
        qr=picture(address(secret, email=account.email, issuer=SERVICE), title=title),
    )


async def totp(visit: Visit) -> Response:
    """The app counts once it gives the right code."""
    form = await visit.form()
    account = await visit.fresh_account()
    offer = form.get("offer")
    secret = credentials.offered(visit.accounts, account, offer)
    session = visit.visitor.person.hash
    codes = await credentials.set_totp(
        visit.accounts, account, secret, form.get("code"), now=visit.now, session=session
    )
    if codes is None:
        return _totp_page(visit, account, offer=offer, problems={"code": "account.code.wrong"})
    return await _factor_added(visit, codes, "totp")


async def _factor_added(visit: Visit, codes: list[str], what: str) -> Response:
    done = await _done(visit, what, "second-factor-changed")
    return visit.page("codes", codes=codes, where=f"/account?done={what}") if codes else done


async def remove_totp(visit: Visit) -> Response:
    """Take the app away, where there is a passkey."""
    await visit.form()
    account = await visit.fresh_account()
    await credentials.remove_totp(visit.accounts, account, now=visit.now, session=visit.visitor.person.hash)
    return await _done(visit, "totp-removed", "second-factor-changed")


async def show_passkeys(visit: Visit) -> Response:
    """The passkeys, and the button for another one."""
    account = await visit.fresh_account()
    return await _passkeys_page(visit, account)


async def _passkeys_page(visit: Visit, account: Account, problems: dict[str, str] | None = None) -> Response:
    keys = await passkeys.passkeys_of(visit.accounts, account.id)
    return visit.page(
        "passkeys",
        status=422 if problems else 200,
        passkeys=True,
        problems=problems,
        keys=[(each, _id(each.id)) for each in keys],
        can_remove=bool(account.totp) or len(keys) > 1,
    )


async def passkey_options(visit: Visit) -> Response:
    """What the browser is to make a passkey from."""
    await visit.form()
    account = await visit.fresh_account()
    return visit.json(await passkeys.begin_making(visit.accounts, account, now=visit.now))


async def add_passkey(visit: Visit) -> Response:
    """Keep the passkey that the browser made."""
    form = await visit.form()
    account = await visit.fresh_account()
    codes = await passkeys.finish_making(
        visit.accounts,
        account,
        form.get("ticket"),
        form.get("answer"),
        name=form.get("name"),
        now=visit.now,
        session=visit.visitor.person.hash,
    )
    if codes is None:
        return await _passkeys_page(visit, account, {"": "account.passkey.wrong"})
    return await _factor_added(visit, codes, "passkey")


async def remove_passkey(visit: Visit) -> Response:
    """Take a passkey away, where something else is left."""
    form = await visit.form()
    account = await visit.fresh_account()
    try:
        passkey = base64.urlsafe_b64decode(form.get("passkey").encode())
    except (binascii.Error, ValueError) as error:
        raise NotFound("There is no such passkey.") from error
    session = visit.visitor.person.hash
    await passkeys.remove_passkey(visit.accounts, account, passkey, now=visit.now, session=session)
    return await _done(visit, "passkey-removed", "second-factor-changed")


def _id(passkey: bytes) -> str:
    return base64.urlsafe_b64encode(passkey).decode()


async def show_codes(visit: Visit) -> Response:
    """How many recovery codes are left, and a button for new ones."""
    found = await standing(visit.accounts, await visit.fresh_account())
    return visit.page("renew_codes", found=found)


async def codes(visit: Visit) -> Response:
    """New recovery codes, shown this once."""
    await visit.form()
    account = await visit.fresh_account()
    made = await credentials.renew_codes(visit.accounts, account, now=visit.now)
    await _done(visit, "codes", "second-factor-changed")
    return visit.page("codes", codes=made, where="/account")


async def show_codes_left(visit: Visit) -> Response:
    """After a log-in with a recovery code: it is used up, and how many are left."""
    found = await standing(visit.accounts, await visit.account())
    return visit.page("codes_left", found=found, where=visit.following or "/account")


async def end_other_sessions(visit: Visit) -> Response:
    """Log out everywhere else. Needs nothing but to be logged in: it only takes access away."""
    await visit.form()
    account = await visit.account()
    async with visit.accounts.database.write() as writer:
        await end_sessions(writer, account.id, but=visit.visitor.person.hash)
        await visit.accounts.note(writer, account.id, "sessions-ended", now=visit.now)
    return await _done(visit, "sessions", "sessions-ended")


async def language(visit: Visit) -> Response:
    """The language of mails and pages."""
    form = await visit.form()
    account = await visit.account()
    chosen = form.get("language")
    if chosen in LANGUAGES:
        await credentials.set_language(visit.accounts, account, chosen)
        visit.site.speak(visit.visitor, chosen)
    return visit.go(own_path(form.get("next")) or "/account?done=language")

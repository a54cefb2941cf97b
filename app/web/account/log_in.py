"""The pages to log in: password or passkey, then the code. https://www.w3.org/TR/WCAG22/#accessible-authentication-minimum"""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from app.auth.accounts import passkeys
from app.auth.accounts.account import Account
from app.auth.accounts.credentials import offer_totp, offered, set_totp
from app.auth.accounts.logging_in import Waiting, finish, give_code, give_password, waiting
from app.auth.accounts.service import Spent
from app.auth.accounts.totp import address, picture, written
from app.web.account.visit import Visit, told
from app.web.following import own_path

SERVICE: Final = "Zelfregie"
_OVER: Final = "account.log_in.over"


async def show_log_in(visit: Visit) -> Response:
    """The log-in page. Who is logged in goes on."""
    if visit.visitor.session is not None:
        return visit.go(visit.start(visit.visitor.session, await visit.account(), visit.following))
    return await _log_in_page(visit, visit.following)


async def _log_in_page(
    visit: Visit, following: str, *, email: str = "", problems: dict[str, str] | None = None
) -> Response:
    ways = await visit.other_ways(visit.site, following)
    status = 422 if problems else 200
    return visit.page(
        "log_in", status=status, passkeys=True, problems=problems, email=email, following=following, ways=ways
    )


async def log_in(visit: Visit) -> Response:
    """The password. Whatever is wrong is answered alike."""
    form = await visit.form()
    following, email = own_path(form.get("next")), form.get("email")
    with told():
        tried = await give_password(
            visit.accounts, email, form.exactly("password"), browser=visit.browser, now=visit.now
        )
    if not tried.secret:
        await visit.failed(tried.account)
        return await _log_in_page(visit, following, email=email, problems={"": "account.log_in.wrong"})
    visit.wait_for_factor(tried.secret)
    return visit.go("/login/second-factor", following)


async def passkey_options(visit: Visit) -> Response:
    """What the browser asks a passkey to answer."""
    await visit.form()
    with told():
        return visit.json(await passkeys.begin_using(visit.accounts, browser=visit.browser, now=visit.now))


async def log_in_with_passkey(visit: Visit) -> Response:
    """A passkey is a whole log-in: the device has checked who it is."""
    form = await visit.form()
    following = own_path(form.get("next"))
    found = await passkeys.finish_using(visit.accounts, form.get("ticket"), form.get("answer"), now=visit.now)
    if found is None:
        await visit.failed()
        return await _log_in_page(visit, following, problems={"": "account.passkey.wrong"})
    account, log_in = found
    session = await visit.enter(account, log_in)
    return visit.go(visit.start(session, account, following))


async def show_second_factor(visit: Visit) -> Response:
    """Asks for the code; who has none yet sets one up, and who gave no password does that first."""
    if not visit.log_in:
        return visit.go("/login", visit.following)
    with told(_OVER):
        found = await waiting(visit.accounts, visit.log_in, now=visit.now)
    if found.must_set_up:
        return visit.go("/login/set-up", visit.following)
    return _factor_page(visit, found, visit.following)


def _factor_page(visit: Visit, found: Waiting, following: str, *, problems: dict[str, str] | None = None) -> Response:
    status = 422 if problems else 200
    return visit.page(
        "second_factor", status=status, passkeys=found.has_passkey, problems=problems, found=found, following=following
    )


async def second_factor(visit: Visit) -> Response:
    """The code of the app, or a recovery code."""
    form = await visit.form()
    following = own_path(form.get("next"))
    with told(_OVER):
        found = await waiting(visit.accounts, visit.log_in, now=visit.now)
        done = await give_code(visit.accounts, visit.log_in, form.get("code"), browser=visit.browser, now=visit.now)
    if done is None:
        await visit.failed(found.account.id)
        return _factor_page(visit, found, following, problems={"code": "account.code.wrong"})
    account, log_in = done
    session = await visit.enter(account, log_in)
    where = visit.start(session, account, following)
    if log_in.method.endswith("recovery"):
        return visit.go("/account/codes-left", where)
    return visit.go(where)


async def show_set_up(visit: Visit) -> Response:
    """A second factor for who has none: the app, or a passkey."""
    return _set_up_page(visit, await _to_set_up(visit), visit.following)


async def _to_set_up(visit: Visit) -> Account:
    with told(_OVER):
        found = await waiting(visit.accounts, visit.log_in, now=visit.now)
        if not found.must_set_up:
            raise Spent("There is a second factor.")
    return found.account


def _set_up_page(
    visit: Visit, account: Account, following: str, *, offer: str = "", problems: dict[str, str] | None = None
) -> Response:
    secret, sealed = (offered(visit.accounts, account, offer), offer) if offer else offer_totp(visit.accounts, account)
    return visit.page(
        "set_up",
        status=422 if problems else 200,
        passkeys=True,
        problems=problems,
        following=following,
        offer=sealed,
        secret=written(secret),
        qr=picture(address(secret, email=account.email, issuer=SERVICE), title=visit.visitor.t("account.totp.picture")),
    )


async def set_up(visit: Visit) -> Response:
    """The app is set up once its code is right."""
    form = await visit.form()
    account = await _to_set_up(visit)
    following, offer = own_path(form.get("next")), form.get("offer")
    secret = offered(visit.accounts, account, offer)
    codes = await set_totp(visit.accounts, account, secret, form.get("code"), now=visit.now)
    if codes is None:
        return _set_up_page(visit, account, following, offer=offer, problems={"code": "account.code.wrong"})
    return await _set_up_done(visit, account, codes, following, "totp")


async def set_up_options(visit: Visit) -> Response:
    """What the browser is to make the first passkey from."""
    await visit.form()
    account = await _to_set_up(visit)
    return visit.json(await passkeys.begin_making(visit.accounts, account, now=visit.now))


async def set_up_passkey(visit: Visit) -> Response:
    """The first second factor is a passkey."""
    form = await visit.form()
    account = await _to_set_up(visit)
    following = own_path(form.get("next"))
    codes = await passkeys.finish_making(
        visit.accounts, account, form.get("ticket"), form.get("answer"), name=form.get("name"), now=visit.now
    )
    if codes is None:
        return _set_up_page(visit, account, following, problems={"": "account.passkey.wrong"})
    return await _set_up_done(visit, account, codes, following, "passkey")


async def _set_up_done(visit: Visit, account: Account, codes: list[str], following: str, factor: str) -> Response:
    """Logged in, with the recovery codes on the page: they are shown this once."""
    with told(_OVER):
        log_in = await finish(visit.accounts, visit.log_in, account, factor, now=visit.now)
    session = await visit.enter(account, log_in)
    where = "/account/record" if account.birth_date else visit.start(session, account, following)
    visit.visitor = visit.site.under(visit.visitor, session)
    if not codes:
        return visit.go(where)
    return visit.page("codes", codes=codes, where=where)


async def log_out(visit: Visit) -> Response:
    """Nobody is behind this browser any more."""
    await visit.form()
    if visit.visitor.session is not None:
        await visit.site.sessions.end(visit.visitor.session)
        await visit.site.recording.record(
            "logout", 200, agent=visit.visitor.agent, now=visit.now, address=visit.visitor.address
        )
    visit.site.log_out(visit.visitor)
    return visit.go("/login")

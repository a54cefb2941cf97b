"""The pages to make an account and to begin with a record of one's own."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from app.auth.accounts import registration
from app.auth.accounts.acting import records_of
from app.auth.accounts.own_record import Names, link_record, needs_record, start_record
from app.auth.accounts.registration import Registration, birth_date_problem
from app.auth.roles import Role
from app.web.account.visit import Visit, told

_FIELDS: Final = ("email", "name", "birth_date")


async def show_register(visit: Visit) -> Response:
    """The form."""
    if visit.visitor.session is not None:
        return visit.go("/account")
    return visit.page("register", given=dict.fromkeys(_FIELDS, ""))


async def register(visit: Visit) -> Response:
    """Goes on by mail, whether the address is known or not."""
    form = await visit.form()
    given = {name: form.get(name) for name in _FIELDS}
    asked = Registration(**given, password=form.exactly("password"), language=visit.visitor.language)
    problems = registration.problems_of(asked, now=visit.now)
    if problems:
        named = {name: f"account.problem.{name}_{code}" for name, code in problems.items()}
        return visit.page("register", status=422, problems=named, given=given)
    with told():
        await registration.register(visit.accounts, asked, browser=visit.browser, now=visit.now)
    return visit.go("/register/sent")


async def show_sent(visit: Visit) -> Response:
    """Says that a mail is on its way."""
    return visit.page("sent", key="register")


async def show_verify(visit: Visit) -> Response:
    """The link of the mail: asks for the password that was chosen."""
    with told():
        address = await registration.opened(visit.accounts, visit.ticket, now=visit.now)
    return visit.page("verify", address=address)


async def verify(visit: Visit) -> Response:
    """The account is made, and its second factor comes next."""
    form = await visit.form()
    with told():
        address = await registration.opened(visit.accounts, visit.ticket, now=visit.now)
        secret = await registration.verify(visit.accounts, visit.ticket, form.exactly("password"), now=visit.now)
    if secret is None:
        return visit.page("verify", status=422, problems={"password": "account.verify.wrong"}, address=address)
    visit.wait_for_factor(secret)
    return visit.go("/login/second-factor")


async def show_record(visit: Visit) -> Response:
    """Begin with a record, or link one with a code."""
    account = await visit.account()
    if not needs_record(account):
        return visit.go("/account")
    return _record_page(visit, Names.guessed(account.name), account.birth_date)


def _record_page(visit: Visit, names: Names, birth_date: str, *, problems: dict[str, str] | None = None) -> Response:
    return visit.page(
        "record",
        status=422 if problems else 200,
        problems=problems,
        names=names,
        birth_date=birth_date,
    )


async def start(visit: Visit) -> Response:
    """The Patient is born."""
    form = await visit.form()
    account = await visit.account()
    if not needs_record(account):
        return visit.go("/account")
    names, birth_date = Names(form.get("given"), form.get("family")), form.get("birth_date")
    problems = {name: f"account.problem.{name}_{code}" for name, code in names.problems.items()}
    if wrong := birth_date_problem(birth_date, now=visit.now):
        problems["birth_date"] = f"account.problem.birth_date_{wrong}"
    if problems:
        return _record_page(visit, names, birth_date, problems=problems)
    key = await start_record(visit.accounts, account, names, now=visit.now, birth_date=birth_date)
    return await _in_record(visit, key, "record-started")


async def link(visit: Visit) -> Response:
    """The record of the administrator's code is this person's."""
    form = await visit.form()
    account = await visit.account()
    if not needs_record(account):
        return visit.go("/account")
    key = await link_record(visit.accounts, account, form.get("link_code"), now=visit.now)
    if key is None:
        names = Names.guessed(account.name)
        return _record_page(visit, names, account.birth_date, problems={"link_code": "account.record.wrong_code"})
    return await _in_record(visit, key, "record-linked")


async def _in_record(visit: Visit, key: int, interaction: str) -> Response:
    """In the own record from here on."""
    session = visit.visitor.person
    records = await records_of(visit.site.server, session, now=visit.now)
    own = next(each for each in records if each.role is Role.PATIENT)
    await visit.site.sessions.choose(session, own.session_grant())
    await visit.site.recording.record(
        interaction, 200, agent=visit.visitor.agent, now=visit.now, patients=[key], address=visit.visitor.address
    )
    return visit.go("/permissions")

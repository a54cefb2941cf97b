"""The pages to invite somebody and to accept: choose, see the exact text, send; open the link, see it, accept."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, Literal

from fastapi.responses import Response

from app.auth.accounts import invitations
from app.auth.accounts.invitations import Wish
from app.auth.accounts.service import Spent
from app.auth.consents.allowances import ACTIONS, CATEGORIES, CONTENT, actions_named, categories_of, labels_of
from app.auth.consents.deciding import decider
from app.auth.consents.text import ConsentText
from app.auth.roles import Role
from app.errors import Invalid, Unprocessable
from app.fhir.dates import local_date, midnight
from app.web.dates import date as written
from app.web.forms import Form, path_of
from app.web.people.helping import category_names
from app.web.people.visit import Visit, explained, refusal_key

_DAYS: Final = 365
_WORDS_VERSION: Final = "mandate-1"


async def show_invite(visit: Visit) -> Response:
    """The form, empty."""
    access = visit.visitor.record
    decider(access)
    visit.site.check_fresh(visit.visitor)
    role: Literal["carer", "representative"] = "carer"
    if visit.request.query_params.get("as") == "representative" and access.role == Role.PATIENT:
        role = "representative"
    until = local_date(visit.now) + timedelta(days=_DAYS)
    return _form_page(visit, Wish(role, "", "", midnight(until)), until=until.isoformat())


async def invite(visit: Visit) -> Response:
    """Shows the text, and sends the invitation once it was seen and agreed to."""
    form = await visit.form()
    access = visit.visitor.record
    decider(access)
    visit.site.check_fresh(visit.visitor)
    wish, until = _wish(form)
    problems: dict[str, str] = {}
    try:
        await invitations.check(visit.accounts, access, wish, now=visit.now)
    except Invalid as error:
        problems = visit.said(error.issues)
    except Unprocessable as error:
        problems = {"until": visit.visitor.t(refusal_key(error))}
    if problems or form.has("change"):
        return _form_page(visit, wish, until=until, problems=problems)
    shown = _shown(visit, wish)
    if form.get("seen") != shown.hash.hex():
        return visit.page("invite_check", wish=wish, until=until, shown=shown, fields=_fields(wish, until))
    with explained():
        await invitations.invite(visit.accounts, access, wish, shown, inviter=visit.visitor.record_name, now=visit.now)
    await visit.record("invitation-sent", patients=[access.patient or 0])
    return visit.go("/people?done=invited")


async def show_invitation(visit: Visit) -> Response:
    """What the link opens: who asks, and what one may do then."""
    found = await invitations.look(visit.accounts, visit.part("ticket"), now=visit.now)
    if found is None:
        with explained():
            raise Spent("This invitation is over.")
    session = visit.visitor.session
    return visit.page(
        "invitation",
        found=found,
        categories=category_names(found.labels, visit.visitor.language),
        actions=[name for name, bits in ACTIONS.items() if found.actions & bits],
        may_accept=session is not None and not session.organization and session.role in (Role.PATIENT, Role.CARER),
        here=path_of(visit.request),
    )


async def accept(visit: Visit) -> Response:
    """Help from now on."""
    await visit.form()
    person = visit.visitor.person
    with explained():
        taken = await invitations.accept(visit.accounts, person, visit.part("ticket"), now=visit.now)
    await visit.record("invitation-accepted", patients=[taken.patient])
    return visit.go("/choose?done=accepted")


def _wish(form: Form) -> tuple[Wish, str]:
    """What the form says, and its date as it was typed (the last day that counts)."""
    until = form.get("until")
    try:
        last = date.fromisoformat(until)
        end = midnight(last + timedelta(days=1))
    except (ValueError, OverflowError):
        end = 0
    role: Literal["carer", "representative"] = "representative" if form.get("as") == "representative" else "carer"
    if role == "representative":
        return Wish(role, form.get("name"), form.get("email"), end), until
    labels = labels_of(name for name in form.all("categories") if name in CATEGORIES) & CONTENT
    actions = actions_named(name for name in form.all("actions") if name in ACTIONS)
    return Wish(role, form.get("name"), form.get("email"), end, labels, actions), until


def _shown(visit: Visit, wish: Wish) -> ConsentText:
    """The text that is shown and kept."""
    language = visit.visitor.language
    if wish.role == "carer":
        return invitations.shown_to_carer(wish, visit.visitor.record, language=language, now=visit.now)
    said = visit.visitor.t(
        "people.invite.mandate_text",
        name=" ".join(wish.name.split()),
        until=_last_day(wish, language),
    )
    return ConsentText(language, _WORDS_VERSION, said)


def _last_day(wish: Wish, language: str) -> str:
    return written(wish.until - 1, language)


def _fields(wish: Wish, until: str) -> list[tuple[str, str]]:
    """The form once more, as hidden fields."""
    return [
        ("as", wish.role),
        ("name", wish.name),
        ("email", wish.email),
        ("until", until),
        *(("categories", name) for name in categories_of(wish.labels)),
        *(("actions", name) for name, bits in ACTIONS.items() if wish.actions & bits),
    ]


def _form_page(visit: Visit, wish: Wish, *, until: str, problems: dict[str, str] | None = None) -> Response:
    language = visit.visitor.language
    offered = [(name, each.dutch if language == "nl" else each.english, "") for name, each in CATEGORIES.items()]
    return visit.page(
        "invite",
        problems=problems,
        wish=wish,
        until=until,
        categories=[each for each in offered if each[0] in categories_of(CONTENT)],
        actions=[(name, visit.visitor.t(f"people.action.{name}"), "") for name in ACTIONS],
        chosen_categories=categories_of(wish.labels),
        chosen_actions=[name for name, bits in ACTIONS.items() if wish.actions & bits],
    )

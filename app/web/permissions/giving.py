"""``/permissions/new`` and ``/permissions/<id>/change``: choose, see the exact text, and only then give it."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.responses import Response

from app.auth.consents import service as consents
from app.auth.consents.allowances import ACTIONS, CATEGORIES
from app.auth.consents.deciding import check_own, represents
from app.auth.consents.directory import Recipient, find_recipient, organizations
from app.auth.consents.purposes import PURPOSES
from app.auth.consents.service import ACTIVE, Consent
from app.auth.consents.text import ConsentText, Terms
from app.auth.recipients import parts
from app.database import Writer
from app.errors import Conflict, NotFound, Unprocessable
from app.web.permissions.listing import deciding
from app.web.permissions.visit import Visit
from app.web.permissions.wishes import (
    EVERYTHING,
    Wish,
    as_before,
    check_purposes,
    empty_wish,
    offered,
    problems_of,
    seen,
    terms_of,
    texts_of,
    wish_from,
    wish_of,
)


async def show_new(visit: Visit) -> Response:
    """The form, empty: to give takes a second factor that was just given."""
    visit.check_fresh()
    return await _form(visit, empty_wish(visit.now, recipient=visit.request.query_params.get("to", "")))


async def give(visit: Visit) -> Response:
    """Shows the texts, and gives the permissions once they were seen."""
    form = await visit.form()
    visit.check_fresh()
    wish = wish_of(form)
    problems = problems_of(wish, now=visit.now)
    recipient = await _recipient(visit, wish.recipient)
    if recipient is None:
        problems = ["recipient", *problems]
    if problems or recipient is None or form.has("change"):
        return await _form(visit, wish, problems)
    try:
        check_purposes(wish, recipient)
    except Unprocessable:
        return await _form(visit, wish, ["purposes"])
    terms = terms_of(wish, recipient, now=visit.now)
    texts = _shown(visit, terms)
    if form.get("seen") != seen(texts):
        return visit.page(
            "check", wish=wish, texts=texts, seen=seen(texts), action="/permissions/new", recipient=recipient
        )

    async def work(writer: Writer) -> list[str]:
        return [await _store(writer, visit, recipient.key, one, text) for one, text in zip(terms, texts, strict=True)]

    given = await deciding(visit, work)
    await visit.decided("consent-given", given)
    return visit.go("/permissions?done=given")


async def show_change(visit: Visit) -> Response:
    """The form with what is allowed now."""
    known = await _known(visit)
    return await _form(visit, wish_from(known), changed=known)


async def change(visit: Visit) -> Response:
    """A new version. Only to widen takes a second factor that was just given."""
    form = await visit.form()
    known = await _known(visit)
    wish = wish_of(form)
    wish = Wish(known.recipient, wish.categories, wish.actions, (known.purpose,), wish.first, wish.last)
    problems = problems_of(wish, now=visit.now, changing=True)
    if PURPOSES[known.purpose].secondary and set(wish.actions) - {"see"} and not problems:
        problems = ["actions"]
    if problems or form.has("change"):
        return await _form(visit, wish, problems, changed=known)
    recipient = Recipient(known.recipient, known.recipient_name)
    (one,) = terms_of(wish, recipient, now=visit.now)
    one = as_before(one, wish, known, now=visit.now)
    (text,) = texts = _shown(visit, [one])
    if not known.covers(labels=one.labels, actions=one.actions, since=one.since, until=one.until):
        visit.check_fresh()
    if form.get("seen") != seen(texts):
        action = f"/permissions/{known.id}/change"
        return visit.page("check", wish=wish, texts=texts, seen=seen(texts), action=action, recipient=recipient)

    async def work(writer: Writer) -> str:
        latest = await consents.find(writer, visit.patient, known.id)
        if latest is None or latest.version != known.version:
            raise Conflict("This permission was changed meanwhile; look at it again.")
        return await _store(writer, visit, recipient.key, one, text, consent_id=known.id)

    await visit.decided("consent-given", [await deciding(visit, work)])
    return visit.go("/permissions?done=changed")


async def _known(visit: Visit) -> Consent:
    found = await consents.find(visit.site.server.database, visit.patient, visit.part("id"))
    if found is None or found.state != ACTIVE or found.until <= visit.now:
        raise NotFound("There is no such permission, or it has ended.")
    return found


async def _recipient(visit: Visit, key: str) -> Recipient | None:
    """An organisation that is registered, or a person who had a permission before."""
    known = {each.key for each in await _choices(visit)}
    if key not in known:
        return None
    try:
        return await find_recipient(visit.site.server.database, visit.visitor.person.tenant, key)
    except Unprocessable:
        return None


async def _choices(visit: Visit) -> list[Recipient]:
    database = visit.site.server.database
    people = {
        each.recipient: Recipient(each.recipient, each.recipient_name)
        for each in await consents.current(database, visit.patient)
        if parts(each.recipient)[0] == "person"
    }
    return [*await organizations(database, visit.visitor.person.tenant), *people.values()]


def _shown(visit: Visit, terms: Sequence[Terms]) -> list[ConsentText]:
    """The texts. Raises ``Forbidden`` for what the visitor may not do themselves."""
    access = visit.visitor.record
    for each in terms:
        check_own(access, each.labels, each.actions)
    language = visit.visitor.language
    return texts_of(terms, language=language, now=visit.now, representative=represents(access))


async def _store(
    writer: Writer, visit: Visit, recipient: str, terms: Terms, text: ConsentText, *, consent_id: str | None = None
) -> str:
    return await consents.give(
        writer,
        patient=visit.patient,
        tenant=visit.visitor.person.tenant,
        recipient=recipient,
        recipient_name=terms.recipient_name,
        purpose=terms.purpose,
        labels=terms.labels,
        actions=terms.actions,
        since=terms.since,
        until=terms.until,
        given_by=visit.visitor.person.account,
        method="page",
        language=text.language,
        text=text.text,
        text_version=text.version,
        now=visit.now,
        consent_id=consent_id,
    )


async def _form(visit: Visit, wish: Wish, problems: Sequence[str] = (), *, changed: Consent | None = None) -> Response:
    t, language = visit.visitor.t, visit.visitor.language
    named = [
        (name, CATEGORIES[name].dutch if language == "nl" else CATEGORIES[name].english, "")
        for name in offered(wish.recipient)
    ]
    everything = (EVERYTHING, t("permissions.everything"), t("permissions.everything_hint"))
    return visit.page(
        "form",
        problems={name: t(f"permissions.problem.{name}") for name in problems},
        wish=wish,
        changed=changed,
        recipients=[] if changed else [(each.key, each.name) for each in await _choices(visit)],
        categories=named if changed else [everything, *named],
        actions=[(name, t(f"permissions.action.{name}"), "") for name in ACTIONS],
        main=[
            (key, each.names[language], each.explanations[language])
            for key, each in PURPOSES.items()
            if not each.secondary
        ],
        secondary=[
            (key, each.names[language], each.explanations[language]) for key, each in PURPOSES.items() if each.secondary
        ],
    )

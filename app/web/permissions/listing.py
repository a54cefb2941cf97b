"""``/permissions``: who may see what and until when; each permission with its versions; withdrawing in one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from fastapi.responses import Response

from app.auth.accounts.account import account_of
from app.auth.consents import service as consents
from app.auth.consents.allowances import CATEGORIES, actions_of, categories_of
from app.auth.consents.purposes import PURPOSES
from app.auth.consents.service import ACTIVE, Consent
from app.auth.recipients import parts
from app.database import Writer
from app.errors import NotFound
from app.server.access import FOREVER
from app.server.store.read import check_guard
from app.web.permissions.visit import Visit

T = TypeVar("T")
_PAGE: Final = "page"


@dataclass(frozen=True, slots=True)
class Shown:
    """One version of a permission in the visitor's language. ``state``: holds, waits, over or withdrawn."""

    consent: Consent
    state: str
    purpose: str
    actions: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody with the permissions that they have."""

    key: str
    kind: str
    name: str
    permissions: tuple[Shown, ...]


async def show(visit: Visit) -> Response:
    """By recipient; what has ended stands apart."""
    await visit.decided("permissions-read")
    found = [shown(each, visit) for each in await consents.current(visit.site.server.database, visit.patient)]
    by_recipient: dict[str, list[Shown]] = {}
    for each in found:
        if each.state in ("holds", "waits"):
            by_recipient.setdefault(each.consent.recipient, []).append(each)
    recipients = [
        Recipient(key, parts(key)[0], listed[0].consent.recipient_name, tuple(listed))
        for key, listed in by_recipient.items()
    ]
    return visit.page(
        "permissions",
        recipients=sorted(recipients, key=lambda each: (each.kind != "organization", each.name.casefold())),
        ended=[each for each in found if each.state in ("over", "withdrawn")],
        forever=FOREVER,
    )


async def show_one(visit: Visit) -> Response:
    """One permission with every version and the text that was shown."""
    database = visit.site.server.database
    found = await consents.versions(database, visit.patient, visit.part("id"))
    if not found:
        raise NotFound("There is no such permission.")
    names: dict[str, str] = {}
    for account in {each.given_by for each in found}:
        known = await account_of(database, account)
        names[account] = known.name if known is not None else ""
    await visit.decided("permissions-read", [found[0].id])
    return visit.page("permission", versions=[shown(each, visit) for each in found], names=names)


async def withdraw(visit: Visit) -> Response:
    """One permission, in one step: being logged in is enough."""
    await visit.form()

    async def work(writer: Writer) -> Consent:
        return await consents.withdraw(
            writer,
            patient=visit.patient,
            consent_id=visit.part("id"),
            given_by=visit.visitor.person.account,
            method=_PAGE,
            now=visit.now,
        )

    ended = await deciding(visit, work)
    await visit.decided("consent-withdrawn", [ended.id])
    return visit.go("/permissions?done=withdrawn")


async def withdraw_all(visit: Visit) -> Response:
    """Everything that one recipient was allowed."""
    form = await visit.form()

    async def work(writer: Writer) -> list[Consent]:
        return await consents.withdraw_all(
            writer,
            patient=visit.patient,
            recipient=form.get("recipient"),
            given_by=visit.visitor.person.account,
            method=_PAGE,
            now=visit.now,
        )

    ended = await deciding(visit, work)
    if ended:
        await visit.decided("consent-withdrawn", [each.id for each in ended])
    return visit.go("/permissions?done=withdrawn")


async def deciding(visit: Visit, work: Callable[[Writer], Awaitable[T]]) -> T:
    """Carry a decision out while the visitor's right to decide stands, for all of the transaction."""

    async def within(writer: Writer) -> T:
        await consents.lock(writer, visit.patient)
        await check_guard(writer, visit.visitor.record, visit.now)
        return await work(writer)

    return await visit.site.server.database.transact(within)


def shown(consent: Consent, visit: Visit) -> Shown:
    """A version in the visitor's language."""
    language = visit.visitor.language
    purpose = PURPOSES.get(consent.purpose)
    state = "withdrawn"
    if consent.state == ACTIVE:
        state = "over" if consent.until <= visit.now else "waits" if consent.since > visit.now else "holds"
    return Shown(
        consent,
        state,
        purpose.names[language] if purpose else consent.purpose,
        actions_of(consent.actions),
        category_names(consent.labels, language),
    )


def category_names(labels: int, language: str) -> tuple[str, ...]:
    """The data categories of a bit set, as people read them."""
    found = [CATEGORIES[name] for name in categories_of(labels)]
    return tuple(each.dutch if language == "nl" else each.english for each in found)

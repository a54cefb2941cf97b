"""The page that shows a patient who helps, and ends that in one step."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi.responses import Response

from app.auth.accounts import helping, invitations, representation
from app.auth.accounts.account import account_of
from app.auth.accounts.representation import Mandate
from app.auth.consents import service as consents
from app.auth.consents.allowances import CATEGORIES, actions_of, categories_of
from app.auth.consents.deciding import decider
from app.auth.consents.service import Consent
from app.auth.recipients import parts
from app.auth.roles import Role
from app.database import Reader
from app.errors import NotFound
from app.web.people.visit import Visit, explained


@dataclass(frozen=True, slots=True)
class Carer:
    """An informal carer with what the patient's consents allow: names of categories, words for actions."""

    account: str
    name: str = field(repr=False)
    allowed: tuple[tuple[tuple[str, ...], tuple[str, ...], int], ...]


@dataclass(frozen=True, slots=True)
class Representative:
    """Who has or had a mandate; ``own``: it is the one who looks."""

    mandate: Mandate
    name: str = field(repr=False)
    own: bool
    holds: bool


async def show(visit: Visit) -> Response:
    """Representatives, carers and open invitations."""
    access = visit.visitor.record
    patient = decider(access)
    database = visit.accounts.database
    mandates = await representation.of_patient(database, patient)
    return visit.page(
        "people",
        representatives=[
            Representative(
                each,
                await _name(database, each.account),
                each.account == visit.visitor.person.account,
                each.state == "active" and visit.now < each.until,
            )
            for each in mandates
        ],
        carers=await _carers(visit, patient),
        invitations=await invitations.open_of(database, patient, now=visit.now),
        is_patient=access.role == Role.PATIENT,
        words=lambda actions: ", ".join(visit.visitor.t(f"people.action.{each}").lower() for each in actions),
    )


async def end_mandate(visit: Visit) -> Response:
    """The representative may no longer act, from the next statement on."""
    await visit.form()
    access, person = visit.visitor.record, visit.visitor.person
    decider(access)
    visit.site.check_fresh(visit.visitor)
    with explained():
        mandate = await helping.end_own_or_given(visit.accounts, person, access.role, visit.part("id"), now=visit.now)
    await visit.record("mandate-ended", patients=[mandate.patient])
    return visit.go("/choose" if mandate.account == person.account else "/people?done=ended")


async def end_carer(visit: Visit) -> Response:
    """The carer may see nothing any more, from the next statement on."""
    await visit.form()
    patient = decider(visit.visitor.record)
    visit.site.check_fresh(visit.visitor)
    person = visit.visitor.person
    ended = await helping.end_carer(
        visit.accounts,
        patient=patient,
        tenant=person.tenant,
        account=visit.part("account"),
        ended_by=person.account,
        now=visit.now,
    )
    if not ended:
        raise NotFound("There is no such carer.")
    await visit.record("consent-withdrawn", patients=[patient])
    return visit.go("/people?done=ended")


async def cancel(visit: Visit) -> Response:
    """Take an invitation back."""
    await visit.form()
    patient = decider(visit.visitor.record)
    try:
        hashed = bytes.fromhex(visit.part("hash"))
    except ValueError:
        raise NotFound("There is no such invitation.") from None
    async with visit.accounts.database.write() as writer:
        if not await invitations.cancel(writer, patient, hashed):
            raise NotFound("There is no such invitation.")
    await visit.record("invitation-cancelled", patients=[patient])
    return visit.go("/people?done=cancelled")


async def _carers(visit: Visit, patient: int) -> list[Carer]:
    """Everybody to whom a consent holds, or will hold."""
    by_account: dict[str, list[Consent]] = {}
    for each in await consents.current(visit.accounts.database, patient):
        kind, account = parts(each.recipient)
        if kind == "person" and each.state == consents.ACTIVE and visit.now < each.until:
            by_account.setdefault(account, []).append(each)
    return [
        Carer(
            account,
            await _name(visit.accounts.database, account) or given[0].recipient_name,
            tuple(
                (category_names(each.labels, visit.visitor.language), actions_of(each.actions), each.until)
                for each in given
            ),
        )
        for account, given in by_account.items()
    ]


def category_names(labels: int, language: str) -> tuple[str, ...]:
    """The data categories of a bit set, as people know them."""
    found = [CATEGORIES[name] for name in categories_of(labels)]
    return tuple(each.dutch if language == "nl" else each.english for each in found)


async def _name(reader: Reader, account: str) -> str:
    found = await account_of(reader, account)
    return found.name if found is not None else ""

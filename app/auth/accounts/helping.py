"""Use cases around mandates and informal carers: the change, the RelatedPerson in the record, and what the patient is
told of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from app.auth.accounts import representation
from app.auth.accounts.account import account_of, account_of_patient
from app.auth.accounts.ages import Birth, read_birth
from app.auth.accounts.mandates import CHILD_UNTIL, Asked, Refusal, refused
from app.auth.accounts.persons import Helper, birth_of, keep_helper, make_patient, patient_resource
from app.auth.accounts.representation import ACTIVE, ASKED, Mandate
from app.auth.accounts.service import Accounts, TooMany
from app.auth.accounts.sessions import Session
from app.auth.consents import service as consents
from app.auth.recipients import person
from app.auth.roles import Role
from app.database import Writer
from app.errors import Forbidden, NotFound
from app.fhir.dates import midnight

METHOD: Final = "page"
MOST_CHILDREN: Final = 5
"""How many children of one parent may wait for confirmation at once."""
Change = Callable[[Writer, Birth | None], Awaitable[Mandate]]


async def give_mandate(
    accounts: Accounts, asked: Asked, *, patient: int, tenant: int, account: str, given_by: str, now: int
) -> Mandate:
    """Let ``account`` act for the patient. Raises as ``representation.give``, and ``NotFound`` for an account that is
    not there.
    """
    helper = await account_of(accounts.database, account)
    if helper is None or not helper.active or helper.tenant != tenant:
        raise NotFound("There is no such account.")

    async def change(writer: Writer, birth: Birth | None) -> Mandate:
        return await representation.give(
            writer,
            asked,
            patient=patient,
            tenant=tenant,
            account=account,
            given_by=given_by,
            birth=birth,
            now=now,
        )

    return await _changed(accounts, change, patient=patient, tenant=tenant, event="mandate-given", now=now)


async def confirm_mandate(
    accounts: Accounts, *, patient: int, tenant: int, mandate_id: str, given_by: str, evidence: str, now: int
) -> Mandate:
    """An administrator has seen what a parent's mandate rests on. Raises as ``representation.confirm``."""

    async def change(writer: Writer, birth: Birth | None) -> Mandate:
        return await representation.confirm(
            writer,
            patient=patient,
            tenant=tenant,
            mandate_id=mandate_id,
            given_by=given_by,
            evidence=evidence,
            birth=birth,
            now=now,
        )

    return await _changed(accounts, change, patient=patient, tenant=tenant, event="mandate-given", now=now)


async def end_mandate(
    accounts: Accounts, *, patient: int, tenant: int, mandate_id: str, ended_by: str, now: int
) -> Mandate:
    """End a mandate now. Raises ``NotFound``."""

    async def change(writer: Writer, _birth: Birth | None) -> Mandate:
        return await representation.end(
            writer, patient=patient, tenant=tenant, mandate_id=mandate_id, ended_by=ended_by, now=now
        )

    return await _changed(accounts, change, patient=patient, tenant=tenant, event="mandate-ended", now=now)


async def end_own_or_given(accounts: Accounts, session: Session, role: str, mandate_id: str, *, now: int) -> Mandate:
    """End a mandate from a session in the record: the patient any of them, a representative only the own one. Raises
    ``NotFound`` for all others.
    """
    assert session.patient is not None, "pages ask for a record"
    mandate = await representation.find(accounts.database, session.patient, mandate_id)
    if mandate is None or not (role == Role.PATIENT or mandate.account == session.account):
        raise NotFound("There is no such mandate.")
    return await end_mandate(
        accounts,
        patient=mandate.patient,
        tenant=session.tenant,
        mandate_id=mandate_id,
        ended_by=session.account,
        now=now,
    )


async def end_carer(accounts: Accounts, *, patient: int, tenant: int, account: str, ended_by: str, now: int) -> int:
    """Withdraw everything that an informal carer was allowed; how many consents those were."""

    async def work(writer: Writer) -> int:
        ended = await consents.withdraw_all(
            writer, patient=patient, recipient=person(account), given_by=ended_by, method=METHOD, now=now
        )
        return len(ended)

    number = await accounts.database.transact(work)
    carer = await account_of(accounts.database, account)
    if number and carer is not None and not await _represents(accounts, patient, account, now):
        helper = Helper(account, carer.name, "", now, now, active=False)
        await keep_helper(accounts.server, helper, tenant=tenant, patient=patient, now=now)
    return number


async def start_child(
    accounts: Accounts, session: Session, *, given: str, family: str, birth_date: str, now: int
) -> Mandate:
    """Begin the record of a child under 12, as its parent says; nothing is seen before an administrator confirms it.

    Raises ``Unprocessable`` for another age, ``TooMany`` when too many wait already, ``Forbidden`` for whom it is not
    for.
    """
    if session.organization or session.role not in (Role.PATIENT, Role.CARER):
        raise Forbidden("A parent does this with a personal account.")
    birth = read_birth(birth_date)
    if birth is None or birth.first != birth.last or midnight(birth.first) > now:
        raise refused(Refusal.BIRTH_DATE)
    if birth.maybe_turned(CHILD_UNTIL, now):
        raise refused(Refusal.FROM_12)
    mine = await representation.of_account(accounts.database, session.account)
    if sum(each.state == ASKED for each in mine) >= MOST_CHILDREN:
        raise TooMany("Too many children wait for confirmation.")
    child = patient_resource(given=given, family=family, birth_date=birth_date)
    patient = await make_patient(accounts.server, child, tenant=session.tenant, now=now)

    async def work(writer: Writer) -> Mandate:
        return await representation.ask_as_parent(
            writer,
            patient=patient,
            tenant=session.tenant,
            account=session.account,
            declaration=f"{given} {family}, {birth_date}",
            birth=birth,
            now=now,
        )

    return await accounts.database.transact(work)


async def _changed(accounts: Accounts, change: Change, *, patient: int, tenant: int, event: str, now: int) -> Mandate:
    """Make a change to a mandate; then the record shows it, and the patient is told."""
    birth = await birth_of(accounts.server, accounts.database, patient)

    async def work(writer: Writer) -> Mandate:
        mandate = await change(writer, birth)
        owner = await account_of_patient(writer, patient)
        if owner is not None:
            await accounts.note(writer, owner.id, event, now=now)
        return mandate

    mandate = await accounts.database.transact(work)
    helper = await account_of(accounts.database, mandate.account)
    shown = Helper(mandate.account, helper.name if helper else "", mandate.ground, mandate.since, mandate.until)
    if mandate.state != ACTIVE:
        shown = replace(shown, active=False, until=max(mandate.ended, mandate.since))
    await keep_helper(accounts.server, shown, tenant=tenant, patient=patient, now=now)
    owner = await account_of_patient(accounts.database, patient)
    if owner is not None:
        accounts.tell(owner, event, now=now)
    return mandate


async def _represents(accounts: Accounts, patient: int, account: str, now: int) -> bool:
    found = await representation.of_patient(accounts.database, patient)
    return any(each.account == account and each.holds(now) for each in found)

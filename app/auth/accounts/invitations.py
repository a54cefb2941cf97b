"""A patient asks somebody to help: an informal carer, who sees what the patient names, or a representative, who acts
for the patient on a written authorisation. By e-mail, with a link that counts once and for two weeks.

Nothing is allowed before the other one accepts; what is then stored is the text that the patient was shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.auth import tickets
from app.auth.accounts import limits, representation
from app.auth.accounts.account import account_of_patient
from app.auth.accounts.ages import Birth
from app.auth.accounts.emails import folded
from app.auth.accounts.mails import mail
from app.auth.accounts.mandates import Asked, Ground, Refusal, ends, refused
from app.auth.accounts.persons import Helper, birth_of, keep_helper
from app.auth.accounts.service import Accounts, Spent, TooMany
from app.auth.accounts.sessions import Session
from app.auth.consents import service as consents
from app.auth.consents.deciding import check_fresh, check_own, decider
from app.auth.consents.text import ConsentText, Terms, consent_text
from app.auth.recipients import person
from app.auth.roles import Role
from app.database import Reader, Writer
from app.errors import Forbidden, Invalid, Issue
from app.server.access import OWN_USE, Access

KIND: Final = "invitation"
SECONDS: Final = 14 * 24 * 3600
LONGEST_NAME: Final = 100
MOST: Final = 20
"""How many invitations of one record may be open at once."""
As = Literal["carer", "representative"]
METHOD: Final = "invitation"
ACCEPTED: Final = "helper-accepted"
"""What the patient is told then."""
_OPEN: Final = (
    "SELECT hash, data, created, expires FROM ticket WHERE account = $1 AND kind = $2 AND expires > $3 ORDER BY created"
)
_CANCEL: Final = "DELETE FROM ticket WHERE account = $1 AND kind = $2 AND hash = $3 RETURNING hash"
_OWNER: Final = "SELECT 1 FROM account WHERE id = $1 AND patient = $2"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a patient wants to allow somebody. ``name``: how the patient calls them; ``labels`` and ``actions`` are bit
    sets, of a carer; ``until`` in µs.
    """

    role: As
    name: str = field(repr=False)
    email: str = field(repr=False)
    until: int
    labels: int = 0
    actions: int = 0

    def problems(self) -> tuple[Issue, ...]:
        """What is wrong with it, each with the field as its expression."""
        found = []
        name = " ".join(self.name.split())
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            found.append(Issue("required", f"A name of at most {LONGEST_NAME} characters is needed.", ("name",)))
        if not folded(self.email):
            found.append(Issue("value", "This is no e-mail address.", ("email",)))
        if self.role == "carer" and not self.labels:
            found.append(Issue("required", "Choose one or more kinds of data.", ("categories",)))
        if self.role == "carer" and not self.actions:
            found.append(Issue("required", "Choose what this person may do.", ("actions",)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that is open. ``hash`` tells it from others; ``text``: what the patient was shown."""

    hash: bytes
    patient: int
    tenant: int
    role: As
    name: str = field(repr=False)
    labels: int
    actions: int
    until: int
    given_by: str
    inviter: str = field(repr=False)
    language: str
    text_version: str
    text: str = field(repr=False)
    created: int
    expires: int


def shown_to_carer(wish: Wish, access: Access, *, language: str, now: int) -> ConsentText:
    """The text that a patient is shown, and that is kept, of what a carer may."""
    terms = Terms(" ".join(wish.name.split()), OWN_USE, wish.labels, wish.actions, now, wish.until)
    return consent_text(terms, language=language, now=now, representative=access.role == Role.REPRESENTATIVE)


async def check(accounts: Accounts, access: Access, wish: Wish, *, now: int) -> int:
    """Whether this caller may allow what is wished for; the patient. Raises ``Invalid`` with every problem of the
    fields, ``Forbidden`` for whom it is not for, ``Unprocessable`` where the rules do not allow it.
    """
    patient = decider(access)
    if issues := wish.problems():
        raise Invalid("Something is not right yet.", issues=issues)
    if wish.until <= now:
        raise refused(Refusal.PERIOD)
    if wish.role == "carer":
        check_own(access, wish.labels, wish.actions)
        return patient
    if access.role != Role.PATIENT:
        raise Forbidden("A mandate cannot be passed on.")
    ends(_asked(wish.until, now), await birth_of(accounts.server, accounts.database, patient), now=now)
    return patient


async def invite(
    accounts: Accounts,
    access: Access,
    wish: Wish,
    shown: ConsentText,
    *,
    inviter: str,
    now: int,
) -> None:
    """Send the invitation. ``inviter``: what the patient is called, for the page that the link opens; ``shown``: the
    text that the patient saw and agreed to.

    Raises as ``check``, ``Forbidden`` without a fresh second factor, ``TooMany`` for too many mails or invitations.
    """
    patient = await check(accounts, access, wish, now=now)
    check_fresh(access, now)
    if len(await open_of(accounts.database, patient, now=now)) >= MOST:
        raise TooMany("Too many invitations are open.")
    email = folded(wish.email)
    if not await accounts.limits.take([(limits.MAIL, email)], now=now):
        raise TooMany("Too many mails to this address.")
    data: Mapping[str, Any] = {
        "patient": patient,
        "tenant": access.tenant,
        "role": wish.role,
        "name": " ".join(wish.name.split()),
        "labels": wish.labels,
        "actions": wish.actions,
        "until": wish.until,
        "given_by": access.person,
        "inviter": inviter,
        "language": shown.language,
        "text_version": shown.version,
        "text": shown.text,
    }
    async with accounts.database.write() as writer:
        secret = await tickets.issue(
            writer, KIND, now=now, seconds=SECONDS, account=tickets_of(patient), data=dict(data)
        )
    accounts.outbox.send(mail("invitation", email, shown.language, link=accounts.link(f"/invitations/{secret}")))


async def look(accounts: Accounts, secret: str, *, now: int) -> Invitation | None:
    """The invitation that a link opens; None when it was used, taken back or has expired, or when who sent it may not
    decide about the record any more.
    """
    ticket = await tickets.look(accounts.database, KIND, secret, now=now)
    found = None if ticket is None else _invitation(b"", ticket.data, ticket.created, ticket.expires)
    return found if found is not None and await _stands(accounts.database, found, now) else None


async def accept(accounts: Accounts, session: Session, secret: str, *, now: int) -> Invitation:
    """The person of this session helps from now on. Raises ``Spent`` for a link that does not count any more,
    ``Forbidden`` for whom it is not for, and as consents and mandates do.
    """
    if session.organization or session.role not in (Role.PATIENT, Role.CARER):
        raise Forbidden("An invitation is accepted with a personal account.")
    known = await look(accounts, secret, now=now)
    if known is None:
        raise Spent("This invitation is over.")
    birth = await birth_of(accounts.server, accounts.database, known.patient)

    async def work(writer: Writer) -> tuple[Invitation, int]:
        ticket = await tickets.take_within(writer, KIND, secret, now=now)
        if ticket is None:
            raise Spent("This invitation is over.")
        taken = _invitation(b"", ticket.data, ticket.created, ticket.expires)
        await consents.lock(writer, taken.patient, taken.tenant)
        if not await _stands(writer, taken, now):
            raise Spent("Who sent this invitation may not decide any more.")
        if await writer.fetch(_OWNER, session.account, taken.patient):
            raise refused(Refusal.ONESELF)
        until = await _give(writer, taken, session, birth, now=now)
        if (owner := await account_of_patient(writer, taken.patient)) is not None:
            await accounts.note(writer, owner.id, ACCEPTED, now=now)
        return taken, until

    taken, until = await accounts.database.transact(work)
    ground = Ground.WRITTEN_AUTHORISATION if taken.role == "representative" else ""
    helper = Helper(session.account, session.name or taken.name, ground, now, until)
    await keep_helper(accounts.server, helper, tenant=taken.tenant, patient=taken.patient, now=now)
    if (owner := await account_of_patient(accounts.database, taken.patient)) is not None:
        accounts.tell(owner, ACCEPTED, now=now)
    return taken


async def open_of(reader: Reader, patient: int, *, now: int) -> list[Invitation]:
    """The invitations of a record that nobody has accepted yet, the oldest first."""
    rows = await reader.fetch(_OPEN, tickets_of(patient), KIND, now)
    return [_invitation(bytes(hashed), json.loads(data), created, expires) for hashed, data, created, expires in rows]


async def cancel(writer: Writer, patient: int, hashed: bytes) -> bool:
    """Take an invitation back; False when it is not there any more."""
    return bool(await writer.fetch(_CANCEL, tickets_of(patient), KIND, hashed))


async def _stands(reader: Reader, invitation: Invitation, now: int) -> bool:
    """Whether who sent it is still the person, or still represents them."""
    if await reader.fetch(_OWNER, invitation.given_by, invitation.patient):
        return True
    mandates = await representation.of_patient(reader, invitation.patient)
    return any(each.account == invitation.given_by and each.holds(now) for each in mandates)


async def _give(writer: Writer, taken: Invitation, session: Session, birth: Birth | None, *, now: int) -> int:
    """Write the consent or the mandate; until when it holds."""
    if taken.until <= now:
        raise Spent("What was offered has ended.")
    if taken.role == "representative":
        mandate = await representation.give(
            writer,
            _asked(taken.until, now),
            patient=taken.patient,
            tenant=taken.tenant,
            account=session.account,
            given_by=taken.given_by,
            birth=birth,
            now=now,
        )
        return mandate.until
    await consents.give(
        writer,
        patient=taken.patient,
        tenant=taken.tenant,
        recipient=person(session.account),
        recipient_name=taken.name,
        purpose=OWN_USE,
        labels=taken.labels,
        actions=taken.actions,
        since=now,
        until=taken.until,
        given_by=taken.given_by,
        method=METHOD,
        language=taken.language,
        text=taken.text,
        text_version=taken.text_version,
        now=now,
    )
    return taken.until


def _asked(until: int, now: int) -> Asked:
    return Asked(Ground.WRITTEN_AUTHORISATION, "patient", now, until, METHOD)


def tickets_of(patient: int) -> str:
    """Whose invitations: tickets of a record, whoever sent them."""
    return f"record:{patient}"


def _invitation(hashed: bytes, data: Mapping[str, Any], created: int, expires: int) -> Invitation:
    return Invitation(hash=hashed, created=created, expires=expires, **data)

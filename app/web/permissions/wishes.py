"""What somebody fills in to give or change a permission: read, checked, and put into the texts that they then see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from app.auth.consents.allowances import ACTIONS, CONTENT, categories_of, grantable_to, labels_of
from app.auth.consents.directory import Recipient
from app.auth.consents.purposes import PURPOSES
from app.auth.consents.service import Consent
from app.auth.consents.text import ConsentText, Terms, consent_text
from app.errors import Unprocessable
from app.fhir.dates import local_date, midnight
from app.fhir.scopes import Action
from app.server.access import FOREVER
from app.web.forms import Form

EVERYTHING: Final = "everything"
"""In place of the categories: all of them, but for permissions and the access log."""
_SEE: Final = Action.READ | Action.SEARCH
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2200


@dataclass(frozen=True, slots=True)
class Wish:
    """The fields as they were filled in; dates as browsers write them."""

    recipient: str
    categories: tuple[str, ...]
    actions: tuple[str, ...]
    purposes: tuple[str, ...]
    first: str
    last: str

    @property
    def fields(self) -> list[tuple[str, str]]:
        """For a form that sends the same again."""
        return [
            ("recipient", self.recipient),
            *(("categories", each) for each in self.categories),
            *(("actions", each) for each in self.actions),
            *(("purposes", each) for each in self.purposes),
            ("first", self.first),
            ("last", self.last),
        ]

    @property
    def labels(self) -> int:
        """The bit set of the data. Raises ``Unprocessable``."""
        named = [each for each in self.categories if each != EVERYTHING]
        return labels_of(named) | (CONTENT if EVERYTHING in self.categories else 0)

    @property
    def bits(self) -> int:
        """The bit set of the actions, of words that are known."""
        return sum(ACTIONS[each] for each in dict.fromkeys(self.actions))

    def since(self, now: int) -> int:
        """From when, in µs: the day's beginning, and not before now."""
        return max(now, midnight(date.fromisoformat(self.first))) if self.first else now

    @property
    def until(self) -> int:
        """Until just before when, in µs: the last day is part of it."""
        return midnight(date.fromisoformat(self.last) + timedelta(days=1)) if self.last else FOREVER


def wish_of(form: Form) -> Wish:
    """What was filled in."""
    return Wish(
        form.get("recipient"),
        tuple(form.all("categories")),
        tuple(form.all("actions")),
        tuple(form.all("purposes")),
        form.get("first"),
        form.get("last"),
    )


def empty_wish(now: int, *, recipient: str = "") -> Wish:
    """What the form has before anything is filled in: care, to see, for a year; every secondary purpose is off."""
    last = local_date(now) + timedelta(days=365)
    return Wish(recipient, (), ("see",), ("treatment",), "", last.isoformat())


def wish_from(consent: Consent) -> Wish:
    """What a permission allows now."""
    first = local_date(consent.since).isoformat()
    last = "" if consent.until >= FOREVER else local_date(consent.until - 1).isoformat()
    actions = tuple(name for name, bits in ACTIONS.items() if consent.actions & bits)
    return Wish(consent.recipient, categories_of(consent.labels), actions, (consent.purpose,), first, last)


def offered(recipient: str) -> tuple[str, ...]:
    """The categories that can be chosen for a recipient; for one that is not chosen yet, all."""
    return categories_of(grantable_to(recipient))


def problems_of(wish: Wish, *, now: int, changing: bool = False) -> list[str]:
    """The fields that are not right."""
    found = []
    if not wish.categories or set(wish.categories) - {*offered(wish.recipient), EVERYTHING}:
        found.append("categories")
    if not wish.actions or set(wish.actions) - ACTIONS.keys():
        found.append("actions")
    if not changing and (not wish.purposes or set(wish.purposes) - PURPOSES.keys()):
        found.append("purposes")
    first, last = _day(wish.first), _day(wish.last)
    if wish.first and first is None:
        found.append("first")
    if wish.last and (last is None or last < local_date(now) or (first is not None and last < first)):
        found.append("last")
    return found


def terms_of(wish: Wish, recipient: Recipient, *, now: int) -> list[Terms]:
    """One permission for each purpose; for a secondary one data are only seen. The fields were checked."""
    return [
        Terms(
            recipient.name,
            purpose,
            wish.labels,
            _SEE if PURPOSES[purpose].secondary else wish.bits,
            wish.since(now),
            wish.until,
        )
        for purpose in PURPOSES
        if purpose in wish.purposes
    ]


def texts_of(terms: Sequence[Terms], *, language: str, now: int, representative: bool) -> list[ConsentText]:
    """What is shown before anything is given."""
    return [consent_text(each, language=language, now=now, representative=representative) for each in terms]


def seen(texts: Sequence[ConsentText]) -> str:
    """What a form says of the texts that were shown, so that nothing else is given."""
    return sha256(b"".join(each.hash for each in texts)).hexdigest()


def as_before(terms: Terms, wish: Wish, known: Consent, *, now: int) -> Terms:
    """The moments of a permission that is changed stay to the microsecond where its days were left as they are."""
    before = wish_from(known)
    since = known.since if wish.first == before.first and known.since > now else terms.since
    return replace(terms, since=since, until=known.until if wish.last == before.last else terms.until)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def check_purposes(wish: Wish, recipient: Recipient) -> None:
    """Care is an organisation's, own use that of people and apps. Raises ``Unprocessable``."""
    other = "own-use" if recipient.kind == "organization" else "treatment"
    if other in wish.purposes:
        raise Unprocessable("This purpose does not fit the recipient.", "business-rule")

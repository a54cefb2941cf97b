"""Pairing: how an organisation's system learns which patient is meant without a BSN (MODEL 3).

The patient makes a one-time code for an organisation that has their consent; the organisation's system exchanges it,
together with its own patient number. From then on that number finds the patient, for that organisation only.

Codes are Crockford's base 32 (https://www.crockford.com/base32.html): nine random characters and one that checks them,
stored as a keyed hash of code and organisation.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.auth.consents.tables import INSERT_PAIRING_CODE
from app.auth.organizations.tables import INSERT_PAIRING
from app.auth.recipients import organization as organization_recipient
from app.auth.recipients import parts
from app.auth.sealing import Seal
from app.database import Database, Reader, Writer
from app.errors import Conflict, NotFound, TooMany, Unprocessable
from app.server import bsn
from app.server.access import Access

LIFE: Final = 15 * 60_000_000
"""How long a code can be used, in µs."""
MOST_ATTEMPTS: Final = 20
"""Wrong codes of one organisation within ``LIFE``."""
LONGEST: Final = 200
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM: Final = 9
_READ: Final = str.maketrans("OIL", "011", " -\t")
_TAKE: Final = (
    "DELETE FROM pairing_code WHERE hash = $1 AND organization = $2 AND expires > $3"
    " RETURNING patient, consent, given_by, created, expires"
)
_USED: Final = "SELECT patient FROM pairing_code WHERE hash = $1 AND organization = $2 AND expires > $3"
_TIDY: Final = "DELETE FROM pairing_code WHERE expires <= $1"
_REPLACE: Final = "DELETE FROM pairing_code WHERE patient = $1 AND organization = $2"
_PAIRED: Final = "SELECT patient FROM pairing WHERE organization = $1 AND system = $2 AND value = $3"
_PERMIT: Final = (
    "SELECT consent FROM permit WHERE recipient = $1 AND patient = $2 AND since <= $3 AND until > $3 AND consent <> ''"
    " LIMIT 1"
)
_LIVE: Final = "SELECT 1 FROM partition WHERE patient = $1 AND tenant = $2 AND state = 'live'"
_ATTEMPT: Final = (
    "INSERT INTO attempt (key, count, since, until) VALUES ($1, 1, $2::bigint, $3::bigint) ON CONFLICT (key) DO UPDATE"
    " SET count = CASE WHEN attempt.until <= $2 THEN 1 ELSE attempt.count + 1 END,"
    " since = CASE WHEN attempt.until <= $2 THEN $2 ELSE attempt.since END,"
    " until = CASE WHEN attempt.until <= $2 THEN $3 ELSE attempt.until END RETURNING count"
)
_SUCCEEDED: Final = "UPDATE attempt SET count = count - 1 WHERE key = $1 AND count > 0"

RandomNumber = Callable[[int], int]
"""A random number below the one given."""


@dataclass(frozen=True, slots=True)
class PairingCode:
    """A code as it is shown, once. ``expires`` in µs."""

    text: str = field(repr=False)
    organization: str
    expires: int


@dataclass(frozen=True, slots=True)
class Number:
    """An organisation's own number of a patient."""

    system: str
    value: str = field(repr=False)


def new_text(random: RandomNumber = secrets.randbelow) -> str:
    """A fresh code, as people read it: ``XXXXX-XXXXX``."""
    letters = "".join(_ALPHABET[random(len(_ALPHABET))] for _ in range(_RANDOM))
    whole = letters + _check(letters)
    return f"{whole[:5]}-{whole[5:]}"


def read_text(text: str) -> str | None:
    """The ten characters that somebody typed, whatever dashes, spaces or small letters; None where it is no code."""
    plain = text.upper().translate(_READ)
    right = len(plain) == _RANDOM + 1 and all(each in _ALPHABET for each in plain)
    return plain if right and plain[-1] == _check(plain[:-1]) else None


def _check(letters: str) -> str:
    """Luhn's sum in base 32: it finds every wrong character and every pair that changed places, but for one."""
    size, total = len(_ALPHABET), 0
    for place, letter in enumerate(reversed(letters)):
        value = _ALPHABET.index(letter) * (2 if place % 2 == 0 else 1)
        total += value // size + value % size
    return _ALPHABET[-total % size]


class Pairing:
    """Makes and exchanges codes. ``seal`` is for this use only."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    async def make(self, writer: Writer, *, patient: int, organization: str, given_by: str, now: int) -> PairingCode:
        """A code for an organisation that has a consent now; one made before is worth nothing any more.

        Raises ``Unprocessable`` where the organisation has no consent.
        """
        found = await writer.fetch(_PERMIT, organization_recipient(organization), patient, now)
        if not found:
            raise Unprocessable("This organisation has no permission now; give it one first.", "business-rule")
        await writer.execute(_TIDY, now)
        await writer.execute(_REPLACE, patient, organization)
        made = PairingCode(new_text(), organization, now + LIFE)
        consent = found[0][0].partition("/")[0]
        row = (
            self._hash(organization, read_text(made.text) or ""),
            patient,
            organization,
            consent,
            given_by,
            now,
            made.expires,
        )
        await writer.insert(INSERT_PAIRING_CODE, [row])
        return made

    async def exchange(
        self, database: Database, *, organization: str, tenant: int, code: str, number: Number, now: int
    ) -> int:
        """Link the organisation's number to the patient whose code it is; that patient. The same call again gives the
        same answer while the code would last.

        Raises ``NotFound`` for a code that is not known, was used or has expired, ``Conflict`` for a number that is
        somebody else's already, ``Unprocessable`` for a BSN, ``TooMany`` after too many wrong codes.
        """
        check_number(number)
        key = self._seal.digest(f"attempts:{organization}".encode())
        if (await database.change(_ATTEMPT, key, now, now + LIFE))[0][0] > MOST_ATTEMPTS:
            raise TooMany("Too many codes that are not known; try again in 15 minutes.")
        text = read_text(code) or ""

        async def work(writer: Writer) -> int:
            patient = await self._taken(writer, organization, text, number, now)
            recipient = organization_recipient(organization)
            if not await writer.fetch(_LIVE, patient, tenant) or not await writer.fetch(
                _PERMIT, recipient, patient, now
            ):
                raise _unknown()
            paired = await writer.fetch(_PAIRED, organization, number.system, number.value)
            if paired and paired[0][0] != patient:
                raise Conflict("This number is linked to another patient of yours already.", "duplicate")
            if not paired:
                await writer.insert(INSERT_PAIRING, [(organization, number.system, number.value, patient, now)])
            await writer.execute(_SUCCEEDED, key)
            return patient

        return await database.transact(work)

    async def _taken(self, writer: Writer, organization: str, text: str, number: Number, now: int) -> int:
        """Whose code it is. A code that was used stays known together with the number that it was used for, so that a
        call whose answer was lost can be made again.
        """
        used = self._hash(organization, text, number.system, number.value)
        for patient, consent, given_by, created, expires in await writer.fetch(
            _TAKE, self._hash(organization, text), organization, now
        ):
            row = (used, patient, organization, consent, given_by, created, expires)
            await writer.insert(INSERT_PAIRING_CODE, [row])
            return int(patient)
        for (patient,) in await writer.fetch(_USED, used, organization, now):
            return int(patient)
        raise _unknown()

    def _hash(self, *texts: str) -> bytes:
        return self._seal.digest("\0".join(("code", *texts)).encode())


def check_number(number: Number) -> None:
    """Raises ``Unprocessable`` for a BSN, or for what is no number of an organisation's own."""
    if bsn.is_system(number.system):
        raise Unprocessable("A BSN is not taken: send the number that the patient has in your own system.", "value")
    sized = 0 < len(number.system) <= LONGEST and 0 < len(number.value) <= LONGEST
    if not sized or not (number.system + number.value).isprintable():
        raise Unprocessable(f"identifier needs a system and a value, each of at most {LONGEST} characters.", "value")


def _unknown() -> NotFound:
    return NotFound("This code is not known, was used or has expired; ask the patient for a new one.")


async def known_as(reader: Reader, access: Access, system: str, value: str) -> Sequence[int]:
    """The patient whom the caller's organisation knows by a number of its own (``app/server/search/known.py``)."""
    kind, organization = parts(access.recipient)
    if kind != "organization":
        return ()
    return [int(patient) for (patient,) in await reader.fetch(_PAIRED, organization, system, value)]

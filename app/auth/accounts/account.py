"""An account as it is stored, and the statements that find and change one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.auth.recipients import person
from app.auth.roles import Role
from app.database import Reader, Row
from app.fhir.scopes import EVERY_ACTION
from app.server.access import FOREVER, OWN_USE
from app.server.labels import EVERY_LABEL

TOTP_SEAL: Final = "totp"
"""The use under which TOTP secrets are sealed."""
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_ID: Final = 16
_HANDLE: Final = 32
_COLUMNS: Final = (
    "id, tenant, role, email, name, language, state, password, totp, totp_step, handle, patient, birth_date, created,"
    " verified, changed"
)
_BY_ID: Final = f"SELECT {_COLUMNS} FROM account WHERE id = $1"
_BY_EMAIL: Final = f"SELECT {_COLUMNS} FROM account WHERE tenant = $1 AND email = $2"
_BY_PATIENT: Final = f"SELECT {_COLUMNS} FROM account WHERE patient = $1 AND state = 'active'"
_HAS_PASSKEY: Final = "SELECT 1 FROM passkey WHERE account = $1 LIMIT 1"


@dataclass(frozen=True, slots=True)
class Account:
    """A row of ``account``. ``birth_date``: what was said at registration, until there is a Patient that has it."""

    id: str
    tenant: int
    role: Role
    email: str = field(repr=False)
    name: str = field(repr=False)
    language: str
    state: str
    password: str = field(repr=False)
    totp: bytes = field(repr=False)
    totp_step: int
    handle: bytes = field(repr=False)
    patient: int | None
    birth_date: str = field(repr=False)
    created: int
    verified: int
    changed: int

    def row(self) -> Sequence[Any]:
        """As ``INSERT_ACCOUNT`` takes it."""
        return tuple(getattr(self, name) for name in self.__slots__)

    @property
    def active(self) -> bool:
        """Whether anybody may log in to it."""
        return self.state == "active"


def new_account_id(random: Callable[[int], bytes]) -> str:
    """A pseudonym of 80 random bits."""
    return "".join(_LETTERS[each & 31] for each in random(_ID))


def new_account(
    random: Callable[[int], bytes],
    *,
    tenant: int,
    role: Role,
    email: str,
    name: str,
    now: int,
    language: str = "nl",
    state: str = "active",
    password: str = "",
    verified: int = 0,
    patient: int | None = None,
    birth_date: str = "",
    id: str = "",
) -> Account:
    """An account to be stored with ``INSERT_ACCOUNT`` and ``row()``. ``email`` folded, ``password`` hashed."""
    return Account(
        id=id or new_account_id(random),
        tenant=tenant,
        role=role,
        email=email,
        name=name,
        language=language,
        state=state,
        password=password,
        totp=b"",
        totp_step=0,
        handle=random(_HANDLE),
        patient=patient,
        birth_date=birth_date,
        created=now,
        verified=verified,
        changed=now,
    )


def own_permit(account: str, patient: int) -> Sequence[Any]:
    """The right of a person to the own record, as a row of ``permit``."""
    return (person(account), patient, OWN_USE, "", EVERY_LABEL, int(EVERY_ACTION), 0, FOREVER)


async def account_of(reader: Reader, account: str) -> Account | None:
    """The account with this id."""
    return _account(await reader.fetch(_BY_ID, account))


async def account_of_email(reader: Reader, tenant: int, email: str) -> Account | None:
    """The account with this e-mail address, which is given folded."""
    return _account(await reader.fetch(_BY_EMAIL, tenant, email))


async def account_of_patient(reader: Reader, patient: int) -> Account | None:
    """The account whose own record this is."""
    return _account(await reader.fetch(_BY_PATIENT, patient))


async def has_passkey(reader: Reader, account: str) -> bool:
    """Whether a passkey logs in to it."""
    return bool(await reader.fetch(_HAS_PASSKEY, account))


def _account(rows: Sequence[Row]) -> Account | None:
    if not rows:
        return None
    (row,) = rows
    identity, tenant, role, email, name, language, state, password, totp, step, handle, *rest = row
    return Account(
        identity,
        tenant,
        Role(role),
        email,
        name,
        language,
        state,
        password,
        bytes(totp),
        step,
        bytes(handle),
        *rest,
    )

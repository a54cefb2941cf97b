"""To whom a permission can be given: apps that people use, organisations, and people with an account, by what they are
known by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.auth.organizations.registry import AGB, URA
from app.auth.recipients import app, organization, parts, person
from app.database import Reader
from app.errors import Unprocessable

_CLIENT: Final = "SELECT id, name FROM client WHERE id = $1 AND tenant = $2 AND users = 'patients' AND state = 'active'"
_ORGANIZATION: Final = "SELECT id, name FROM organization WHERE id = $1 AND tenant = $2 AND state = 'active'"
_ORGANIZATIONS: Final = "SELECT id, name FROM organization WHERE tenant = $1 AND state = 'active' ORDER BY name, id"
_BY_URA: Final = "SELECT id, name FROM organization WHERE ura = $1 AND tenant = $2 AND state = 'active' LIMIT 1"
_BY_AGB: Final = "SELECT id, name FROM organization WHERE agb = $1 AND tenant = $2 AND state = 'active' LIMIT 1"
_ACCOUNT: Final = "SELECT id, name FROM account WHERE id = $1 AND tenant = $2 AND state = 'active'"


@dataclass(frozen=True, slots=True)
class Recipient:
    """``key`` as ``app/auth/recipients.py`` writes it; ``name`` as it is shown."""

    key: str
    name: str

    @property
    def kind(self) -> str:
        """app, person or organization."""
        return parts(self.key)[0]


async def find_recipient(reader: Reader, tenant: int, key: str) -> Recipient:
    """The recipient with this key. Raises ``Unprocessable`` where there is none in the tenant."""
    kind, recipient_id = parts(key)
    sql = {"app": _CLIENT, "organization": _ORGANIZATION, "person": _ACCOUNT}.get(kind)
    write = {"app": app, "organization": organization, "person": person}
    rows = [] if sql is None else await reader.fetch(sql, recipient_id, tenant)
    for found, name in rows:
        return Recipient(write[kind](found), name or found)
    raise _unknown()


async def recipient_known_as(reader: Reader, tenant: int, system: str, value: str, *, own_system: str) -> Recipient:
    """The recipient with an identifier: an organisation by URA or AGB, any by our own system. Raises
    ``Unprocessable``.
    """
    if system == own_system:
        return await find_recipient(reader, tenant, value)
    sql = {URA: _BY_URA, AGB: _BY_AGB}.get(system)
    rows = [] if sql is None or not value else await reader.fetch(sql, value, tenant)
    for found, name in rows:
        return Recipient(organization(found), name or found)
    raise _unknown()


async def organizations(reader: Reader, tenant: int) -> list[Recipient]:
    """Every organisation that a permission can be given to, by name."""
    return [Recipient(organization(found), name) for found, name in await reader.fetch(_ORGANIZATIONS, tenant)]


def _unknown() -> Unprocessable:
    return Unprocessable("The recipient is not known here: an app, an organisation or a person.", "not-found")

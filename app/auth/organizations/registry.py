"""The organisations that patients can give consent to, known by AGB or URA, each an Organization in the tenant's
catalogue under the same id. https://hl7.org/fhir/R4/organization.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final

from app.auth.accounts.persons import keep_in_catalogue
from app.auth.organizations.tables import INSERT_ORGANIZATION
from app.auth.recipients import organization as recipient_of
from app.database import Reader, Row
from app.errors import Invalid, Issue, NotFound
from app.fhir.resource import Resource
from app.fhir.validation.identifiers import REGISTERS
from app.server.ids import CATALOGUE, new_id, write_key
from app.server.server import FhirServer

AGB: Final = "http://fhir.nl/fhir/NamingSystem/agb-z"
URA: Final = "http://fhir.nl/fhir/NamingSystem/ura"
ACTIVE: Final = "active"
CLOSED: Final = "closed"
_LONGEST_NAME: Final = 200
_COLUMNS: Final = "o.id, o.tenant, o.name, o.agb, o.ura, o.state, o.created"
_ALL: Final = f"SELECT {_COLUMNS} FROM organization o WHERE o.tenant = $1 ORDER BY o.name, o.id"
_ONE: Final = f"SELECT {_COLUMNS} FROM organization o WHERE o.tenant = $1 AND o.id = $2"
_SAME_NUMBER: Final = (
    "SELECT 1 FROM organization o WHERE o.tenant = $1 AND o.state = 'active'"
    " AND ((o.agb <> '' AND o.agb = $2) OR (o.ura <> '' AND o.ura = $3))"
)
_CLOSE: Final = (
    "UPDATE organization SET state = 'closed' WHERE tenant = $1 AND id = $2",
    "UPDATE identity_provider SET state = 'closed' WHERE tenant = $1 AND organization = $2",
    "DELETE FROM session WHERE tenant = $1 AND organization = $2",
    "DELETE FROM access_grant WHERE tenant = $1 AND organization = $2",
)
_END_GRANTS: Final = "DELETE FROM access_grant WHERE recipient = $1 OR also = $1"
_END_PERMITS: Final = "DELETE FROM permit WHERE recipient = $1"


@dataclass(frozen=True, slots=True)
class Organization:
    """A row of ``organization``."""

    id: str
    tenant: int
    name: str
    agb: str
    ura: str
    state: str
    created: int

    @property
    def active(self) -> bool:
        """Whether it takes part."""
        return self.state == ACTIVE

    def resource(self) -> Resource:
        """As the catalogue has it."""
        numbers = ((AGB, self.agb), (URA, self.ura))
        identifiers = [{"system": system, "value": value} for system, value in numbers if value]
        return {
            "resourceType": "Organization",
            "id": self.id,
            **({"identifier": identifiers} if identifiers else {}),
            "active": self.active,
            "name": self.name,
        }


async def add(server: FhirServer, *, tenant: int, name: str, agb: str = "", ura: str = "", now: int) -> Organization:
    """Register an organisation. Raises ``Invalid`` with every problem: no name, no number, one of another form, or one
    that another organisation has.
    """
    name, agb, ura = " ".join(name.split()), agb.strip(), ura.strip()
    issues = [*_problems(name, agb, ura)]
    if not issues and await server.database.fetch(_SAME_NUMBER, tenant, agb, ura):
        issues.append(Issue("duplicate", "Another organisation has this number.", ("agb", "ura")))
    if issues:
        raise Invalid("The organisation cannot be registered.", issues=tuple(issues))
    found = Organization(new_id(write_key(CATALOGUE), server.random), tenant, name, agb, ura, ACTIVE, now)
    await keep_in_catalogue(server, found.resource(), tenant=tenant, now=now)
    async with server.database.write() as writer:
        await writer.insert(INSERT_ORGANIZATION, [astuple(found)])
    return found


async def close(server: FhirServer, *, tenant: int, organization: str, now: int) -> Organization:
    """End its part here: nobody logs in there any more, and nothing that patients allowed it holds. What patients
    decided stays readable. Raises ``NotFound``.
    """
    found = await find(server.database, tenant, organization)
    if found is None:
        raise NotFound("There is no such organisation.")
    closed = replace(found, state=CLOSED)
    # First what can be refused, then what cannot: nothing ends half-way, and after a fault it is done again.
    await keep_in_catalogue(server, closed.resource(), tenant=tenant, now=now)
    async with server.database.write() as writer:
        for sql in _CLOSE:
            await writer.execute(sql, tenant, organization)
        await writer.execute(_END_GRANTS, recipient_of(organization))
        await writer.execute(_END_PERMITS, recipient_of(organization))
    return closed


async def listed(reader: Reader, tenant: int) -> list[Organization]:
    """Every organisation of a tenant, by name; closed ones too."""
    return list(map(_organization, await reader.fetch(_ALL, tenant)))


async def find(reader: Reader, tenant: int, organization: str) -> Organization | None:
    """The organisation with this id."""
    return next(map(_organization, await reader.fetch(_ONE, tenant, organization)), None)


def _problems(name: str, agb: str, ura: str) -> Sequence[Issue]:
    issues = []
    if not name or len(name) > _LONGEST_NAME:
        issues.append(Issue("required", f"A name of at most {_LONGEST_NAME} characters is needed.", ("name",)))
    if not agb and not ura:
        issues.append(Issue("required", "An AGB code or a URA is needed.", ("agb", "ura")))
    for field, system, number in (("agb", AGB, agb), ("ura", URA, ura)):
        if number and (problem := REGISTERS[system].check(number)) is not None:
            issues.append(Issue("value", problem.text, (field,)))
    return issues


def _organization(row: Row) -> Organization:
    return Organization(*row)

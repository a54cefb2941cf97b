"""One request of an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from app.auth.accounts.sessions import Session
from app.auth.roles import Role
from app.errors import NotFound
from app.web.people import visit


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the administration: where it is, and the key of its name."""

    address: str
    key: str


SECTIONS: Final = (
    Section("/admin/organizations", "admin.organizations.title"),
    Section("/admin/providers", "admin.providers.title"),
    Section("/admin/clients", "clients.title"),
    Section("/admin/mandates", "admin.mandates.title"),
)
"""What the index lists; another area adds its own line."""


class Visit(visit.Visit):
    """What a page's view is given: the parts of the pages about people, with templates of their own."""

    area: ClassVar[str] = "admin"


def administrator(visit: Visit, *, fresh: bool = False) -> Session:
    """The session of an administrator. Raises ``NotFound`` for everybody else, ``Unauthenticated`` for nobody, and
    ``Forbidden`` where the second factor is to be given again.
    """
    person = visit.visitor.person
    if person.role is not Role.ADMINISTRATOR:
        raise NotFound("There is no such page.")
    if fresh:
        visit.site.check_fresh(visit.visitor)
    return person

"""Who asks for a page. Addresses, records and languages are theirs; what is shown is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.audit import Agent
from app.auth.accounts.sessions import CLIENT, Session
from app.auth.recording import agent_of
from app.auth.roles import Role
from app.errors import Forbidden, Unauthenticated
from app.server.access import Access
from app.web.texts import Translate


@dataclass(slots=True)
class Visitor:
    """Who asks for a page: a person who logged in, or nobody yet. ``visit`` is the random mark of the browser's visit,
    which forms of people who are not logged in are tied to. ``access``: what the person may do in the chosen record.
    ``address``: of the network, for limits and the access log.
    """

    now: int
    language: str
    visit: str = field(repr=False)
    csrf: str = field(repr=False)
    address: str = ""
    session: Session | None = None
    access: Access | None = None
    record_name: str = ""
    t: Translate = field(default=str, repr=False)
    cookies: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)

    @property
    def person(self) -> Session:
        """The session. Raises ``Unauthenticated`` for nobody."""
        if self.session is None:
            raise Unauthenticated("Log in first.")
        return self.session

    @property
    def record(self) -> Access:
        """What the person may do in the chosen record. Raises ``Unauthenticated`` or ``Forbidden``."""
        person = self.person
        if self.access is None or person.patient is None:
            raise Forbidden("Choose a record first.", "choose")
        return self.access

    @property
    def is_fresh(self) -> bool:
        """Whether the second factor was just given."""
        return self.session is not None and self.session.is_fresh(self.now)

    @property
    def acts_for_another(self) -> bool:
        """Whether this is somebody else's record."""
        return self.access is not None and self.access.role in (Role.REPRESENTATIVE, Role.CARER, Role.PROFESSIONAL)

    @property
    def agent(self) -> Agent:
        """Who the access log names."""
        if self.session is None:
            return Agent(client=CLIENT)
        role = self.access.role if self.access else self.session.role
        responsible = self.access.responsible if self.access else ""
        return agent_of(self.session, role=role, responsible=responsible)

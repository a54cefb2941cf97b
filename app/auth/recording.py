"""What is done outside the FHIR base, in the same access log: log-ins, consents, tokens, copies, erasure.

NEN 7513; see ``app/audit/event.py`` for the facts of a line.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from app.audit import Agent, Event, Journal
from app.auth.accounts.sessions import CLIENT, Session


class Recording:
    """Writes lines to the journal of this process."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def record(
        self,
        interaction: str,
        status: int,
        *,
        agent: Agent,
        now: int,
        patients: Sequence[int] = (),
        resources: Sequence[str] = (),
        request: str = "",
        address: str = "",
        durable: bool = True,
    ) -> None:
        """One line, on disk when this returns if ``durable``. ``interaction`` is a word such as ``login`` or
        ``consent-given``; ``status`` the HTTP status of the answer; ``resources`` are ids, never content.

        Raises ``Unavailable`` when it cannot be written: then no answer may be given.
        """
        self._journal.write(
            Event(
                at=now,
                request=request or secrets.token_hex(8),
                interaction=interaction,
                status=status,
                agent=agent.sealed(),
                address=address,
                patients=tuple(patients),
                resources=tuple(resources),
            )
        )
        if durable:
            await self._journal.durable()


def agent_of(session: Session, *, role: str = "", responsible: str = "", consent: str = "") -> Agent:
    """Who acts in a session: the account, as a pseudonym. ``role`` and ``responsible``: in the record that is chosen,
    where they are others than the account's own.
    """
    return Agent(
        client=CLIENT,
        person=session.account,
        role=role or session.role,
        responsible=responsible,
        organization=session.organization,
        consent=consent,
    )

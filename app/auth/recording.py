"""What is done outside the FHIR base, in the same access log: log-ins, consents, tokens, copies, erasure.

NEN 7513; see ``app/audit/event.py`` for the facts of a line.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from msgspec import Raw

from app.audit import Agent, Event, Journal
from app.auth.accounts.sessions import CLIENT, Session
from app.server.messages import Answer


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

    async def by_service(self, interaction: str, *, patient: int, resources: Sequence[str], now: int) -> None:
        """What a running service wrote by itself, since its time had come. Raises ``Unavailable``."""
        agent = Agent(client=CLIENT, purpose="treatment")
        await self.record(interaction, 200, agent=agent, now=now, patients=(patient,), resources=resources)

    async def answered(self, answer: Answer, *, agent: Raw, now: int, request: str, address: str = "") -> None:
        """The lines of one interaction that a page carried out, as the FHIR base writes them: those of its parts, then
        its own. On disk when this returns if it wrote something. Raises ``Unavailable``.
        """
        for each in (*answer.parts, answer):
            self._journal.write(
                Event(
                    at=now,
                    request=request,
                    interaction=each.interaction,
                    status=each.status,
                    agent=agent,
                    address=address,
                    patients=each.patients,
                    resources=each.resources,
                    type=each.type,
                    parameters=each.parameters,
                    rows=each.rows,
                )
            )
        if answer.wrote:
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

"""A request that waits for a person: the secret in the address, what it stands for, and who is in front of it.
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from app.auth import tickets
from app.auth.accounts.acting import Record, record_of, records_of
from app.auth.accounts.sessions import Session
from app.auth.oauth.authorize import WAITING, WAITING_SECONDS, turn_away
from app.auth.oauth.clients import Client, Users
from app.auth.oauth.redirects import form_target
from app.auth.oauth.requests import AuthorizationRequest, Stopped
from app.auth.oauth.scopes import Granted, read_granted
from app.auth.oauth.server import AuthorizationServer
from app.auth.roles import Role
from app.web.problems import PageProblem
from app.web.site import Site
from app.web.visitor import Visitor

PICKED: Final = "patient"
"""The id of the Patient that the person picked, in a ticket's data."""
CHANGED: Final = "changed"
"""What the person made of the request, in a ticket's data: boxes that are ticked, and the period."""


@dataclass(slots=True)
class Waiting:
    """One visit to the page of a request. ``data``: what the ticket kept beside the request."""

    site: Site
    oauth: AuthorizationServer
    request: Request
    visitor: Visitor
    secret: str = field(repr=False)
    account: str
    data: Mapping[str, Any]
    wanted: AuthorizationRequest
    client: Client

    @property
    def address(self) -> str:
        """Where this page is."""
        return f"/authorize/{self.secret}"

    @property
    def mark(self) -> str:
        """What ties a decision to this request."""
        return sha256(self.secret.encode()).hexdigest()

    @property
    def scopes(self) -> Granted:
        """What the app may be given of what it asks."""
        return read_granted(self.wanted.scopes)

    @property
    def person(self) -> Session:
        """Who is logged in. Raises ``Unauthenticated``."""
        return self.visitor.person

    @property
    def fhir_now(self) -> int:
        """The time of the visit."""
        return self.visitor.now

    def check_person(self) -> None:
        """Raises ``PageProblem`` when the request was begun by or with somebody else."""
        mine = self.person.account
        if self.account not in ("", mine) or self.wanted.launched_by not in ("", mine):
            raise PageProblem(403, "authorize.error.other_person")
        if self.client.tenant != self.person.tenant:
            raise PageProblem(400, "authorize.stopped.client")

    def unfit(self) -> str:
        """Why this person cannot use this app at all (the end of a text's key); "" when they can."""
        session = self.person
        if session.role is Role.ADMINISTRATOR:
            return "administrator"
        if self.client.users is Users.PROFESSIONALS:
            return "" if session.organization == self.client.organization else "professionals"
        return "patients" if session.organization else ""

    async def records(self) -> list[Record]:
        """The records that may be picked."""
        found = await records_of(self.oauth.fhir, self.person, now=self.fhir_now)
        if others := [each.patient for each in found if each.role is not Role.PATIENT]:  # whose names are read here
            await self.oauth.record(
                "records-listed", 200, agent=self.visitor.agent, patients=others, address=self.visitor.address
            )
        return found

    async def record(self) -> Record | None:
        """The record that was picked or in which the app was opened, when this person may work in it; else None."""
        patient_id = self.data.get(PICKED) or self.wanted.launched_in
        return await record_of(self.oauth.fhir, self.person, patient_id, now=self.fhir_now) if patient_id else None

    @property
    def is_picked(self) -> bool:
        """Whether it is settled which record is meant."""
        return bool(self.data.get(PICKED) or self.wanted.launched_in)

    async def again_with(self, **data: Any) -> Response:
        """On to the same request with something more settled, for this person only."""
        kept = {**self.wanted.as_data(), **{each: self.data[each] for each in (PICKED, CHANGED) if each in self.data}}
        async with self.oauth.database.write() as writer:
            secret = await tickets.issue(
                writer,
                WAITING,
                now=self.fhir_now,
                seconds=WAITING_SECONDS,
                account=self.person.account,
                data={**kept, **data},
            )
        return self.site.go(self.visitor, f"/authorize/{secret}")

    async def use_up(self) -> None:
        """The request is decided; raises ``PageProblem`` when it was already."""
        if await tickets.take(self.oauth.database, WAITING, self.secret, now=self.fhir_now) is None:
            raise PageProblem(410, "authorize.error.gone")

    async def send_back(self, error: str, description: str) -> Response:
        """To the app with a refusal."""
        return self.site.go(self.visitor, await turn_away(self.oauth, self.wanted, error, description))

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page of this request; its forms may lead to the app."""
        return self.site.page(
            self.request,
            self.visitor,
            f"authorize/{template}.html",
            status=status,
            form_targets=(form_target(self.wanted.redirect_uri),),
            client=self.client,
            address=self.address,
            **values,
        )


async def waiting(site: Site, oauth: AuthorizationServer, request: Request, secret: str) -> Waiting:
    """The request under this secret. Raises ``PageProblem`` when there is none (any more)."""
    visitor = await site.visitor(request)
    ticket = await tickets.look(oauth.database, WAITING, secret, now=visitor.now)
    if ticket is None:
        raise PageProblem(410, "authorize.error.gone")
    wanted = AuthorizationRequest.of(ticket.data)
    try:
        client = await oauth.check.client(wanted.client)
    except Stopped as error:
        raise PageProblem(400, f"authorize.stopped.{error.reason}") from error
    return Waiting(site, oauth, request, visitor, secret, ticket.account, ticket.data, wanted, client)

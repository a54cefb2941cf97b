"""From an authorization request to a code: begun by an app, decided by a person on our own pages.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1 https://www.rfc-editor.org/rfc/rfc9207
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.auth import tickets
from app.auth.accounts.acting import TREATMENT, Record, practitioner_id
from app.auth.accounts.sessions import FRESH, Session
from app.auth.consents import service as consents
from app.auth.consents.text import text_versions
from app.auth.grants import NewGrant
from app.auth.oauth.asking import Allowance, Cells, asked, covered, inside
from app.auth.oauth.clients import Client, Kind, Users
from app.auth.oauth.codes import add_code
from app.auth.oauth.endpoints import PUSHED, REQUEST_URI
from app.auth.oauth.families import Authorization, add_authorization, last_authorization
from app.auth.oauth.parameters import Parameters, Repeated, read_parameters
from app.auth.oauth.redirects import answer
from app.auth.oauth.refusals import OAuthError, invalid_request
from app.auth.oauth.requests import AuthorizationRequest, SentBack, Stopped
from app.auth.oauth.scopes import OFFLINE, ONLINE, Granted, read_granted
from app.auth.oauth.server import AuthorizationServer
from app.auth.oauth.tokens import SECOND
from app.auth.recipients import app, organization, person
from app.auth.roles import Role
from app.database import Writer
from app.server.access import OWN_USE

WAITING: Final = "authorization-request"
WAITING_SECONDS: Final = 900
_PERMITS: Final = (
    "SELECT labels, actions FROM permit WHERE recipient = $1 AND patient = $2 AND purpose = $3 AND since <= $4"
    " AND until > $4"
)


@dataclass(frozen=True, slots=True)
class Consented:
    """One consent as it was shown and agreed to."""

    allowance: Allowance
    text: str = field(repr=False)
    text_version: str
    language: str
    until: int


async def begin(oauth: AuthorizationServer, text: bytes, *, address: str = "") -> str:
    """Check a request as it came; the secret under which it waits for a person. Raises ``Stopped`` or ``SentBack``."""
    now = oauth.now()
    try:
        request = await _checked(oauth, text, now)
    except Stopped as error:
        await oauth.record("authorize", 400, address=address)
        raise error from None
    except SentBack as error:
        await oauth.record("authorize", 400, client=error.client, address=address)
        raise
    async with oauth.database.write() as writer:
        return await tickets.issue(writer, WAITING, now=now, seconds=WAITING_SECONDS, data=request.as_data())


async def _checked(oauth: AuthorizationServer, text: bytes, now: int) -> AuthorizationRequest:
    repeated = False
    try:
        parameters = read_parameters(text)
    except Repeated as error:
        parameters, repeated = error.found, True
    except OAuthError as error:
        raise Stopped("parameters") from error
    if parameters.get("request_uri", "").startswith(REQUEST_URI):
        return await _pushed(oauth, parameters, now)
    client = await oauth.check.client(parameters.get("client_id", ""))
    redirect_uri = oauth.check.redirect_uri(client, parameters, repeated=repeated)
    try:
        if repeated:
            raise invalid_request("A parameter stands twice.")
        return await oauth.check(client, redirect_uri, parameters, now=now)
    except OAuthError as error:
        raise SentBack(redirect_uri, error, parameters.get("state", ""), client.id) from error


async def _pushed(oauth: AuthorizationServer, parameters: Parameters, now: int) -> AuthorizationRequest:
    """What the client pushed; what else is in the address does not count (RFC 9126 section 4)."""
    secret = parameters["request_uri"].removeprefix(REQUEST_URI)
    ticket = await tickets.take(oauth.database, PUSHED, secret, now=now)
    if ticket is None or ticket.data["client"] != parameters.get("client_id"):
        raise Stopped("request_uri")
    await oauth.check.client(ticket.data["client"])
    return AuthorizationRequest.of(ticket.data)


async def answered(
    oauth: AuthorizationServer, request: AuthorizationRequest, record: Record | None, client: Client
) -> bool:
    """Whether the person need not be asked: the same app asked them the same before, in the same words, and what they
    agreed to then still allows all of it. An app on somebody's own device that proves nothing is asked about each time:
    any other app there can have its scheme or port. https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    """
    impersonable = client.kind is Kind.PUBLIC and not request.redirect_uri.startswith("https:")
    if "consent" in request.prompt or record is None or impersonable:
        return False
    last = await last_authorization(oauth.database, client=client.id, patient=record.patient, account=record.account)
    if last is None or (last.asked, last.redirect_uri, last.text_version) != (
        request.scopes,
        request.redirect_uri,
        text_versions()[-1],
    ):
        return False
    return await is_allowed(oauth, client, record, asked(read_granted(request.scopes)))


def proven_at(session: Session) -> int:
    """When the person last proved who they are (µs)."""
    return max(session.created, session.fresh - FRESH)


async def is_allowed(oauth: AuthorizationServer, client: Client, record: Record, cells: Cells) -> bool:
    """Whether the patient's consents to the app allow all of ``cells`` now."""
    rows = await oauth.database.fetch(_PERMITS, app(client.id), record.patient, OWN_USE, oauth.now())
    return covered(cells, [Allowance(labels, actions) for labels, actions in rows])


async def let_in(
    oauth: AuthorizationServer,
    session: Session,
    request: AuthorizationRequest,
    client: Client,
    record: Record | None,
    *,
    scopes: Granted,
    agreed: Sequence[Consented] = (),
    decided: Cells | None = None,
) -> str:
    """Store what was decided and make a code; where the browser goes with it. ``decided``: the cells that the person
    was asked about; consents to the app that say nothing else are replaced.
    """
    now = oauth.now()
    given = _authorization(session, request, client, record, scopes=scopes, now=now)

    async def work(writer: Writer) -> str:
        if agreed and record is not None:
            await _give(writer, session, client, record, agreed=agreed, decided=decided or {}, now=now)
        await add_authorization(writer, given)
        return await add_code(
            writer,
            family=given.id,
            client=client.id,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            now=now,
        )

    code = await oauth.database.transact(work)
    if agreed:
        await oauth.record("consent-given", 200, about=given)
    await oauth.record("authorize", 200, about=given)
    return answer(request.redirect_uri, {"code": code, "state": request.state, "iss": oauth.issuer})


async def turn_away(
    oauth: AuthorizationServer,
    request: AuthorizationRequest,
    error: str = "access_denied",
    description: str = "The request was declined.",
) -> str:
    """Where the browser goes with a refusal. It does not say who or what declined."""
    await oauth.record("authorize", 403, client=request.client)
    back = SentBack(request.redirect_uri, OAuthError(error, description), request.state, request.client)
    return back.address(oauth.issuer)


async def _give(
    writer: Writer,
    session: Session,
    client: Client,
    record: Record,
    *,
    agreed: Sequence[Consented],
    decided: Cells,
    now: int,
) -> None:
    recipient = app(client.id)
    before = await consents.active_to(writer, record.patient, recipient)
    for each in agreed:
        await consents.give(
            writer,
            patient=record.patient,
            tenant=record.tenant,
            recipient=recipient,
            recipient_name=client.name,
            purpose=OWN_USE,
            labels=each.allowance.labels,
            actions=each.allowance.actions,
            since=now,
            until=each.until,
            given_by=session.account,
            method=session.method,
            language=each.language,
            text=each.text,
            text_version=each.text_version,
            now=now,
        )
    for old in before:
        if old.purpose == OWN_USE and inside(Allowance(old.labels, old.actions), decided):
            await consents.withdraw(
                writer,
                patient=record.patient,
                consent_id=old.id,
                given_by=session.account,
                method=session.method,
                now=now,
                reason="replaced",
            )


def _authorization(
    session: Session,
    request: AuthorizationRequest,
    client: Client,
    record: Record | None,
    *,
    scopes: Granted,
    now: int,
) -> Authorization:
    grant = _without_record(session, client) if record is None else _in_record(record, client)
    ends_with_session = ONLINE in scopes.context and OFFLINE not in scopes.context
    return Authorization(
        id=secrets.token_hex(16),
        client=client.id,
        tenant=client.tenant,
        account=session.account,
        patient=grant.patient,
        organization=grant.organization,
        recipient=grant.recipient,
        also=grant.also,
        within=grant.within,
        role=grant.role,
        responsible=grant.responsible,
        fhir_user=grant.fhir_user,
        purpose=grant.purpose,
        scopes=scopes.text,
        asked=request.scopes,
        redirect_uri=request.redirect_uri,
        text_version=text_versions()[-1],
        session=session.hash if ends_with_session else b"",
        nonce=request.nonce,
        authenticated=proven_at(session),
        assurance=session.assurance,
        created=now,
        expires=now + WAITING_SECONDS * SECOND,
    )


def _in_record(record: Record, client: Client) -> NewGrant:
    return record.app_grant(b"", client=client.id, scopes="")


def _without_record(session: Session, client: Client) -> NewGrant:
    """Somebody who lets an app know who they are, or a professional's app that is not about one patient."""
    professional = client.users is Users.PROFESSIONALS
    return NewGrant(
        hash=b"",
        recipient=organization(session.organization) if professional else app(client.id),
        also=person(session.account) if professional else "",
        within="" if professional else person(session.account),
        scopes="",
        tenant=client.tenant,
        purpose=TREATMENT if professional else OWN_USE,
        person=session.account,
        organization=session.organization if professional else "",
        role=Role.PROFESSIONAL if professional else session.role,
        fhir_user=f"Practitioner/{practitioner_id(session.account)}" if professional else "",
    )

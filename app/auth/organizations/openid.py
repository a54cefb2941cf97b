"""Log-in at an OpenID Connect provider: the person is sent there with a state that only their own browser can bring
back, and comes with a code that is exchanged for an ID token.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth https://www.rfc-editor.org/rfc/rfc7636
https://www.rfc-editor.org/rfc/rfc9207 https://www.rfc-editor.org/rfc/rfc9700
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from app.auth import tickets
from app.auth.organizations import identity_providers
from app.auth.organizations.claims import Person, holds_bsn, person_of
from app.auth.organizations.discovery import Discovery, Metadata, Unreachable
from app.auth.organizations.id_tokens import NotValid, claims_of, kid_of
from app.auth.organizations.identity_providers import IdentityProvider
from app.auth.sealing import Seal
from app.database import Database

KIND: Final = "openid"
SECONDS: Final = 600
"""How long somebody may take at the provider."""
JUST_NOW: Final = 300
"""Seconds since the person proved who they are, for that to count as just now."""
_LONGEST_CODE: Final = 4096
Aim = Literal["log-in", "link", "again"]
"""What comes of it: a session; a further way to log in to the account of the session; its second factor anew."""


class Reason(StrEnum):
    """Why a log-in elsewhere did not work out, as pages explain it."""

    STATE = "state"
    """Not begun in this browser, used before, or too long ago."""
    CANCELLED = "cancelled"
    """The person did not go through with it at the provider."""
    PROVIDER = "provider"
    """The provider cannot be reached, or what it said cannot be believed."""
    BSN = "bsn"
    """The provider gave a BSN."""
    IDENTIFIERS = "identifiers"
    """The provider of an organisation gave no number of a professional."""
    LINKED = "linked"
    """This log-in is another account's, or this session cannot link it."""
    ACCOUNT = "account"
    """The account is closed."""


class NotLoggedIn(Exception):
    """The log-in did not work out. It carries nothing of what the provider said."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Returned:
    """Somebody who came back. ``account``: of the session in which it began, "" for none; ``then``: the page that they
    were on their way to.
    """

    provider: IdentityProvider
    person: Person
    aim: Aim
    account: str
    then: str


class OpenId:
    """Log-ins elsewhere. ``seal`` opens what ``identity_providers.SEAL`` sealed; ``callback`` is our own address to
    come back to.
    """

    def __init__(self, database: Database, discovery: Discovery, seal: Seal, *, callback: str) -> None:
        self._database = database
        self._discovery = discovery
        self._seal = seal
        self._callback = callback

    async def begin(
        self, provider_id: str, *, visit: str, now: int, aim: Aim = "log-in", account: str = "", then: str = ""
    ) -> str:
        """The address to send the person to. ``visit``: the random mark of the browser, which must bring the answer.

        Raises ``NotLoggedIn``.
        """
        provider = await self._provider(provider_id)
        metadata = await self._metadata(provider)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        data = {
            "provider": provider.id,
            "nonce": nonce,
            "verifier": verifier,
            "visit": _digest(visit),
            "aim": aim,
            "then": then,
        }
        async with self._database.write() as writer:
            state = await tickets.issue(writer, KIND, now=now, seconds=SECONDS, account=account, data=data)
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self._callback,
            "scope": provider.claims.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if aim != "log-in" else {}),
        }
        return f"{metadata.authorization_endpoint}?{urlencode(asked)}"

    async def finish(self, answer: Mapping[str, str], *, visit: str, now: int) -> Returned:
        """Who came back with ``answer``, the parameters of the callback. Raises ``NotLoggedIn``."""
        ticket = await tickets.take(self._database, KIND, answer.get("state", ""), now=now)
        if ticket is None or not hmac.compare_digest(ticket.data["visit"], _digest(visit)):
            raise NotLoggedIn(Reason.STATE)
        provider = await self._provider(ticket.data["provider"])
        metadata = await self._metadata(provider)
        issuer = answer.get("iss")
        if (issuer is not None and issuer != provider.issuer) or (issuer is None and metadata.says_iss):
            raise NotLoggedIn(Reason.PROVIDER)
        if "error" in answer:
            cancelled = answer["error"] in ("access_denied", "login_required", "interaction_required")
            raise NotLoggedIn(Reason.CANCELLED if cancelled else Reason.PROVIDER)
        code = answer.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise NotLoggedIn(Reason.PROVIDER)
        claims = await self._claims(provider, metadata, code, ticket.data, now=now)
        if holds_bsn(claims, provider.claims.bsn):
            raise NotLoggedIn(Reason.BSN)
        person = person_of(claims, provider.claims, fresh=_just_now(claims, now))
        if provider.organization and not person.identifiers:
            raise NotLoggedIn(Reason.IDENTIFIERS)
        return Returned(provider, person, ticket.data["aim"], ticket.account, ticket.data["then"])

    async def _provider(self, provider_id: str) -> IdentityProvider:
        provider = await identity_providers.find(self._database, provider_id)
        if provider is None or not provider.active:
            raise NotLoggedIn(Reason.PROVIDER)
        return provider

    async def _metadata(self, provider: IdentityProvider) -> Metadata:
        try:
            return await self._discovery.metadata(provider)
        except Unreachable:
            raise NotLoggedIn(Reason.PROVIDER) from None

    async def _claims(
        self, provider: IdentityProvider, metadata: Metadata, code: str, begun: Mapping[str, str], *, now: int
    ) -> Mapping[str, Any]:
        """The claims of the ID token that the code is good for."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": begun["verifier"],
        }
        secret, auth = provider.secret(self._seal), None
        if secret and metadata.basic:
            auth = (quote(provider.client_id, safe=""), quote(secret, safe=""))  # as RFC 6749, 2.3.1 has it
        else:
            form |= {"client_id": provider.client_id, **({"client_secret": secret} if secret else {})}
        try:
            tokens = await self._discovery.fetch("POST", metadata.token_endpoint, form=form, auth=auth)
            token, access = tokens.get("id_token"), tokens.get("access_token", "")
            if not isinstance(token, str) or not isinstance(access, str):
                raise NotValid
            return claims_of(
                token,
                await self._discovery.keys(provider, kid_of(token)),
                issuer=provider.issuer,
                client_id=provider.client_id,
                nonce=begun["nonce"],
                access_token=access,
                now=now,
            )
        except (Unreachable, NotValid):
            raise NotLoggedIn(Reason.PROVIDER) from None


def _digest(visit: str) -> str:
    return sha256(b"openid:" + visit.encode("utf-8", "replace")).hexdigest()


def _just_now(claims: Mapping[str, Any], now: int) -> bool:
    """Whether the provider says that the person proved who they are a moment ago."""
    when = claims.get("auth_time")
    return isinstance(when, int) and not isinstance(when, bool) and 0 <= now // 1_000_000 + 60 - when <= JUST_NOW + 60

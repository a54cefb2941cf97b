"""An authorization request: read and checked, before anybody is asked anything.

The order matters: until the client and its redirect URI are known to be right, nothing is sent anywhere but to the
person in front of the browser; after that, every refusal goes to the client.
https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1 https://www.rfc-editor.org/rfc/rfc7636#section-4.4.1
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from app.auth.bases import audiences
from app.auth.oauth.clients import Client, Users, find_client
from app.auth.oauth.codes import CHALLENGE
from app.auth.oauth.launch import NOT_LAUNCHED, take_launch
from app.auth.oauth.parameters import Parameters
from app.auth.oauth.redirects import answer
from app.auth.oauth.refusals import OAuthError, invalid_request
from app.auth.oauth.scopes import LAUNCH, decide
from app.database import Database
from app.fhir.definitions import Definitions

PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_LONGEST: Final = 1000
"""Characters of ``state`` and ``nonce``."""
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")
_UNSUPPORTED: Final = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}
"""https://openid.net/specs/openid-connect-core-1_0.html#AuthError"""


@dataclass(eq=False)
class Stopped(Exception):
    """Client or redirect URI are not right: a page of ours, and no redirect. ``reason``: for the access log."""

    reason: str


@dataclass(eq=False)
class SentBack(Exception):
    """A refusal that the client is told of."""

    redirect_uri: str
    error: OAuthError
    state: str
    client: str

    def address(self, issuer: str) -> str:
        """Where the browser goes."""
        return answer(
            self.redirect_uri,
            {
                "error": self.error.error,
                "error_description": self.error.description,
                "state": self.state,
                "iss": issuer,
            },
        )


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that is right. ``scopes``: what the client may be given of what it asks; ``launched_by`` and
    ``launched_in``: the account and the Patient of an EHR launch, "" without; ``max_age``: seconds since the log-in,
    -1 for any; ``received``: when (µs).
    """

    client: str
    redirect_uri: str
    scopes: str
    state: str
    challenge: str
    nonce: str = ""
    prompt: tuple[str, ...] = ()
    max_age: int = -1
    launched_by: str = ""
    launched_in: str = ""
    received: int = 0

    def as_data(self) -> dict[str, Any]:
        """As JSON that a ticket keeps."""
        return {**asdict(self), "prompt": list(self.prompt)}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> AuthorizationRequest:
        """What a ticket kept."""
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        return cls(**{**values, "prompt": tuple(data["prompt"])})


@dataclass(frozen=True, slots=True)
class RequestCheck:
    """Checks requests. ``base``: of FHIR, which ``aud`` must name."""

    database: Database
    definitions: Definitions
    base: str

    async def client(self, client_id: str) -> Client:
        """The client that people are sent by. Raises ``Stopped``."""
        client = await find_client(self.database, client_id) if client_id else None
        if client is None or not client.is_active or client.users is Users.NONE:
            raise Stopped("client")
        return client

    def redirect_uri(self, client: Client, parameters: Parameters, *, repeated: bool = False) -> str:
        """The redirect URI, which must be registered to the letter. Raises ``Stopped``."""
        given = parameters.get("redirect_uri", "")
        if not given and not repeated and len(client.redirect_uris) == 1:
            given = client.redirect_uris[0]
        if given not in client.redirect_uris:
            raise Stopped("redirect_uri")
        return given

    async def __call__(
        self, client: Client, redirect_uri: str, parameters: Parameters, *, now: int
    ) -> AuthorizationRequest:
        """The request, when the client and its redirect URI are right. Its launch, if any, is used up by this.

        Raises ``OAuthError``.
        """
        for name, error in _UNSUPPORTED.items():
            if name in parameters:
                raise OAuthError(error, f"{name} is not taken; push the request instead.")
        self._check_type(parameters)
        self._check_audience(client, parameters)
        challenge = _challenge(parameters)
        state = _short(parameters, "state")
        if not state:
            raise invalid_request("state is missing.")
        scopes = decide(parameters.get("scope", ""), client, self.definitions)
        launch = parameters.get("launch", "")
        if bool(launch) != (LAUNCH in scopes.context):
            raise invalid_request("launch goes together with the scope launch, which must be registered.")
        nonce, prompt, max_age = _short(parameters, "nonce"), _prompt(parameters), _max_age(parameters)
        opened = await take_launch(self.database, launch, client.id, now=now) if launch else NOT_LAUNCHED
        if opened is None:
            raise invalid_request("launch is unknown, was used or has expired.")
        return AuthorizationRequest(
            client=client.id,
            redirect_uri=redirect_uri,
            scopes=scopes.text,
            state=state,
            challenge=challenge,
            nonce=nonce,
            prompt=prompt,
            max_age=max_age,
            launched_by=opened.account,
            launched_in=opened.patient_id,
            received=now,
        )

    def _check_type(self, parameters: Parameters) -> None:
        kind = parameters.get("response_type", "")
        if not kind:
            raise invalid_request("response_type is missing.")
        if kind != "code":
            raise OAuthError("unsupported_response_type", "response_type is code.")
        if parameters.get("response_mode", "query") != "query":
            raise invalid_request("response_mode is query.")

    def _check_audience(self, client: Client, parameters: Parameters) -> None:
        """``resource`` (RFC 8707) says the same as SMART's ``aud``. A slash at the end is no other server."""
        named = {parameters[name] for name in ("aud", "resource") if name in parameters}
        if not named:
            raise invalid_request("aud is missing: it names the FHIR server.")
        if not {each.removesuffix("/") for each in named} <= set(audiences(self.base, client.services)):
            raise invalid_request("aud names another server.")


def _challenge(parameters: Parameters) -> str:
    challenge = parameters.get("code_challenge", "")
    if not challenge:
        raise invalid_request("code_challenge is missing: every client uses PKCE.")
    if parameters.get("code_challenge_method", "plain") != "S256":
        raise invalid_request("code_challenge_method is S256.")
    if not CHALLENGE.fullmatch(challenge):
        raise invalid_request("code_challenge is a SHA-256 in base64url, 43 characters.")
    return challenge


def _short(parameters: Parameters, name: str) -> str:
    value = parameters.get(name, "")
    if value and (len(value) > _LONGEST or not _PRINTABLE.fullmatch(value)):
        raise invalid_request(f"{name} has at most {_LONGEST} printable ASCII characters.")
    return value


def _prompt(parameters: Parameters) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(parameters.get("prompt", "").split()))
    if set(words) - PROMPTS or ("none" in words and len(words) > 1):
        raise invalid_request("prompt is none, or of login, consent and select_account.")
    return words


def _max_age(parameters: Parameters) -> int:
    given = parameters.get("max_age", "")
    if not given:
        return -1
    if not re.fullmatch(r"[0-9]{1,9}", given):
        raise invalid_request("max_age is a number of seconds.")
    return int(given)

"""An app as tests play it: it sends a browser with a request, gets a code, and redeems it."""

from __future__ import annotations

import json
import secrets
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx
from joserfc import jwt
from lxml import html

from app.auth.oauth.assertions import ASSERTION_TYPE
from tests.server.clients import CALLBACK, key
from tests.server.service import Service
from tests.web.login import logged_in

ISSUER: Final = "http://zelfregie.test"
BASE: Final = f"{ISSUER}/fhir"
TOKEN: Final = f"{ISSUER}/oauth/token"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The pair of RFC 7636, appendix B."""
STATE: Final = "a state & more"


def wanted(**changes: str | None) -> dict[str, str]:
    """The parameters of an authorization request of ``app``; None takes one away."""
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "scope": "launch/patient patient/*.rs offline_access",
        "state": STATE,
        "aud": BASE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in usual.items() if value is not None}


@asynccontextmanager
async def outside(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A client that nobody is logged in with."""
    transport = httpx.ASGITransport(service.application)
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
        yield client


def sent(answer: httpx.Response) -> dict[str, str]:
    """The parameters that a redirect to an app carries; fails the test for another answer."""
    assert answer.status_code == 303, answer.text
    return {name: value for name, (value,) in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def fields(page: httpx.Response, button: str) -> dict[str, str]:
    """What the form with this button sends when it is pressed: hidden fields, and what is ticked already."""
    root: Any = html.document_fromstring(page.text)
    (form,) = root.xpath(f"//form[.//button[@name='do' and @value='{button}']]")
    hidden = {each.get("name"): each.get("value") for each in form.xpath(".//input[@type='hidden']")}
    return {**hidden, "do": button}


async def ask(browser: httpx.AsyncClient, **changes: str | None) -> httpx.Response:
    """The page that the request leads to, or the redirect back to the app."""
    started = await browser.get("/oauth/authorize", params=wanted(**changes))
    assert started.status_code == 303, started.text
    if not started.headers["location"].startswith("/authorize/"):
        return started
    return await browser.get(started.headers["location"])


async def press(browser: httpx.AsyncClient, page: httpx.Response, button: str, **more: Any) -> httpx.Response:
    """Press a button of a page. ``more``: fields that are filled in."""
    data = {name: value for name, value in {**fields(page, button), **more}.items() if value is not None}
    return await browser.post(page.url.path, data=data)


async def allowed(browser: httpx.AsyncClient, **changes: str | None) -> str:
    """The code, after the person said yes where that was asked."""
    page = await ask(browser, **changes)
    if page.status_code == 200:
        page = await press(browser, page, "allow")
    return sent(page)["code"]


def basic(client: str, secret: str) -> dict[str, str]:
    """HTTP Basic as RFC 6749 has it."""
    pair = f"{quote_plus(client)}:{quote_plus(secret)}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def assertion(
    client: str,
    *,
    signed_by: Any = None,
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
) -> str:
    """A client assertion; None among ``claims`` or in ``header`` takes one away."""
    now = int(time.time())
    said = {
        "iss": client,
        "sub": client,
        "aud": TOKEN,
        "exp": now + 200,
        "jti": secrets.token_hex(16),
        **(claims or {}),
    }
    head = {"alg": "ES384", "kid": client, "typ": "JWT", **(header or {})}
    return jwt.encode(
        {name: value for name, value in head.items() if value is not None},
        {name: value for name, value in said.items() if value is not None},
        signed_by or key(client),
        algorithms=[head["alg"] or "ES384"],
    )


def proof(client: str, **changes: Any) -> dict[str, str]:
    """The parameters of an assertion."""
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(client, **changes)}


@dataclass(frozen=True, slots=True)
class Tokens:
    """An app with what it was given."""

    client: httpx.AsyncClient
    answer: dict[str, Any]

    @property
    def access(self) -> str:
        return str(self.answer["access_token"])

    @property
    def refresh(self) -> str:
        return str(self.answer["refresh_token"])

    async def works(self, address: str = "/fhir/Patient/anna") -> bool:
        """Whether the access token does."""
        return (await read(self.client, self.access, address)).status_code == 200


async def read(client: httpx.AsyncClient, token: str, address: str) -> httpx.Response:
    return await client.get(address, headers={"authorization": f"Bearer {token}"})


async def redeem(client: httpx.AsyncClient, code: str, **changes: str | None) -> httpx.Response:
    """Offer a code at the token endpoint."""
    usual: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "app",
        **changes,
    }
    return await client.post("/oauth/token", data={name: each for name, each in usual.items() if each is not None})


async def refresh(client: httpx.AsyncClient, token: str, **changes: str) -> httpx.Response:
    """Offer a refresh token."""
    usual = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "app", **changes}
    return await client.post("/oauth/token", data=usual)


async def tokens(service: Service, client: httpx.AsyncClient, name: str = "anna", **changes: str | None) -> Tokens:
    """What an app has after the whole flow with this person."""
    async with logged_in(service, name) as browser:
        code = await allowed(browser, **changes)
    usual = {each: changes[each] for each in ("redirect_uri", "client_id") if each in changes}
    answer = await redeem(client, code, **usual)
    assert answer.status_code == 200, answer.text
    return Tokens(client, json.loads(answer.content))


def refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    """Fails the test unless this is the OAuth error."""
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"

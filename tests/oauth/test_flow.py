"""The whole way: request, consent, code, tokens, data, refresh. What a good app meets."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from app.auth.accounts.sessions import FRESH
from tests.oauth.apps import (
    BASE,
    ISSUER,
    STATE,
    allowed,
    ask,
    basic,
    press,
    proof,
    read,
    redeem,
    refresh,
    sent,
    tokens,
    wanted,
)
from tests.server.clients import CALLBACK, SECRET
from tests.server.service import Service
from tests.web.login import logged_in


async def test_a_person_lets_an_app_in(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    page = await ask(browser)
    assert page.status_code == 200
    assert "Een app" in page.text
    back = sent(await press(browser, page, "allow"))
    assert (back["state"], back["iss"]) == (STATE, ISSUER)
    answer = await redeem(client, back["code"])
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert given["patient"] == "anna"
    assert given["token_type"] == "Bearer"
    assert given["expires_in"] == 900
    assert set(given["scope"].split()) == {"launch/patient", "offline_access", "patient/*.rs"}
    found = await read(client, given["access_token"], "/fhir/Patient/anna")
    assert found.status_code == 200
    assert (await read(client, given["access_token"], "/fhir/Patient/bram")).status_code == 404
    renewed = (await refresh(client, given["refresh_token"])).json()
    assert renewed["patient"] == "anna"
    assert (await read(client, renewed["access_token"], "/fhir/Patient/anna")).status_code == 200


async def test_the_request_may_come_as_a_form(browser: httpx.AsyncClient) -> None:
    started = await browser.post("/oauth/authorize", data=wanted())
    assert started.status_code == 303
    page = await browser.get(started.headers["location"])
    assert "code" in sent(await press(browser, page, "allow"))


async def test_who_is_not_logged_in_logs_in_first(client: httpx.AsyncClient) -> None:
    page = await ask(client)
    assert page.status_code == 303
    where = urlsplit(page.headers["location"])
    assert where.path == "/login"
    (following,) = parse_qs(where.query)["next"]
    on = await client.get(following)
    assert on.status_code == 200
    assert 'http-equiv="refresh"' in on.text


async def test_consent_needs_a_second_factor_that_was_just_given(service: Service) -> None:
    async with logged_in(service, "anna", fresh=False) as browser:
        page = await ask(browser)
        assert page.status_code == 303
        assert page.headers["location"].startswith("/account/confirm?next=")


async def test_no_is_told_to_the_app(browser: httpx.AsyncClient) -> None:
    back = sent(await press(browser, await ask(browser), "deny"))
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", STATE, ISSUER)
    assert "code" not in back


async def test_the_same_is_not_asked_twice(browser: httpx.AsyncClient) -> None:
    await allowed(browser)
    again = sent(await ask(browser))
    assert "code" in again
    silent = sent(await ask(browser, prompt="none"))
    assert "code" in silent


@pytest.mark.parametrize(("scope", "error"), [("patient/*.rs", "consent_required")])
async def test_a_silent_request_is_told_what_is_missing(browser: httpx.AsyncClient, scope: str, error: str) -> None:
    back = sent(await ask(browser, scope=scope, prompt="none"))
    assert (back["error"], back["state"]) == (error, STATE)


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "60"}])
async def test_who_is_to_prove_anew_who_they_are_does_so_after_the_app_asked(
    service: Service, browser: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    await service.database.change("UPDATE session SET created = created - 120000000, fresh = fresh - 120000000")
    page = await ask(browser, **asked)
    assert page.status_code == 303
    assert page.headers["location"].startswith("/account/confirm?next=")
    await service.database.change("UPDATE session SET fresh = $1", service.server.clock() + FRESH)
    assert (await browser.get(page.url.path)).status_code == 200


async def test_a_silent_request_of_nobody_is_told_to_log_in(client: httpx.AsyncClient) -> None:
    assert sent(await ask(client, prompt="none"))["error"] == "login_required"


async def test_an_id_token_says_who_it_is(service: Service, client: httpx.AsyncClient) -> None:
    given = await tokens(service, client, scope="openid fhirUser launch/patient patient/Patient.r", nonce="n-1")
    keys = KeySet.import_key_set((await client.get("/oauth/jwks")).json())
    token = jwt.decode(given.answer["id_token"], keys, algorithms=["RS256"])
    claims = token.claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "app", "n-1")
    assert claims["fhirUser"] == f"{BASE}/Patient/anna"
    assert claims["exp"] > claims["iat"] >= claims["auth_time"]
    assert "anna" not in claims["sub"]


async def test_each_client_knows_an_account_by_another_name(service: Service, client: httpx.AsyncClient) -> None:
    subjects = set()
    for name in ("app", "marked"):
        callback = CALLBACK if name == "app" else "https://marked.example/callback"
        given = await tokens(service, client, scope="openid fhirUser", client_id=name, redirect_uri=callback)
        subjects.add(jwt.decode(given.answer["id_token"], await _keys(client), algorithms=["RS256"]).claims["sub"])
    assert len(subjects) == 2


async def _keys(client: httpx.AsyncClient) -> KeySet:
    return KeySet.import_key_set((await client.get("/oauth/jwks")).json())


async def test_a_client_with_a_secret_proves_who_it_is(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    code = await allowed(browser, client_id="web")
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": _VERIFIER}
    answer = await client.post("/oauth/token", data=data, headers=basic("web", SECRET))
    assert answer.status_code == 200, answer.text


async def test_a_client_with_a_key_proves_who_it_is(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    code = await allowed(browser, client_id="signing")
    answer = await redeem(client, code, client_id=None, **proof("signing"))
    assert answer.status_code == 200, answer.text


async def test_a_pushed_request_leads_to_a_code(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    pushed = await client.post("/oauth/par", data=wanted())
    assert pushed.status_code == 201, pushed.text
    address = {"client_id": "app", "request_uri": pushed.json()["request_uri"], "scope": "patient/*.cruds"}
    started = await browser.get("/oauth/authorize", params=address)
    page = await browser.get(started.headers["location"])
    code = sent(await press(browser, page, "allow"))["code"]
    assert "cruds" not in (await redeem(client, code)).json()["scope"]
    assert (await browser.get("/oauth/authorize", params=address)).status_code == 400


async def test_a_system_gets_a_token_for_who_consented(client: httpx.AsyncClient) -> None:
    data = {"grant_type": "client_credentials", "scope": "system/Patient.rs", **proof("system")}
    given = (await client.post("/oauth/token", data=data)).json()
    assert (given["expires_in"], given["scope"]) == (300, "system/Patient.rs")
    assert "refresh_token" not in given
    assert (await read(client, given["access_token"], "/fhir/Patient/anna")).status_code == 200
    assert (await read(client, given["access_token"], "/fhir/Patient/bram")).status_code == 404
    assert (await read(client, given["access_token"], "/fhir/Observation")).status_code == 403
    data = {"grant_type": "client_credentials", "scope": "system/Patient.rs", **proof("other-system")}
    other = (await client.post("/oauth/token", data=data)).json()
    assert (await read(client, other["access_token"], "/fhir/Patient/anna")).status_code == 404


_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
